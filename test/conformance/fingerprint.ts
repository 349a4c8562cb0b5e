import { sql } from "kysely";
import type { Db } from "../../cloud/database/database.ts";

type Row = Record<string, unknown>;
/** Every row of every table, by table and the row's number; a row is its JSON. */
export type Fingerprint = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** `of` is the row's key, its first column; then the columns that differ. */
interface Changed {
  of: unknown;
  from: Row;
  to: Row;
}

/** What a call has done to the database, by table: nothing is `{}`. */
export type Change = Readonly<
  Record<string, { added?: readonly Row[]; removed?: readonly Row[]; changed?: readonly Changed[] }>
>;

/** Reads all tables in one statement: it is done after every call. */
export async function fingerprints(db: Db): Promise<() => Promise<Fingerprint>> {
  const columns = await sql<{ table: string; column: string }>`
    select t.name as "table", c.name as "column"
    from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table'`.execute(db);
  const members = new Map<string, string[]>();
  for (const { table, column } of columns.rows) {
    members.set(table, [...(members.get(table) ?? []), `'${column}', "${column}"`]);
  }
  const every = [...members].map(
    ([table, row]) =>
      `select '${table}' as "table", rowid as "row", json_object(${row}) as "json" from "${table}"`,
  );
  const query = sql<{ table: string; row: number; json: string }>`${sql.raw(every.join(" union all "))}`;
  return async () => {
    const all = new Map([...members.keys()].map((name) => [name, new Map<number, string>()]));
    for (const { table, row, json } of (await query.execute(db)).rows) all.get(table)?.set(row, json);
    return all;
  };
}

export function difference(before: Fingerprint, after: Fingerprint): Change {
  const change: Record<string, { added?: Row[]; removed?: Row[]; changed?: Changed[] }> = {};
  for (const [name, is] of after) {
    const was = before.get(name) ?? new Map<number, string>();
    const added = [...is].filter(([n]) => !was.has(n)).map(([, json]) => read(json));
    const removed = [...was].filter(([n]) => !is.has(n)).map(([, json]) => read(json));
    const changed = [...is].flatMap(([n, json]) => changedRow(was.get(n) ?? json, json));
    const found = {
      ...(added.length > 0 && { added }),
      ...(removed.length > 0 && { removed }),
      ...(changed.length > 0 && { changed }),
    };
    if (Object.keys(found).length > 0) change[name] = found;
  }
  return change;
}

function changedRow(was: string, is: string): Changed[] {
  if (was === is) return [];
  const [from, to] = [read(was), read(is)];
  const columns = Object.keys(to).filter((c) => to[c] !== from[c]);
  const only = (row: Row): Row => Object.fromEntries(columns.map((c) => [c, row[c]]));
  return [{ of: Object.values(to)[0], from: only(from), to: only(to) }];
}

const read = (json: string): Row => JSON.parse(json) as Row;
