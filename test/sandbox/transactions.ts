import { type Clock, type Instant, instant } from "@bluepower/protocol/clock";
import { type Random, text } from "@bluepower/protocol/random";
import type { Signer } from "./paySignature.ts";
import { compactTime } from "./rfc3339.ts";
import type { Store } from "./store.ts";

export interface Order {
  outTradeNo: string;
  channel: "JSAPI" | "MWEB";
  appid: string;
  description: string;
  attach?: string;
  notifyUrl: string;
  /** Fen. */
  total: number;
  /** Who is to pay (JSAPI) or has paid (MWEB, once it is paid). */
  openid?: string;
  /** After it nobody can pay any more; the order stays open until it is closed. */
  timeExpire?: Instant;
  /** The request's fields, canonical: a repeat of the number must bring the same. */
  request: string;
  /** How the merchant wants answers signed; notifications follow it. */
  signer: Signer;
  prepayId: string;
  prepayExpires: Instant;
  state: "NOTPAY" | "SUCCESS" | "REFUND" | "CLOSED";
  transactionId?: string;
  successTime?: Instant;
  shipped?: boolean;
}

export interface Refund {
  outRefundNo: string;
  refundId: string;
  outTradeNo: string;
  amount: number;
  reason?: string;
  notifyUrl?: string;
  request: string;
  signer: Signer;
  status: "PROCESSING" | "SUCCESS" | "ABNORMAL" | "CLOSED";
  createTime: Instant;
  successTime?: Instant;
}

export type NewOrder = Pick<
  Order,
  | "outTradeNo"
  | "channel"
  | "appid"
  | "description"
  | "attach"
  | "notifyUrl"
  | "total"
  | "openid"
  | "timeExpire"
  | "request"
  | "signer"
>;
export type NewRefund = Pick<
  Refund,
  "outRefundNo" | "outTradeNo" | "amount" | "reason" | "notifyUrl" | "request" | "signer"
> & {
  total: number;
};

export type Ordered = { kind: "prepared"; order: Order } | { kind: "different" | "paid" | "closed" | "full" };
export type Paid =
  | { kind: "paid"; order: Order }
  | { kind: "unknown" | "replaced" | "expired" | "closed" | "already_paid" };
export type Closed = { kind: "closed" | "unknown" | "paid" };
export type Refunded =
  | { kind: "accepted"; refund: Refund; fresh: boolean }
  | { kind: "unknown" | "unpaid" | "different" | "wrong_total" | "too_much" | "too_many" };

/** A prepay_id is good for two hours. */
export const PREPAY_LIFETIME = 2 * 3600 * 1000;
/** WeChat's own bound of refunds for one payment. */
const REFUNDS_MAX = 50;
/** Beyond this the sandbox takes no new order, so that it cannot eat the machine's memory. */
const ORDERS_MAX = 200_000;

const DIGITS = "0123456789";

/** Orders and refunds of the one merchant. Every method checks first and changes then, or changes nothing. */
export interface Transactions {
  order(outTradeNo: string): Order | undefined;
  orderOfTransaction(transactionId: string): Order | undefined;
  orderOfPrepayId(prepayId: string): Order | undefined;
  prepare(request: NewOrder): Ordered;
  pay(prepayId: string, payer: string): Paid;
  close(outTradeNo: string): Closed;
  ship(order: Order): void;
  refund(request: NewRefund): Refunded;
  refundOf(outRefundNo: string): Refund | undefined;
  /** Undefined when there is none in PROCESSING under this number. */
  settleRefund(outRefundNo: string, status: "SUCCESS" | "ABNORMAL" | "CLOSED"): Refund | undefined;
  orders(): Order[];
  refunds(outTradeNo?: string): Refund[];
}

