import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/** Days compared with WeChat Pay's bills, what differed, and when WeChat has taken a refund: it bills it on that day. */
export const billDifference: Migration = { up: (db) => statements(db, tables) };

const tables = `
create table bill_day (
  day integer primary key, "reconcileTime" bigint not null, payments integer not null, paid bigint not null,
  refunds integer not null, refunded bigint not null, "fundFlow" integer not null);
create table bill_difference (
  id integer primary key, day integer not null, kind text not null, number text not null, class text not null,
  ours text not null, theirs text not null, subject text not null, state text not null,
  "foundTime" bigint not null, "seenTime" bigint not null, "goneTime" bigint, "settledBy" text,
  "settleTime" bigint, note text, unique (day, kind, number, class));
create index bill_difference_state on bill_difference (state);
alter table refund_info add column "acceptTime" bigint;
create index refund_info_accept on refund_info ("acceptTime");
create index refund_info_insert on refund_info ("insertTime")
`;
