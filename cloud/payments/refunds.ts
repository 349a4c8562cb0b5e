import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import type { PaymentPurpose } from "../database/schema.ts";
import type { Account } from "../ledger/accounts.ts";
import { mustPost } from "../ledger/ledger.ts";

export type RefundReason =
  | "PROVEN_MINUTES"
  | "DOUBLE_PAYMENT"
  | "ORDER_CANCELLED"
  | "LATE_PAYMENT"
  | "OPERATOR"
  | "COINS_RETURNED";

/** Why a refund has failed: WeChat has ended it, could not give it to the payer, or has not taken it at all. */
export type RefundFailure = "CLOSED" | "ABNORMAL" | "REFUSED";

/** What goes back to a payer, in the form in which it was paid. */
export interface Claim {
  purpose: PaymentPurpose;
  /** Id of the order or the purchase. */
  subject: string;
  user: string;
  /** The payment at WeChat, and what it was in all; for coins alone the attempt that paid. */
  outTradeNo: string;
  total: number;
  /** Fen in cash, and fen in coins (whole coins). */
  cash: number;
  coins: number;
  reason: RefundReason;
  /** Who gives it up: the manager who was credited, the buyer of coins, or nobody, when the platform has the money. */
  from: { manager: string } | { buyer: string } | "platform";
  /** Of an operator's: the reason, and the fen that were asked for; null for the whole. */
  note?: string;
  asked?: number | null;
  at: Instant;
}

/**
 * Writes a refund: coins are back at once, cash is kept by the platform until WeChat has confirmed that it went back.
 * Returns its number, the same for every try at WeChat.
 */
export async function claimRefund(tx: Tx, claim: Claim): Promise<string> {
  const { purpose, subject, user, outTradeNo, total, cash, coins, reason, from, at } = claim;
  const { before } = await tx
    .selectFrom("refund_info")
    .select(({ fn }) => fn.countAll<number>().as("before"))
    .where("subject", "=", subject)
    .where("outTradeNo", "=", outTradeNo)
    .executeTakeFirstOrThrow();
  const refundNo = `${outTradeNo}-R${Number(before) + 1}`;
  const payer = accountOf(from);
  const move = { reason, ...orderOf(claim), at };
  if (coins > 0) {
    await mustPost(tx, {
      ...move,
      id: `refund/${refundNo}/coins`,
      from: payer,
      to: `user_coins:${user}`,
      amount: coins,
    });
  }
  if (cash > 0 && payer !== "platform") {
    await mustPost(tx, { ...move, id: `refund/${refundNo}/cash`, from: payer, to: "platform", amount: cash });
  }
  await tx
    .insertInto("refund_info")
    .values({
      refundNo,
      purpose,
      subject,
      outTradeNo,
      user,
      cash,
      coins,
      total,
      reason,
      state: cash === 0 ? "success" : "pending",
      insertTime: at,
      updateTime: at,
      wxRefundId: null,
      note: claim.note ?? "",
      asked: claim.asked ?? null,
      failReason: null,
      replacedBy: null,
      acceptTime: null,
    })
    .execute();
  return refundNo;
}

function accountOf(from: Claim["from"]): Account {
  if (from === "platform") return from;
  return "buyer" in from ? `user_coins:${from.buyer}` : `manager_payable:${from.manager}`;
}

/** The postings of an order's refund carry its id. */
const orderOf = ({ purpose, subject }: Pick<Claim, "purpose" | "subject">): { orderId?: string } =>
  purpose === "order" ? { orderId: subject } : {};

/** WeChat has confirmed: the cash has left. False when that was known, or the refund had failed. */
export async function finishRefund(
  tx: Tx,
  refund: { refundNo: string; wxRefundId: string | null; acceptTime?: number; at: Instant },
): Promise<boolean> {
  const row = await tx
    .updateTable("refund_info")
    .set({
      state: "success",
      failReason: null,
      updateTime: refund.at,
      ...(refund.wxRefundId !== null && { wxRefundId: refund.wxRefundId }),
      ...(refund.acceptTime !== undefined && { acceptTime: refund.acceptTime }),
    })
    .where("refundNo", "=", refund.refundNo)
    .where("state", "<>", "success")
    .returning(["cash", "purpose", "subject", "reason"])
    .executeTakeFirst();
  if (row === undefined) return false;
  await mustPost(tx, {
    id: `refund/${refund.refundNo}/paid`,
    from: "platform",
    to: "wechat_clearing",
    amount: row.cash,
    reason: row.reason,
    ...orderOf(row),
    at: refund.at,
  });
  return true;
}

/** WeChat refuses it for good: the platform keeps the money until the operator has dealt with it. */
export async function failRefund(
  tx: Tx,
  refund: { refundNo: string; reason: RefundFailure; acceptTime?: number; at: Instant },
): Promise<void> {
  await tx
    .updateTable("refund_info")
    .set({
      state: "failed",
      failReason: refund.reason,
      updateTime: refund.at,
      ...(refund.acceptTime !== undefined && { acceptTime: refund.acceptTime }),
    })
    .where("refundNo", "=", refund.refundNo)
    .where("state", "=", "pending")
    .execute();
}
