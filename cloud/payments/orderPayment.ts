import type { Instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { OrderPayInfo } from "../database/schema.ts";
import { coinValue } from "../ledger/coins.ts";
import { mustPost, post } from "../ledger/ledger.ts";
import { rebill, settleNothing } from "../orders/bill.ts";
import { changeOrder, type StoredOrder, storedOrder } from "../orders/orderRow.ts";
import { freeUser } from "../orders/slots.ts";
import type { PaymentResult } from "./purposes.ts";
import type { RefundReason } from "./refunds.ts";
import { PAYMENT, type StoredPayment } from "./wxPayment.ts";

type Attempt = Selectable<OrderPayInfo>;

/** A payment at WeChat, alone or beside coins, that pays an order. */
export const orderPayment = { succeeded, failed, result };

const attemptOf = (tx: Tx, outTradeNo: string): Promise<Attempt> =>
  tx.selectFrom("order_pay_info").selectAll().where("outTradeNo", "=", outTradeNo).executeTakeFirstOrThrow();

async function succeeded(
  tx: Tx,
  payment: StoredPayment,
  of: { successTime: Instant; transactionId: string; at: Instant },
): Promise<"credited" | RefundReason> {
  const { at, successTime } = of;
  const attempt = await attemptOf(tx, payment.outTradeNo);
  const order = await storedOrder(tx, attempt.orderId);
  if (order === undefined) throw new Error(`payment ${payment.outTradeNo} of an order that does not exist`);
  await tx
    .updateTable("order_pay_info")
    .set({ wxPayid: of.transactionId, payTime: successTime })
    .where("outTradeNo", "=", payment.outTradeNo)
    .execute();
  if (!wanted(order, attempt) || !(await takeCoins(tx, order, attempt, at))) {
    if (attempt.state === PAYMENT.fail) await endAttempt(tx, attempt, PAYMENT.fail, unwanted(order));
    return unwanted(order);
  }
  await mustPost(tx, {
    id: `pay/${payment.outTradeNo}/cash`,
    from: "wechat_clearing",
    to: `manager_payable:${order.manager}`,
    amount: attempt.cash,
    reason: "PAYMENT",
    orderId: order.orderId,
    at,
  });
  await endAttempt(tx, attempt, PAYMENT.success, null);
  await markPaid(tx, { order, attempt, payTime: successTime, at });
  return "credited";
}

/** A payment that was given up counts too while its order waits to be paid and bills no more than was paid. */
function wanted(order: StoredOrder, attempt: Attempt): boolean {
  const payable = order.state === "charging" || order.state === "finished";
  const waiting = attempt.state === PAYMENT.pending ? "paying" : "unpaid";
  return payable && order.payState === waiting && attempt.money >= order.money;
}

function unwanted(order: StoredOrder): RefundReason {
  if (order.state === "cancelled") return "ORDER_CANCELLED";
  return order.payState === "paid" ? "DOUBLE_PAYMENT" : "LATE_PAYMENT";
}

/** Coins of an open payment are held for it; those of one that was given up are with their owner again, or spent. */
async function takeCoins(tx: Tx, order: StoredOrder, attempt: Attempt, at: Instant): Promise<boolean> {
  if (attempt.pmoney === 0) return true;
  const held = attempt.state === PAYMENT.pending;
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

/**
 * The order is paid by this attempt. When its bill was lowered while the payment was open, the difference goes back.
 */
export async function markPaid(
  tx: Tx,
  of: {
    order: Pick<StoredOrder, "orderId" | "money">;
    attempt: Pick<Attempt, "pmoney" | "cash" | "money">;
    payTime: Instant;
    at: Instant;
  },
): Promise<void> {
  const { order, payTime, at } = of;
  const { pmoney, cash, money } = of.attempt;
  const paid = await changeOrder(tx, order.orderId, {
    set: { payState: "paid", pmoney, cash, money, payTime, updateTime: at },
  });
  if (paid === undefined) throw new Error(`a payment of order ${order.orderId}, which does not exist`);
  await freeUser(tx, order.orderId);
  if (order.money < money) {
    await rebill(tx, { ...paid, payState: "paid" }, order.money / paid.unitPrice, at);
  }
}

/** Gives back what the open payment held: the coins, and the order. */
async function failed(
  tx: Tx,
  payment: StoredPayment,
  { reason, at }: { reason: string; at: Instant },
): Promise<void> {
  const attempt = await attemptOf(tx, payment.outTradeNo);
  await endAttempt(tx, attempt, PAYMENT.fail, reason);
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

async function endAttempt(tx: Tx, attempt: Attempt, state: 1 | 2, failReason: string | null): Promise<void> {
  await tx
    .updateTable("order_pay_info")
    .set({ state, failReason })
    .where("outTradeNo", "=", attempt.outTradeNo)
    .execute();
}

async function result(db: Db, orderId: string): Promise<PaymentResult> {
  const order = await db
    .selectFrom("order_info")
    .select("payState")
    .where("orderId", "=", orderId)
    .executeTakeFirst();
  switch (order?.payState) {
    case "paid":
    case "waived":
      return "paid";
    case "paying":
      return "pending";
    case "unpaid":
    case undefined:
      return "failed";
  }
}
