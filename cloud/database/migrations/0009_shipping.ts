import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * What the operator needs of a refund – why it was made and why it failed – and when WeChat is next told that what a payment
 * bought has been delivered. Payments that were made before are not told: nothing is known of them there.
 */
export const shipping: Migration = { up: (db) => statements(db, tables) };

const tables = `
alter table refund_info add column note text not null default '';
alter table refund_info add column asked integer;
alter table refund_info add column "failReason" text;
alter table refund_info add column "replacedBy" text;
alter table wx_payment add column "shipTime" bigint;
alter table wx_payment add column "shipTries" integer not null default 0;
alter table wx_payment add column shipped integer not null default 0;
alter table wx_payment add column "shipProblem" text;
create index wx_payment_ship on wx_payment ("shipTime")
`;