export function transactions(of: { store: Store; clock: Clock; random: Random }): Transactions {
  const { clock, random } = of;
  const orders = of.store.table<Order>("order");
  const refunds = of.store.table<Refund>("refund");
  const byPrepayId = new Map<string, string>();
  const byTransactionId = new Map<string, string>();
  const refundsOf = new Map<string, string[]>();
  const index = (order: Order): void => {
    byPrepayId.set(order.prepayId, order.outTradeNo);
    if (order.transactionId !== undefined) byTransactionId.set(order.transactionId, order.outTradeNo);
  };
  const indexRefund = (refund: Refund): void => {
    refundsOf.set(refund.outTradeNo, [...(refundsOf.get(refund.outTradeNo) ?? []), refund.outRefundNo]);
  };
  for (const order of orders.values()) index(order);
  for (const refund of refunds.values()) indexRefund(refund);

  const keep = (order: Order): Order => {
    orders.set(order.outTradeNo, order);
    index(order);
    return order;
  };
  const refundsFor = (outTradeNo: string): Refund[] =>
    (refundsOf.get(outTradeNo) ?? []).flatMap((number) => refunds.get(number) ?? []);
  const prepay = (): Pick<Order, "prepayId" | "prepayExpires"> => ({
    prepayId: `wx${compactTime(clock.now())}${text(random, 20, "0123456789abcdef")}`,
    prepayExpires: instant(clock.now() + PREPAY_LIFETIME),
  });

  return {
    order: (outTradeNo) => orders.get(outTradeNo),
    orderOfTransaction: (id) => orders.get(byTransactionId.get(id) ?? ""),
    orderOfPrepayId: (id) => orders.get(byPrepayId.get(id) ?? ""),

    prepare(request) {
      const before = orders.get(request.outTradeNo);
      if (before === undefined) {
        if (orders.size >= ORDERS_MAX) return { kind: "full" };
        return { kind: "prepared", order: keep({ ...request, ...prepay(), state: "NOTPAY" }) };
      }
      if (before.state === "CLOSED") return { kind: "closed" };
      if (before.state !== "NOTPAY") return { kind: "paid" };
      if (before.request !== request.request || before.channel !== request.channel)
        return { kind: "different" };
      if (before.prepayExpires > clock.now()) return { kind: "prepared", order: before };
      return { kind: "prepared", order: keep({ ...before, ...prepay() }) };
    },

    pay(prepayId, payer) {
      const order = orders.get(byPrepayId.get(prepayId) ?? "");
      if (order === undefined) return { kind: "unknown" };
      if (order.state === "CLOSED") return { kind: "closed" };
      if (order.state !== "NOTPAY") return { kind: "already_paid" };
      if (order.prepayId !== prepayId) return { kind: "replaced" };
      const now = clock.now();
      if (order.prepayExpires <= now || (order.timeExpire !== undefined && order.timeExpire <= now)) {
        return { kind: "expired" };
      }
      const transactionId = `4200${text(random, 6, DIGITS)}${compactTime(now).slice(0, 8)}${text(random, 10, DIGITS)}`;
      return {
        kind: "paid",
        order: keep({ ...order, state: "SUCCESS", transactionId, successTime: now, openid: payer }),
      };
    },

    close(outTradeNo) {
      const order = orders.get(outTradeNo);
      if (order === undefined) return { kind: "unknown" };
      if (order.state === "SUCCESS" || order.state === "REFUND") return { kind: "paid" };
      if (order.state === "NOTPAY") keep({ ...order, state: "CLOSED" });
      return { kind: "closed" };
    },

    ship(order) {
      keep({ ...order, shipped: true });
    },

    refund({ total, ...request }) {
      const before = refunds.get(request.outRefundNo);
      if (before !== undefined) {
        if (before.request !== request.request) return { kind: "different" };
        return { kind: "accepted", refund: before, fresh: false };
      }
      const order = orders.get(request.outTradeNo);
      if (order === undefined) return { kind: "unknown" };
      if (order.transactionId === undefined) return { kind: "unpaid" };
      if (order.total !== total) return { kind: "wrong_total" };
      const earlier = refundsFor(order.outTradeNo);
      if (earlier.length >= REFUNDS_MAX) return { kind: "too_many" };
      const back = earlier
        .filter(({ status }) => status !== "CLOSED")
        .reduce((sum, { amount }) => sum + amount, 0);
      if (back + request.amount > order.total) return { kind: "too_much" };
      const now = clock.now();
      const refund: Refund = {
        ...request,
        refundId: `5030${text(random, 6, DIGITS)}${compactTime(now).slice(0, 8)}${text(random, 11, DIGITS)}`,
        status: "PROCESSING",
        createTime: now,
      };
      refunds.set(refund.outRefundNo, refund);
      indexRefund(refund);
      keep({ ...order, state: "REFUND" });
      return { kind: "accepted", refund, fresh: true };
    },

    refundOf: (outRefundNo) => refunds.get(outRefundNo),

    settleRefund(outRefundNo, status) {
      const refund = refunds.get(outRefundNo);
      if (refund?.status !== "PROCESSING") return undefined;
      const settled: Refund = {
        ...refund,
        status,
        ...(status === "SUCCESS" && { successTime: clock.now() }),
      };
      refunds.set(outRefundNo, settled);
      return settled;
    },

    orders: () => orders.values(),
    refunds: (outTradeNo) => (outTradeNo === undefined ? refunds.values() : refundsFor(outTradeNo)),
  };
}
