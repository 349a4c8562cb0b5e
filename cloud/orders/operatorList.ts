import type { Instant } from "@bluepower/protocol/clock";
import type { Db } from "../database/database.ts";
import type { OrderState, PayState } from "../database/schema.ts";
import type { StoredOrder } from "./orderRow.ts";

/** Which orders, whatever their state; a span is `from` up to, without, `to`. */
export interface OperatorFilter {
  user?: string | undefined;
  manager?: string | undefined;
  deviceCode?: string | undefined;
  state?: OrderState | undefined;
  payState?: PayState | undefined;
  from?: Instant | undefined;
  to?: Instant | undefined;
}

/** Orders for the operator, the newest first, also those that no list of users and managers has. */
export async function operatorOrders(db: Db, filter: OperatorFilter, limit: number): Promise<StoredOrder[]> {
  const { from, to, ...same } = filter;
  let orders = db.selectFrom("order_info").selectAll();
  for (const name of ["user", "manager", "deviceCode", "state", "payState"] as const) {
    const value = same[name];
    if (value !== undefined) orders = orders.where(name, "=", value);
  }
  if (from !== undefined) orders = orders.where("orderTime", ">=", from);
  if (to !== undefined) orders = orders.where("orderTime", "<", to);
  return await orders.orderBy("orderTime", "desc").orderBy("id", "desc").limit(limit).execute();
}

export interface OrderHistory {
  order: StoredOrder;
  payments: {
    outTradeNo: string;
    channel: string;
    state: number;
    pmoney: number;
    cash: number;
    insertTime: number;
    payTime: number | null;
    failReason: string | null;
  }[];
  refunds: {
    refundNo: string;
    cash: number;
    coins: number;
    state: string;
    reason: string;
    insertTime: number;
  }[];
}

/** An order with its payments and refunds, in the order they were made; undefined where there is none. */
export async function orderHistory(db: Db, orderId: string): Promise<OrderHistory | undefined> {
  const order = await db
    .selectFrom("order_info")
    .selectAll()
    .where("orderId", "=", orderId)
    .executeTakeFirst();
  if (order === undefined) return undefined;
  const payments = await db
    .selectFrom("order_pay_info")
    .select(["outTradeNo", "channel", "state", "pmoney", "cash", "insertTime", "payTime", "failReason"])
    .where("orderId", "=", orderId)
    .orderBy("id")
    .execute();
  const refunds = await db
    .selectFrom("refund_info")
    .select(["refundNo", "cash", "coins", "state", "reason", "insertTime"])
    .where("purpose", "=", "order")
    .where("subject", "=", orderId)
    .orderBy("id")
    .execute();
  return { order, payments, refunds };
}
