import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/** Accounts of the people who run the installation, VIP of users, and cards that they charge with. */
export const operators: Migration = { up: (db) => statements(db, tables) };

const tables = `
create table operator_account (
  name text primary key, role text not null, "passwordHash" text not null, disabled integer not null default 0,
  failures integer not null default 0, "failTime" bigint, "setupTime" bigint not null,
  "updateTime" bigint not null);
alter table user_info add column "vipUntil" bigint;
create table charge_card (
  "cardNo" text primary key, kind text not null, "user" text, "setupTime" bigint not null);
create index charge_card_user on charge_card ("user");
create index audit_log_object on audit_log (object);
create index audit_log_time on audit_log ("insertTime")
`;
