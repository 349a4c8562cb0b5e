import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * Whose a manager's number is, as with users, and since when another openid has a number; the limit that a cash-out was approved
 * under; refunds found by what took their place. What the audit demands of orders from now on is made so of those that are there:
 * no end before the start, and the slot of a user who owes a bill.
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
update order_info set "startTime" = "orderTime" where "startTime" < "orderTime";
update order_info set "endTime" = "startTime" where "endTime" < "startTime" and state = 'finished';
insert into unpaid_order ("user", "orderId") select "user", min("orderId") from order_info
  where source = 'cloud' and "payState" in ('unpaid', 'paying') and state in ('charging', 'finished')
    and "agreedMoney" > 0 and "user" not in (select "user" from unpaid_order) group by "user";
alter table cashout_info add column "secondAboveFen" bigint
`;
