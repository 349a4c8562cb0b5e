import { type Instant, instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
import { boughtCoins } from "../coins/bought.ts";
import type { Db, Tx } from "../database/database.ts";
import type { RefundInfo } from "../database/schema.ts";
import { audit, type By } from "../identity/audit.ts";
import { coinValue } from "../ledger/coins.ts";
import { giveBack, partOf } from "../orders/giveBack.ts";
import { storedOrder } from "../orders/orderRow.ts";
import { claimRefund, type RefundReason } from "./refunds.ts";
import { PAYMENT, storedPayment } from "./wxPayment.ts";

export type StoredRefund = Selectable<RefundInfo>;

/** What goes back: fen in cash through WeChat, and fen in coins, which are back at once. */
type Made = { refundNo: string; cash: number; coins: number };

/**
 * Refunds a paid order, `amount` fen of it or what is left of the payment (spec 2, "Refunds"): in the form in which it was
 * paid, cash first. Cash is sent to WeChat after the commit, by the sweeper. `exists`: the same order, amount and reason were
 * refunded before and nothing moves again. `part_of_a_coin`: coins go back whole, `below` and `above` are what can.
 */
export async function refundOrder(
  tx: Tx,
  of: { orderId: string; amount?: number; reason: string },
  by: By,
): Promise<
  | ({ kind: "refunded" | "exists" } & Made)
  | { kind: "unknown" | "not_paid" | "nothing_left" }
  | { kind: "too_much"; left: number }
  | { kind: "part_of_a_coin"; below: number; above: number }
> {
  const { orderId, amount } = of;
  const order = await storedOrder(tx, orderId);
  if (order === undefined) return { kind: "unknown" };
  const before = await madeBefore(tx, { purpose: "order", subject: orderId, ...of });
  if (before !== undefined) return { kind: "exists", ...before };
  if (order.payState !== "paid") return { kind: "not_paid" };
  if (order.money === 0) return { kind: "nothing_left" };
  const fen = amount ?? order.money;
  if (fen > order.money) return { kind: "too_much", left: order.money };
  const coin = await coinValue(tx);
  const back = partOf(order, fen, coin);
  const above = back.cash + back.coins * coin;
  if (above !== fen) return { kind: "part_of_a_coin", below: above - coin, above };
  const refundNo = await giveBack(tx, order, {
    back,
    reason: "OPERATOR",
    note: of.reason,
    asked: amount ?? null,
    at: instant(by.at),
  });
  await audit(tx, by, {
    what: "refund.order",
    object: orderId,
    detail: `${refundNo}, ${fen} fen: ${of.reason}`,
  });
  return { kind: "refunded", refundNo, cash: back.cash, coins: back.coins * coin };
}

/**
 * Gives bought coins back for the money that they cost: `coins` of a purchase, or as many as can be. At most those of the
 * purchase that have not gone back, and at most the spendable ones that the ledger proves to be bought: coins that were got as a
 * gift are nobody's money back. `exists`: as with orders.
 */
export async function refundCoins(
  tx: Tx,
  of: { payId: string; coins?: number; reason: string },
  by: By,
): Promise<
  | ({ kind: "refunded" | "exists" } & Made)
  | { kind: "unknown" | "not_paid" }
  | { kind: "too_many"; left: number }
> {
  const { payId } = of;
  const purchase = await tx
    .selectFrom("pmoney_charge_pay")
    .selectAll()
    .where("payId", "=", payId)
    .executeTakeFirst();
  if (purchase === undefined) return { kind: "unknown" };
  const coin = await coinValue(tx);
  const amount = of.coins === undefined ? {} : { amount: of.coins * coin };
  const before = await madeBefore(tx, { purpose: "coins", subject: payId, reason: of.reason, ...amount });
  if (before !== undefined) return { kind: "exists", ...before };
  if (purchase.state !== PAYMENT.success) return { kind: "not_paid" };
  const { user, outTradeNo } = purchase;
  const paid = await storedPayment(tx, outTradeNo);
  if (paid === undefined) throw new Error(`purchase ${payId} is paid without a payment`);
  const returned = (await returnedOf(tx, payId)) / coin;
  const left = Math.min(purchase.pmoney - returned, await boughtCoins(tx, user));
  const coins = of.coins ?? left;
  if (coins > left || left === 0) return { kind: "too_many", left };
  const refundNo = await claimRefund(tx, {
    ...{ purpose: "coins", subject: payId, user, outTradeNo, total: paid.cash, cash: coins * coin, coins: 0 },
    ...{ reason: "COINS_RETURNED", from: { buyer: user }, note: of.reason, asked: amount.amount ?? null },
    at: instant(by.at),
  });
  await audit(tx, by, {
    what: "refund.coins",
    object: payId,
    detail: `${refundNo}, ${coins} coins: ${of.reason}`,
  });
  return { kind: "refunded", refundNo, cash: coins * coin, coins: 0 };
}

/**
 * Sends a failed refund again under its number, which never pays twice. One that WeChat has closed can never come to anything
 * there: its money, which has stayed on the platform, goes back under a number of its own, once.
 */
export async function retryRefund(
  tx: Tx,
  refundNo: string,
  by: By,
): Promise<
  | { kind: "again" }
  | { kind: "anew" | "replaced"; refundNo: string }
  | { kind: "unknown" }
  | { kind: "not_failed"; state: StoredRefund["state"] }
> {
  const refund = await tx
    .selectFrom("refund_info")
    .selectAll()
    .where("refundNo", "=", refundNo)
    .executeTakeFirst();
  if (refund === undefined) return { kind: "unknown" };
  if (refund.replacedBy !== null) return { kind: "replaced", refundNo: refund.replacedBy };
  if (refund.state !== "failed") return { kind: "not_failed", state: refund.state };
  const at = instant(by.at);
  const anew = refund.failReason === "CLOSED" ? await claimAnew(tx, refund, at) : undefined;
  await tx
    .updateTable("refund_info")
    .set(
      anew === undefined
        ? // As one that was never tried, so that the next round sends it.
          { state: "pending", failReason: null, updateTime: refund.insertTime }
        : { replacedBy: anew, updateTime: at },
    )
    .where("refundNo", "=", refundNo)
    .execute();
  await audit(tx, by, { what: "refund.retry", object: refundNo, detail: anew ?? "" });
  return anew === undefined ? { kind: "again" } : { kind: "anew", refundNo: anew };
}

async function claimAnew(tx: Tx, refund: StoredRefund, at: Instant): Promise<string> {
  const { purpose, subject, user, outTradeNo, total, cash } = refund;
  const what = { purpose, subject, user, outTradeNo, total, cash, coins: 0 };
  // Nobody but claimRefund has written the reason.
  return await claimRefund(tx, { ...what, reason: refund.reason as RefundReason, from: "platform", at });
}

/** Refunds, the newest first; `failed`: those alone that wait for the operator. */
export async function listRefunds(
  db: Db | Tx,
  { failed, limit }: { failed: boolean; limit: number },
): Promise<StoredRefund[]> {
  let query = db.selectFrom("refund_info").selectAll();
  if (failed) query = query.where("state", "=", "failed").where("replacedBy", "is", null);
  return await query.orderBy("id", "desc").limit(limit).execute();
}

/** The refund that an operator made of this for the same reason and amount. */
async function madeBefore(
  tx: Tx,
  of: { purpose: StoredRefund["purpose"]; subject: string; amount?: number; reason: string },
): Promise<Made | undefined> {
  return await tx
    .selectFrom("refund_info")
    .select(["refundNo", "cash", "coins"])
    .where("purpose", "=", of.purpose)
    .where("subject", "=", of.subject)
    .where("note", "=", of.reason)
    .where("asked", of.amount === undefined ? "is" : "=", of.amount ?? null)
    .executeTakeFirst();
}

/** Fen of a purchase that have gone back or are about to; what replaced a closed refund counts once. */
async function returnedOf(tx: Tx, payId: string): Promise<number> {
  const { sum } = await tx
    .selectFrom("refund_info")
    .select(({ fn }) => fn.sum<number | null>("cash").as("sum"))
    .where("purpose", "=", "coins")
    .where("subject", "=", payId)
    .where("replacedBy", "is", null)
    .executeTakeFirstOrThrow();
  return Number(sum ?? 0);
}
