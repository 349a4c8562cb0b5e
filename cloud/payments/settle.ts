import type { Instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
import type { Tx } from "../database/database.ts";
import type { OrderInfo, OrderPayInfo } from "../database/schema.ts";
import { coinValue } from "../ledger/coins.ts";
import { mustPost, post } from "../ledger/ledger.ts";
import { rebill, settleNothing } from "../orders/bill.ts";
import { changeOrder } from "../orders/orderRow.ts";
import { claimRefund } from "./refunds.ts";

/** `order_pay_info.state`. */
export const ATTEMPT = { pending: 0, success: 1, fail: 2 } as const;

type AttemptRow = Pick<
  Selectable<OrderPayInfo>,
  "outTradeNo" | "orderId" | "user" | "state" | "pmoney" | "cash" | "money"
>;
type OrderRow = Pick<Selectable<OrderInfo>, "orderId" | "user" | "manager" | "state" | "payState" | "money">;

/** What a verified notification or a verified query says of a payment. */
export interface Success {
  outTradeNo: string;
  transactionId: string;
  successTime: Instant;
  at: Instant;
}

/**
 * Settles a payment that WeChat says has succeeded, whoever says so first, once. `paid`: the order is paid by it.
 * `refunded`: the money was not wanted (the order is paid or cancelled, or what belongs to the payment is gone) and goes back.
 * `repeat`: that was known.
 */
export async function settleSuccess(
  tx: Tx,
  success: Success,
): Promise<"paid" | "refunded" | "repeat" | "unknown"> {
  const { outTradeNo, at } = success;
  const attempt = await tx
    .selectFrom("order_pay_info")
    .selectAll()
    .where("outTradeNo", "=", outTradeNo)
    .executeTakeFirst();
  if (attempt === undefined) return "unknown";
  const claimed = await tx
    .updateTable("order_pay_info")
    .set({ wxPayid: success.transactionId, payTime: success.successTime })
    .where("outTradeNo", "=", outTradeNo)
    .where("wxPayid", "is", null)
    .executeTakeFirst();
  if (claimed.numUpdatedRows !== 1n) return "repeat";
  const order = await tx
    .selectFrom("order_info")
    .selectAll()
    .where("orderId", "=", attempt.orderId)
    .executeTakeFirstOrThrow();

  if (wanted(order, attempt) && (await takeCoins(tx, order, attempt, at))) {
    await honour(tx, order, attempt, success);
    return "paid";
  }
  await sendBack(tx, order, attempt, at);
  return "refunded";
}

/** A payment that was given up counts too while its order waits to be paid and bills no more than was paid. */
function wanted(order: OrderRow, attempt: AttemptRow): boolean {
  const payable = order.state === "charging" || order.state === "finished";
  const waiting = attempt.state === ATTEMPT.pending ? "paying" : "unpaid";
  return payable && order.payState === waiting && attempt.money >= order.money;
}

/** Coins of an open payment are held for it; those of one that was given up are with their owner again, or spent. */
async function takeCoins(tx: Tx, order: OrderRow, attempt: AttemptRow, at: Instant): Promise<boolean> {
  if (attempt.pmoney === 0) return true;
  const held = attempt.state === ATTEMPT.pending;
  const posted = await post(tx, {
    id: `pay/${attempt.outTradeNo}/coins`,
    from: held ? `user_coins_held:${attempt.user}` : `user_coins:${attempt.user}`,
    to: `manager_payable:${order.manager}`,
    amount: attempt.pmoney * (await coinValue(tx)),
    reason: "PAYMENT",
    orderId: order.orderId,
    at,
  });
  return posted === "created";
}

async function honour(tx: Tx, order: OrderRow, attempt: AttemptRow, success: Success): Promise<void> {
  const { at, successTime } = success;
  if (attempt.cash > 0) {
    await mustPost(tx, {
      id: `pay/${attempt.outTradeNo}/cash`,
      from: "wechat_clearing",
      to: `manager_payable:${order.manager}`,
      amount: attempt.cash,
      reason: "PAYMENT",
      orderId: order.orderId,
      at,
    });
  }
  await endAttempt(tx, attempt, ATTEMPT.success, null);
  await markPaid(tx, { order, attempt, payTime: successTime, at });
}

/**
 * The order is paid by this attempt. When its bill was lowered while the payment was open, the difference goes back.
 */
export async function markPaid(
  tx: Tx,
  of: { order: Pick<OrderRow, "orderId" | "money">; attempt: AttemptRow; payTime: Instant; at: Instant },
): Promise<void> {
  const { order, attempt, payTime, at } = of;
  const { pmoney, cash, money } = attempt;
  const paid = await changeOrder(tx, order.orderId, {
    set: { payState: "paid", pmoney, cash, money, payTime, updateTime: at },
  });
  if (paid === undefined) throw new Error(`a payment of order ${order.orderId}, which does not exist`);
  await tx.deleteFrom("unpaid_order").where("orderId", "=", order.orderId).execute();
  if (order.money < attempt.money) {
    await rebill(tx, { ...paid, payState: "paid" }, order.money / paid.unitPrice, at);
  }
}

async function sendBack(tx: Tx, order: OrderRow, attempt: AttemptRow, at: Instant): Promise<void> {
  await mustPost(tx, {
    id: `pay/${attempt.outTradeNo}/unwanted`,
    from: "wechat_clearing",
    to: "platform",
    amount: attempt.cash,
    reason: "UNWANTED_PAYMENT",
    orderId: order.orderId,
    at,
  });
  const reason =
    order.state === "cancelled"
      ? "ORDER_CANCELLED"
      : order.payState === "paid"
        ? "DOUBLE_PAYMENT"
        : "LATE_PAYMENT";
  await claimRefund(tx, {
    orderId: order.orderId,
    user: attempt.user,
    outTradeNo: attempt.outTradeNo,
    total: attempt.cash,
    cash: attempt.cash,
    coins: 0,
    reason,
    from: "platform",
    at,
  });
  if (attempt.state === ATTEMPT.pending) await release(tx, attempt, at);
  await endAttempt(tx, attempt, ATTEMPT.fail, reason);
}

/**
 * A payment that has not taken place: its coins are spendable again and the order waits to be paid. `closed`: WeChat has
 * confirmed that nobody can pay it any more. False when the payment was not open.
 */
export async function failAttempt(
  tx: Tx,
  of: { outTradeNo: string; reason: string; closed: boolean; at: Instant },
): Promise<boolean> {
  const attempt = await tx
    .updateTable("order_pay_info")
    .set({ state: ATTEMPT.fail, failReason: of.reason, closed: of.closed ? 1 : 0 })
    .where("outTradeNo", "=", of.outTradeNo)
    .where("state", "=", ATTEMPT.pending)
    .returningAll()
    .executeTakeFirst();
  if (attempt === undefined) return false;
  await release(tx, attempt, of.at);
  return true;
}

/** Gives back what the open payment held: the coins, and the order. */
async function release(tx: Tx, attempt: AttemptRow, at: Instant): Promise<void> {
  if (attempt.pmoney > 0) {
    await mustPost(tx, {
      id: `pay/${attempt.outTradeNo}/void`,
      from: `user_coins_held:${attempt.user}`,
      to: `user_coins:${attempt.user}`,
      amount: attempt.pmoney * (await coinValue(tx)),
      reason: "PAYMENT_FAILED",
      orderId: attempt.orderId,
      at,
    });
  }
  const order = await changeOrder(tx, attempt.orderId, {
    when: { payState: "paying" },
    set: { payState: "unpaid", updateTime: at },
  });
  // The bill was lowered to nothing while the payment was open.
  if (order?.money === 0) await settleNothing(tx, attempt.orderId, at);
}

async function endAttempt(
  tx: Tx,
  attempt: AttemptRow,
  state: 1 | 2,
  failReason: string | null,
): Promise<void> {
  await tx
    .updateTable("order_pay_info")
    .set({ state, failReason })
    .where("outTradeNo", "=", attempt.outTradeNo)
    .execute();
}
