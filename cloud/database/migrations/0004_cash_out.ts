import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/** The operator's steps of a cash-out, and what it took up of the manager's debt. No cash-out was made before. */
export const cashOut: Migration = { up: (db) => statements(db, tables) };

const tables = `
alter table cashout_info add column step text not null default 'requested';
alter table cashout_info add column "bankMask" text not null default '';
alter table cashout_info add column debt bigint not null default 0;
alter table cashout_info add column "approvedBy" text;
alter table cashout_info add column "secondBy" text;
alter table cashout_info add column "batchId" text;
alter table cashout_info add column reference text;
create index cashout_info_manager on cashout_info (manager, id);
create index cashout_info_state on cashout_info (state, id);
create index order_info_cashout on order_info ("cashOutId");
create table cashout_batch (
  id text primary key, "sha256" text not null, count integer not null, cash bigint not null, who text not null,
  "insertTime" bigint not null)
`;
