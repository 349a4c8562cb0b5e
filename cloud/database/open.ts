import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, Migrator } from "kysely";
import type { Db, Tx } from "./database.ts";
import { migrations } from "./migrations.ts";
import type { Schema } from "./schema.ts";
import { insideTransaction, sqliteDialect, type Trace } from "./sqlite.ts";

export interface OpenDatabase {
  db: Db;
  /** Names of the migrations that were carried out now; empty when the tables were up to date. */
  migrated: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens the database and brings its tables up to date. `url` is `sqlite:FILE`, or `sqlite::memory:` for tests.
 * A new file and its folder belong to this account only. Throws when the file cannot be opened or is newer than the program.
 */
export async function openDatabase({ url, trace }: { url: string; trace?: Trace }): Promise<OpenDatabase> {
  if (!url.startsWith("sqlite:")) throw new Error("DATABASE_URL is sqlite:FILE");
  const file = url.slice("sqlite:".length);
  if (file !== ":memory:") {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "a", 0o600));
  }
  const db = new Kysely<Schema>({ dialect: sqliteDialect(file, trace) });
  try {
    return { db, migrated: await migrate(db), close: () => db.destroy() };
  } catch (cause) {
    await db.destroy();
    throw new Error(`the database ${file} cannot be opened`, { cause });
  }
}

/**
 * Another connection to a database that is open and up to date, for long reads; undefined for one in memory, which has a single
 * connection.
 */
export function openReader(url: string): { db: Db; close(): Promise<void> } | undefined {
  const file = url.slice("sqlite:".length);
  if (file === ":memory:") return undefined;
  const db = new Kysely<Schema>({ dialect: sqliteDialect(file) });
  return { db, close: () => db.destroy() };
}

async function migrate(db: Db): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return (results ?? []).map((r) => r.migrationName);
}

/**
 * Runs `work` on the database as it is at one moment; it only reads, and nobody who writes waits for it. What else uses the
 * same connection does: a long read has a connection of its own (`openReader`).
 */
export async function consistentRead<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  const read = db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only");
  return await read.execute((tx) => marked(() => work(tx)));
}

/**
 * Runs `work` in one transaction; an exception rolls it back. Using `db` instead of `tx` inside throws at once instead of
 * waiting for ever. Nothing but the database is awaited in `work`.
 */
export async function transaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await db.transaction().execute((tx) => marked(() => work(tx)));
}

async function marked<T>(work: () => Promise<T>): Promise<T> {
  const mark = { open: true };
  return await insideTransaction.run(mark, async () => {
    try {
      return await work();
    } finally {
      mark.open = false;
    }
  });
}
