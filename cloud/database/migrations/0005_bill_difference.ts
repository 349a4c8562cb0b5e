import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * Where our books and WeChat's bill of a day differ; a row is one difference, kept when it is gone. A cash-out keeps the rate
 * at which it was asked for, so that its price can be proven when the rate has changed; of earlier ones nobody knows it.
 */
export const billDifference: Migration = { up: (db) => statements(db, tables) };

const tables = `
create table bill_difference (
  id integer primary key, day integer not null, kind text not null, "number" text not null, ours text, theirs text,
  state text not null, "foundTime" bigint not null, "seenTime" bigint not null, "settledTime" bigint, who text,
  note text not null default '', unique (day, kind, "number"));
create index bill_difference_state on bill_difference (state, id);
alter table cashout_info add column ppm bigint
`;
