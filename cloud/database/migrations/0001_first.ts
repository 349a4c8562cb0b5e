import type { Migration } from "kysely";
import { statements } from "./statements.ts";

export const first: Migration = { up: (db) => statements(db, tables) };

const tables = `
create table wx_info (
  id integer primary key, side text not null, "openId" text not null, "sessionKey" text,
  session text not null unique, phone text, "insertTime" bigint not null, "updateTime" bigint not null);
create index wx_info_openid on wx_info (side, "openId");
create index wx_info_phone on wx_info (side, phone);

create table user_info (
  id integer primary key, "user" text not null unique, "userName" text not null default '',
  pmoney integer not null default 0 check (pmoney >= 0), "setupTime" bigint not null, "professionId" integer,
  "confirmedOpenId" text not null default '');

create table manager_info (
  id integer primary key, manager text not null unique, "managerName" text not null default '',
  "setupTime" bigint not null, approved integer not null default 0);

create table site (
  id integer primary key, name text not null unique, zone text not null, "stationId" text not null default '',
  "stationName" text not null default '', "parkId" text not null default '',
  "foreignPorts" text not null default 'report');

create table gateway (
  id text primary key, "siteId" integer not null references site (id), "tokenHash" text not null,
  "setupTime" bigint not null, "seenTime" bigint, "desiredVersion" integer not null default 1,
  revoked integer not null default 0);

create table device_info (
  id integer primary key, "deviceCode" text not null unique, "deviceName" text not null default '',
  state integer not null default 0, version integer not null, "btName" text not null unique,
  "jamCode" text not null, "maxUnit" integer not null default 12, "chargeFlag" integer not null default 0,
  "unitPrice" integer not null default 0, "portState" text not null default '', "portTime" bigint,
  manager text, "setupTime" bigint not null, "updateTime" bigint not null, "addTime" bigint,
  "siteId" integer references site (id), "gatewayId" text references gateway (id),
  "chargerSeenTime" bigint, "chargerLostTime" bigint, misconfigured text not null default '');
create index device_info_manager on device_info (manager);
create index device_info_gateway on device_info ("gatewayId");

create table black_user_info (
  id integer primary key, "user" text not null, manager text not null, "setupTime" bigint not null,
  unique (manager, "user"));

create table order_info (
  id integer primary key, "orderId" text not null unique, "user" text not null, "deviceCode" text not null,
  "deviceName" text not null, port integer not null, "unitPrice" integer not null, unit integer not null,
  money integer not null, "orderTime" bigint not null, pmoney integer not null default 0,
  cash integer not null default 0, "payTime" bigint, "cashOutFlag" integer not null default 0, "cashOutId" text,
  "agreedUnit" integer not null, "agreedMoney" integer not null, state text not null, "payState" text not null,
  manager text not null, "gatewayId" text, source text not null default 'cloud', "startTime" bigint,
  "endTime" bigint, minutes integer, "endReason" text, evidence text, "cancelReason" text,
  "toldCancelled" integer not null default 0, "plateNo" text not null default '', "updateTime" bigint not null);
create index order_info_user on order_info ("user", "orderTime");
create index order_info_manager on order_info (manager, "orderTime");
create index order_info_device on order_info ("deviceCode", "orderTime");
create index order_info_gateway on order_info ("gatewayId", state);
create index order_info_state on order_info (state, "updateTime");

create table live_order (
  "deviceCode" text not null, port integer not null, "orderId" text not null unique,
  primary key ("deviceCode", port));
create table unpaid_order ("user" text primary key, "orderId" text not null unique);

create table order_pay_info (
  id integer primary key, "orderId" text not null, "user" text not null, "deviceCode" text not null,
  port integer not null, "unitPrice" integer not null, unit integer not null, money integer not null,
  "orderTime" bigint not null, state integer not null, "wxPayid" text, "payTime" bigint,
  "outTradeNo" text not null unique, channel text not null, "openId" text, pmoney integer not null,
  cash integer not null, "insertTime" bigint not null, "expireTime" bigint not null, "queryTime" bigint,
  "prepayId" text, closed integer not null default 0, "failReason" text);
create index order_pay_info_order on order_pay_info ("orderId");
create index order_pay_info_state on order_pay_info (state, "expireTime");

create table refund_info (
  id integer primary key, "refundNo" text not null unique, "orderId" text not null, "outTradeNo" text not null,
  "user" text not null, cash integer not null, coins integer not null, total integer not null,
  reason text not null, state text not null, "insertTime" bigint not null, "updateTime" bigint not null,
  "wxRefundId" text);
create index refund_info_order on refund_info ("orderId");
create index refund_info_state on refund_info (state);

create table profession_info (
  id integer primary key, "professionId" integer not null unique, "professionName" text not null);
create table pmoney_charge_info (
  id integer primary key, "payId" text not null unique, "user" text not null, pmoney integer not null,
  "payTime" bigint not null);
create table pmoney_charge_pay (
  id integer primary key, "payId" text not null unique, "user" text not null, pmoney integer not null,
  "payTime" bigint, state integer not null, "wxPayid" text);
create table pmoney_gift_info (
  id integer primary key, "giftId" text not null unique, "fromUser" text not null, "toUser" text not null,
  pmoney integer not null, "giftTime" bigint not null);
create table cashout_info (
  id integer primary key, "cashOutId" text not null unique, manager text not null, state integer not null,
  "bankName" text not null, "bankUser" text not null, "bankCode" text not null, money integer not null,
  service integer not null, cash integer not null, reason text, "cashOutTime" bigint not null,
  "processTime" bigint);

create table ledger_account (account text primary key, balance bigint not null default 0);
create table ledger_transfer (
  id text primary key, "fromAccount" text not null, "toAccount" text not null,
  amount bigint not null check (amount > 0), reason text not null, "orderId" text, "insertTime" bigint not null);
create index ledger_transfer_order on ledger_transfer ("orderId");

create table answered_call (
  app text not null, method text not null, signature text not null, answer text not null,
  "insertTime" bigint not null, primary key (app, method, signature));
create index answered_call_time on answered_call ("insertTime");
create table pay_notification (
  id text primary key, kind text not null, "outTradeNo" text not null, body text not null,
  "insertTime" bigint not null);

create table command (
  id text primary key, "gatewayId" text not null, "orderId" text, body text not null, deadline bigint not null,
  state text not null, outcome text, "insertTime" bigint not null, "answerTime" bigint);
create index command_open on command (state, deadline);
create index command_order on command ("orderId");
create table gateway_cursor (
  "gatewayId" text primary key, "streamId" text not null, "lastSeq" bigint not null default 0,
  "updateTime" bigint not null);
create table gateway_fact (
  id integer primary key, "gatewayId" text not null, seq bigint not null, kind text not null, at bigint not null,
  body text not null, "insertTime" bigint not null);
create index gateway_fact_time on gateway_fact ("insertTime");
create table dead_event (
  id integer primary key, "gatewayId" text not null, "streamId" text not null, seq bigint not null,
  kind text not null, body text not null, problem text not null, "insertTime" bigint not null);
create table port_report (
  id integer primary key, "deviceCode" text not null, port integer not null, "user" text not null,
  value integer not null, "insertTime" bigint not null);
create index port_report_device on port_report ("deviceCode", "insertTime");
create table audit_log (
  id integer primary key, who text not null, what text not null, object text not null, detail text not null,
  "insertTime" bigint not null);
create table setting (name text primary key, value text not null)
`;
