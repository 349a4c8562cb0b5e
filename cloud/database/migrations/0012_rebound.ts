import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * Whose a manager's number is, as with users, and since when another openid has a number; the limit that a cash-out was approved
 * under; and refunds found by what took their place.
 */
export const rebound: Migration = { up: (db) => statements(db, tables) };

const tables = `
alter table user_info add column "reboundTime" bigint;
alter table manager_info add column "reboundTime" bigint;
alter table manager_info add column "confirmedOpenId" text not null default '';
update user_info set "reboundTime" = (
  select max("insertTime") from audit_log where what = 'phone.rebound' and who = 'user:' || user_info."user");
update manager_info set "reboundTime" = (
  select max("insertTime") from audit_log where what = 'phone.rebound' and who = 'manager:' || manager_info.manager);
update manager_info set "confirmedOpenId" = coalesce((
  select "openId" from wx_info where side = 'manager' and phone = manager_info.manager order by id desc limit 1), '');
create index refund_info_replaced on refund_info ("replacedBy");
alter table cashout_info add column "secondAboveFen" bigint
`;
