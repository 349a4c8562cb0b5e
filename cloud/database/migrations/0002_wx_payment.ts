import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * A payment at WeChat is the same whatever it buys: what belongs to the outside moves from `order_pay_info` to a table of
 * its own, and a refund names what was bought instead of an order only.
 */
export const wxPayment: Migration = { up: (db) => statements(db, tables) };

const tables = `
create table wx_payment (
  "outTradeNo" text primary key, purpose text not null, subject text not null, "user" text not null,
  description text not null, channel text not null, "openId" text, cash integer not null, state integer not null,
  "wxPayid" text, "payTime" bigint, "insertTime" bigint not null, "expireTime" bigint not null, "queryTime" bigint,
  "prepayId" text, closed integer not null default 0, "failReason" text);
create index wx_payment_subject on wx_payment (subject);
create index wx_payment_state on wx_payment (state, "expireTime");
create index wx_payment_paid on wx_payment ("payTime");
insert into wx_payment ("outTradeNo", purpose, subject, "user", description, channel, "openId", cash, state, "wxPayid",
    "payTime", "insertTime", "expireTime", "queryTime", "prepayId", closed, "failReason")
  select "outTradeNo", 'order', "orderId", "user", '充电 ' || "deviceCode" || ' ' || port || '号端口', channel, "openId", cash,
    state, "wxPayid", "payTime", "insertTime", "expireTime", "queryTime", "prepayId", closed, "failReason"
  from order_pay_info where channel <> 'coins';
drop index order_pay_info_state;
create index order_pay_info_state on order_pay_info (state);
alter table order_pay_info drop column "openId";
alter table order_pay_info drop column "expireTime";
alter table order_pay_info drop column "queryTime";
alter table order_pay_info drop column "prepayId";
alter table order_pay_info drop column closed;
alter table pmoney_charge_pay add column "outTradeNo" text not null default '';
create index pmoney_charge_pay_user on pmoney_charge_pay ("user", id);
create index pmoney_charge_info_user on pmoney_charge_info ("user", id);
create index pmoney_gift_info_from on pmoney_gift_info ("fromUser", id);
create index pmoney_gift_info_to on pmoney_gift_info ("toUser", id);
alter table refund_info rename column "orderId" to subject;
alter table refund_info add column purpose text not null default 'order'
`;
