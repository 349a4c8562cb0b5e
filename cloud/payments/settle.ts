import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import { mustPost } from "../ledger/ledger.ts";
import { purposes } from "./purposes.ts";
import { claimRefund, type RefundReason } from "./refunds.ts";
import { toBeShipped } from "./shipping.ts";
import { PAYMENT, type StoredPayment, storedPayment } from "./wxPayment.ts";

/** What a verified notification or a verified query says of a payment. */
export interface Success {
  outTradeNo: string;
  transactionId: string;
  successTime: Instant;
  at: Instant;
}

export type Settled = "paid" | "refunded" | "repeat" | "unknown";

/**
 * Settles a payment that WeChat says has succeeded, whoever says so first, once. `paid`: what it buys is credited.
 * `refunded`: the money was not wanted (the order is paid or cancelled, or what belongs to the payment is gone) and goes back.
 * `repeat`: that was known.
 */
export async function settleSuccess(tx: Tx, success: Success): Promise<Settled> {
  const { outTradeNo } = success;
  const payment = await storedPayment(tx, outTradeNo);
  if (payment === undefined) return "unknown";
  const claimed = await tx
    .updateTable("wx_payment")
    .set({ wxPayid: success.transactionId, payTime: success.successTime })
    .where("outTradeNo", "=", outTradeNo)
    .where("wxPayid", "is", null)
    .executeTakeFirst();
  if (claimed.numUpdatedRows !== 1n) return "repeat";
  const said = await purposes[payment.purpose].succeeded(tx, payment, success);
  if (said === "credited") {
    await end(tx, outTradeNo, PAYMENT.success, null);
    await toBeShipped(tx, payment, success.at);
    return "paid";
  }
  await sendBack(tx, payment, said, success.at);
  return "refunded";
}

async function sendBack(tx: Tx, payment: StoredPayment, reason: RefundReason, at: Instant): Promise<void> {
  const { outTradeNo, purpose, subject, user, cash } = payment;
  await mustPost(tx, {
    id: `pay/${outTradeNo}/unwanted`,
    from: "wechat_clearing",
    to: "platform",
    amount: cash,
    reason: "UNWANTED_PAYMENT",
    ...(purpose === "order" && { orderId: subject }),
    at,
  });
  await claimRefund(tx, {
    ...{ purpose, subject, user, outTradeNo, total: cash, cash, coins: 0, reason },
    from: "platform",
    at,
  });
  if (payment.state === PAYMENT.pending) await purposes[purpose].failed(tx, payment, { reason, at });
  await end(tx, outTradeNo, PAYMENT.fail, reason);
}

/**
 * A payment that has not taken place: what it held is free again. `closed`: WeChat has confirmed that nobody can pay it any
 * more. False when the payment was not open.
 */
export async function failPayment(
  tx: Tx,
  of: { outTradeNo: string; reason: string; closed: boolean; at: Instant },
): Promise<boolean> {
  const { reason, at } = of;
  const payment = await tx
    .updateTable("wx_payment")
    .set({ state: PAYMENT.fail, failReason: reason, closed: of.closed ? 1 : 0 })
    .where("outTradeNo", "=", of.outTradeNo)
    .where("state", "=", PAYMENT.pending)
    .returningAll()
    .executeTakeFirst();
  if (payment === undefined) return false;
  await purposes[payment.purpose].failed(tx, payment, { reason, at });
  return true;
}

async function end(tx: Tx, outTradeNo: string, state: 1 | 2, failReason: string | null): Promise<void> {
  await tx
    .updateTable("wx_payment")
    .set({ state, failReason })
    .where("outTradeNo", "=", outTradeNo)
    .execute();
}
