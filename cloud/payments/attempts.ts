import type { Instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { Tx } from "../database/database.ts";
import { formerUntil } from "../identity/numbers.ts";
import { coinValue } from "../ledger/coins.ts";
import { post } from "../ledger/ledger.ts";
import { changeOrder, storedOrder } from "../orders/orderRow.ts";
import { markPaid } from "./orderPayment.ts";
import type { Attempt, PayChannel } from "./payments.ts";
import { insertPayment, newOutTradeNo, PAYMENT } from "./wxPayment.ts";

export interface PayRequest {
  orderId: string;
  user: string;
  /** What the phone says the bill is, fen. */
  money: number;
  /** Whole coins, and fen in cash. */
  pmoney: number;
  cash: number;
  channel: "jsapi" | "h5";
  /** The payer's openid; null after a login by SMS. */
  openId: string | null;
}

export type Opened =
  /** WeChat is to be asked for a payment. */
  | { kind: "opened"; attempt: Attempt }
  /** All coins: paid. */
  | { kind: "paid"; attempt: Attempt }
  /** An earlier attempt is open and has to be closed first. */
  | { kind: "attempt_open" }
  | {
      kind: "not_yours" | "not_payable" | "already_paid" | "amount_mismatch" | "coins_short" | "no_openid";
    }
  /** Another openid has the user's number: its coins, and bills from before, are frozen (spec 2, "Identity"). */
  | { kind: "unconfirmed" };

/**
 * Opens a payment of an order: holds its coins and turns the order to `paying`, or pays it at once when it is all coins.
 * On a refusal the caller rolls the transaction back.
 */
export async function openAttempt(
  tx: Tx,
  request: PayRequest,
  of: { at: Instant; random: Random },
): Promise<Opened> {
  const { orderId, user, money, pmoney, cash } = request;
  const { at } = of;
  const order = await storedOrder(tx, orderId);
  if (order === undefined || order.user !== user) return { kind: "not_yours" };
  const former = await formerUntil(tx, { side: "user", phone: user, openId: request.openId });
  if (former !== null && (pmoney > 0 || order.orderTime <= former)) return { kind: "unconfirmed" };
  if (order.state !== "charging" && order.state !== "finished") return { kind: "not_payable" };
  if (order.payState === "paying") return { kind: "attempt_open" };
  if (order.payState !== "unpaid") return { kind: "already_paid" };
  const coin = await coinValue(tx);
  if (money !== order.money || pmoney * coin + cash !== money) return { kind: "amount_mismatch" };
  if (cash > 0 && request.channel === "jsapi" && request.openId === null) return { kind: "no_openid" };

  const turned = await changeOrder(tx, orderId, {
    when: { payState: "unpaid", money },
    set: { payState: "paying", updateTime: at },
  });
  if (turned === undefined) return { kind: "attempt_open" };
  const channel: PayChannel = cash === 0 ? "coins" : request.channel;
  const outTradeNo = newOutTradeNo(orderId, of.random);
  const attempt = await tx
    .insertInto("order_pay_info")
    .values({
      orderId,
      user,
      deviceCode: order.deviceCode,
      port: order.port,
      unitPrice: order.unitPrice,
      unit: order.unit,
      money,
      orderTime: order.orderTime,
      state: cash === 0 ? PAYMENT.success : PAYMENT.pending,
      wxPayid: null,
      payTime: cash === 0 ? at : null,
      outTradeNo,
      channel,
      pmoney,
      cash,
      insertTime: at,
      failReason: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  if (pmoney > 0) {
    const posted = await post(tx, {
      id: `pay/${outTradeNo}/${cash === 0 ? "coins" : "hold"}`,
      from: `user_coins:${user}`,
      to: cash === 0 ? `manager_payable:${order.manager}` : `user_coins_held:${user}`,
      amount: pmoney * coin,
      reason: "PAYMENT",
      orderId,
      at,
    });
    if (posted !== "created") return { kind: "coins_short" };
  }
  const opened: Attempt = { subject: orderId, outTradeNo, channel };
  if (channel === "coins") {
    await markPaid(tx, { order, attempt, payTime: at, at });
    return { kind: "paid", attempt: opened };
  }
  await insertPayment(tx, {
    ...{ outTradeNo, purpose: "order", subject: orderId, user, channel, openId: request.openId, cash, at },
    description: `充电 ${order.deviceCode} ${order.port}号端口`,
  });
  return { kind: "opened", attempt: opened };
}
