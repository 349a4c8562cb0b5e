import type { Instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { Db, Tx } from "../database/database.ts";
import { payIds } from "../identifiers.ts";
import { coinValue } from "../ledger/coins.ts";
import { mustPost } from "../ledger/ledger.ts";
import type { Attempt } from "./payments.ts";
import type { PaymentResult } from "./purposes.ts";
import type { RefundReason } from "./refunds.ts";
import { insertPayment, newOutTradeNo, PAYMENT, type StoredPayment } from "./wxPayment.ts";

/** A payment at WeChat that buys coins. */
export const coinPurchase = { succeeded, failed, result };

/** `no_openid`: by jsapi only somebody who has logged in at WeChat can pay. */
export type PurchaseOpened = { kind: "opened"; payId: string; attempt: Attempt } | { kind: "no_openid" };

/**
 * Opens a purchase of whole coins at the fixed value of a coin (spec 2, step 7): a row of `pmoney_charge_pay` and a payment
 * that WeChat is asked for after the commit.
 */
export async function openPurchase(
  tx: Tx,
  purchase: { user: string; pmoney: number; channel: "jsapi" | "h5"; openId: string | null },
  of: { at: Instant; random: Random },
): Promise<PurchaseOpened> {
  const { user, pmoney, channel, openId } = purchase;
  if (channel === "jsapi" && openId === null) return { kind: "no_openid" };
  for (const payId of payIds(user, of.at)) {
    const outTradeNo = newOutTradeNo(payId, of.random);
    const inserted = await tx
      .insertInto("pmoney_charge_pay")
      .values({ payId, user, pmoney, payTime: null, state: PAYMENT.pending, wxPayid: null, outTradeNo })
      .onConflict((c) => c.column("payId").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows !== 1n) continue;
    await insertPayment(tx, {
      ...{ outTradeNo, purpose: "coins", subject: payId, user, channel, openId, at: of.at },
      description: `电币充值 ${pmoney} 枚`,
      cash: pmoney * (await coinValue(tx)),
    });
    return { kind: "opened", payId, attempt: { subject: payId, outTradeNo, channel } };
  }
  throw new Error("pay ids never end");
}

/** Coins are credited whenever their money has come, also after the purchase was given up. */
async function succeeded(
  tx: Tx,
  payment: StoredPayment,
  of: { successTime: Instant; transactionId: string; at: Instant },
): Promise<"credited" | RefundReason> {
  const payId = payment.subject;
  const { user, pmoney } = await tx
    .updateTable("pmoney_charge_pay")
    .set({ state: PAYMENT.success, wxPayid: of.transactionId, payTime: of.successTime })
    .where("payId", "=", payId)
    .returning(["user", "pmoney"])
    .executeTakeFirstOrThrow();
  await mustPost(tx, {
    id: `pay/${payment.outTradeNo}/cash`,
    from: "wechat_clearing",
    to: `user_coins:${user}`,
    amount: payment.cash,
    reason: "COINS",
    at: of.at,
  });
  await tx
    .insertInto("pmoney_charge_info")
    .values({ payId, user, pmoney, payTime: of.successTime })
    .execute();
  return "credited";
}

async function failed(tx: Tx, payment: StoredPayment): Promise<void> {
  await tx
    .updateTable("pmoney_charge_pay")
    .set({ state: PAYMENT.fail })
    .where("payId", "=", payment.subject)
    .where("state", "=", PAYMENT.pending)
    .execute();
}

async function result(db: Db, payId: string): Promise<PaymentResult> {
  const row = await db
    .selectFrom("pmoney_charge_pay")
    .select("state")
    .where("payId", "=", payId)
    .executeTakeFirst();
  if (row?.state === PAYMENT.success) return "paid";
  return row?.state === PAYMENT.pending ? "pending" : "failed";
}
