import { AsyncLocalStorage } from "node:async_hooks";
import Sqlite from "better-sqlite3";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

/** Statements kept prepared; the program has fewer, generated `in (…)` lists make up the rest. */
const STATEMENTS_MAX = 500;
/** How long a statement waits for another process (the command line) that is writing. */
const BUSY_MS = 5000;

/** Set while the function of a `transaction` runs. */
export const insideTransaction = new AsyncLocalStorage<{ open: boolean }>();

/**
 * Called before the database is used, before a commit and after one; what it throws goes to whoever uses the database, and
 * before a commit undoes it: so a simulation ends the program there.
 */
export type Trace = (when: "use" | "commit" | "committed") => void;

/**
 * SQLite for Kysely: one connection, handed out in the order of asking. Transactions take the write lock at once
 * (`BEGIN IMMEDIATE`), so a transaction that has begun never fails for want of it. Every commit is on the disk
 * (`synchronous = FULL`) before it is answered.
 */
export function sqliteDialect(file: string, trace: Trace = () => {}): Dialect {
  return {
    createDriver: () => driver(file, trace),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () => ({
      supportsCreateIfNotExists: true,
      // All migrations in one transaction: two processes that start at once do them once.
      supportsTransactionalDdl: true,
      supportsReturning: true,
      acquireMigrationLock: async () => {},
      releaseMigrationLock: async () => {},
    }),
  };
}

function driver(file: string, trace: Trace): Driver {
  const sqlite = new Sqlite(file, { timeout: BUSY_MS });
  sqlite.pragma("journal_mode = WAL");
  sqlite.pragma("synchronous = FULL");
  sqlite.pragma("foreign_keys = ON");
  const connection = sqliteConnection(sqlite, trace);
  const begin = sqlite.prepare("begin immediate");
  const beginRead = sqlite.prepare("begin deferred");
  const commit = sqlite.prepare("commit");
  let reads = false;
  let held = false;
  const waiting: (() => void)[] = [];

  return {
    async init() {},
    async acquireConnection() {
      if (insideTransaction.getStore()?.open === true) {
        throw new Error("the database is used inside a transaction: use tx, or it waits for itself for ever");
      }
      if (held) await new Promise<void>((resolve) => waiting.push(resolve));
      held = true;
      return connection;
    },
    async releaseConnection() {
      const next = waiting.shift();
      if (next === undefined) held = false;
      else next();
    },
    async beginTransaction(_connection, { accessMode }) {
      reads = accessMode === "read only";
      (reads ? beginRead : begin).run();
    },
    async commitTransaction() {
      if (!reads) trace("commit");
      commit.run();
      if (!reads) trace("committed");
    },
    async rollbackTransaction() {
      // A full disk and the like roll back by themselves.
      if (sqlite.inTransaction) sqlite.exec("rollback");
    },
    async destroy() {
      sqlite.close();
    },
  };
}

function sqliteConnection(sqlite: Sqlite.Database, trace: Trace): DatabaseConnection {
  const prepared = new Map<string, Sqlite.Statement<unknown[], Record<string, unknown>>>();
  const statement = (sql: string): Sqlite.Statement<unknown[], Record<string, unknown>> => {
    const found = prepared.get(sql);
    if (found !== undefined) return found;
    if (prepared.size >= STATEMENTS_MAX) prepared.clear();
    const made = sqlite.prepare<unknown[], Record<string, unknown>>(sql);
    prepared.set(sql, made);
    return made;
  };
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      for (const value of query.parameters) checkParameter(value, query.sql);
      trace("use");
      const made = statement(query.sql);
      const commits = !made.readonly && !sqlite.inTransaction;
      if (commits) trace("commit");
      if (made.reader) {
        const rows = made.all(...query.parameters);
        if (commits) trace("committed");
        for (const row of rows) checkRow(row);
        return { rows: rows as R[] };
      }
      const { changes, lastInsertRowid } = made.run(...query.parameters);
      if (commits) trace("committed");
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    },
    // biome-ignore lint/correctness/useYield: the interface wants it, nothing here streams
    async *streamQuery() {
      throw new Error("rows are not streamed");
    },
  };
}

/** Money, times and flags are whole numbers: SQLite would store 1.5 in an integer column without a word. */
function checkParameter(value: unknown, sql: string): void {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is no whole number that can be stored: ${sql.slice(0, 80)}`);
  }
}

function checkRow(row: Record<string, unknown>): void {
  for (const name in row) {
    const value = row[name];
    if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(`${name} is beyond the whole numbers that are read exactly`);
    }
  }
}
