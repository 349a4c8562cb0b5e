import type { Clock } from "@bluepower/protocol/clock";
import { rfc3339 } from "./rfc3339.ts";
import type { Order, Refund } from "./transactions.ts";

const STATE_WORDS: Record<Order["state"], string> = {
  NOTPAY: "订单未支付",
  SUCCESS: "支付成功",
  REFUND: "转入退款",
  CLOSED: "订单已关闭",
};

/** An order as both queries answer it and as a notification carries it. */
export function orderView(order: Order, mchid: string): Record<string, unknown> {
  const paid = order.transactionId !== undefined && order.successTime !== undefined;
  return {
    appid: order.appid,
    mchid,
    out_trade_no: order.outTradeNo,
    trade_state: order.state,
    trade_state_desc: STATE_WORDS[order.state],
    attach: order.attach ?? "",
    ...(paid && {
      transaction_id: order.transactionId,
      trade_type: order.channel,
      bank_type: "OTHERS",
      success_time: order.successTime === undefined ? undefined : rfc3339(order.successTime),
    }),
    ...(order.openid !== undefined && { payer: { openid: order.openid } }),
    amount: {
      total: order.total,
      currency: "CNY",
      payer_currency: "CNY",
      ...(paid && { payer_total: order.total }),
    },
    promotion_detail: [],
  };
}

/** A refund as it is answered to its creation and to a query. */
export function refundView(refund: Refund, order: Order): Record<string, unknown> {
  return {
    refund_id: refund.refundId,
    out_refund_no: refund.outRefundNo,
    transaction_id: order.transactionId,
    out_trade_no: refund.outTradeNo,
    channel: "ORIGINAL",
    user_received_account: "支付用户零钱",
    create_time: rfc3339(refund.createTime),
    ...(refund.successTime !== undefined && { success_time: rfc3339(refund.successTime) }),
    status: refund.status,
    funds_account: "AVAILABLE",
    amount: {
      ...refundAmount(refund, order),
      settlement_refund: refund.amount,
      settlement_total: order.total,
      discount_refund: 0,
      currency: "CNY",
    },
    promotion_detail: [],
  };
}

/** A refund as its notification carries it: other names than in the answer to a query. */
export function refundNotificationView(refund: Refund, order: Order, mchid: string): Record<string, unknown> {
  return {
    mchid,
    transaction_id: order.transactionId,
    out_trade_no: refund.outTradeNo,
    refund_id: refund.refundId,
    out_refund_no: refund.outRefundNo,
    refund_status: refund.status,
    ...(refund.successTime !== undefined && { success_time: rfc3339(refund.successTime) }),
    user_received_account: "支付用户零钱",
    amount: refundAmount(refund, order),
  };
}

const refundAmount = (refund: Refund, order: Order): Record<string, number> => ({
  total: order.total,
  refund: refund.amount,
  payer_total: order.total,
  payer_refund: refund.amount,
});

/** What a notification is about, before it is encrypted. */
export interface Event {
  eventType: "TRANSACTION.SUCCESS" | "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED";
  originalType: "transaction" | "refund";
  summary: string;
  createTime: string;
  plaintext: string;
}

export const paidEvent = (order: Order, mchid: string, clock: Clock): Event => ({
  eventType: "TRANSACTION.SUCCESS",
  originalType: "transaction",
  summary: "支付成功",
  createTime: rfc3339(clock.now()),
  plaintext: JSON.stringify(orderView(order, mchid)),
});

/** The event of a settled refund; undefined while it is in PROCESSING. */
export function refundEvent(refund: Refund, order: Order, mchid: string, clock: Clock): Event | undefined {
  if (refund.status === "PROCESSING") return undefined;
  return {
    eventType: `REFUND.${refund.status}`,
    originalType: "refund",
    summary: { SUCCESS: "退款成功", ABNORMAL: "退款异常", CLOSED: "退款关闭" }[refund.status],
    createTime: rfc3339(clock.now()),
    plaintext: JSON.stringify(refundNotificationView(refund, order, mchid)),
  };
}
