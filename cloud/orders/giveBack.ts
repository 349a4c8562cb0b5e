import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import { coinValue } from "../ledger/coins.ts";
import { claimRefund, type RefundReason } from "../payments/refunds.ts";
import { changeOrder, type StoredOrder } from "./orderRow.ts";

type Paid = Pick<StoredOrder, "orderId" | "user" | "manager" | "money" | "pmoney" | "cash" | "cashOutFlag">;

/** What goes back of a payment: fen in cash, and whole coins. */
export interface Back {
  cash: number;
  coins: number;
}

/**
 * The part of a payment that goes back for `fen`, never more than was paid: cash first, then coins. Coins are whole: a part of
 * one goes back as one, in the payer's favour.
 */
export function partOf(paid: Pick<Paid, "pmoney" | "cash">, fen: number, coin: number): Back {
  const cash = Math.min(paid.cash, fen);
  return { cash, coins: Math.min(paid.pmoney, Math.ceil((fen - cash) / coin)) };
}

/** The attempt that paid an order; undefined when nothing had to be paid. */
export const paymentOf = (tx: Tx, orderId: string) =>
  tx
    .selectFrom("order_pay_info")
    .select(["outTradeNo", "cash"])
    .where("orderId", "=", orderId)
    .where("state", "=", 1)
    .executeTakeFirst();

/**
 * Gives a part of a paid order back in the form in which it was paid (spec 2, "Refunds"): the manager gives it up, the bill is
 * then what is left of the payment, and what can be withdrawn follows, or the manager's debt. Returns the refund's number.
 * Throws for an order that is paid without a payment.
 */
export async function giveBack(
  tx: Tx,
  order: Paid,
  of: { back: Back; unit?: number; reason: RefundReason; note?: string; asked?: number | null; at: Instant },
): Promise<string> {
  const { back, unit, reason, at } = of;
  const coins = back.coins * (await coinValue(tx));
  const paidBy = await paymentOf(tx, order.orderId);
  if (paidBy === undefined) throw new Error(`order ${order.orderId} is paid without a payment`);
  const refundNo = await claimRefund(tx, {
    purpose: "order",
    subject: order.orderId,
    user: order.user,
    outTradeNo: paidBy.outTradeNo,
    total: paidBy.cash,
    cash: back.cash,
    coins,
    reason,
    from: { manager: order.manager },
    note: of.note ?? "",
    asked: of.asked ?? null,
    at,
  });
  const money = order.money - back.cash - coins;
  await changeOrder(tx, order.orderId, {
    set: {
      ...(unit !== undefined && { unit }),
      money,
      cash: order.cash - back.cash,
      pmoney: order.pmoney - back.coins,
      updateTime: at,
      // Nothing is left to withdraw.
      ...(money === 0 && order.cashOutFlag === 0 && { cashOutFlag: 2 }),
    },
  });
  return refundNo;
}
