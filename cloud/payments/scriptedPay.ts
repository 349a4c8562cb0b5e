import type { Clock } from "@bluepower/protocol/clock";
import type { NotificationContent, PaymentProvider, PaymentState } from "./payments.ts";

interface Transaction {
  amount: number;
  openId: string | null;
  state: "open" | "paid" | "closed";
  transactionId: string;
  paidTime: number;
}

/** What WeChat does with the next call of a kind: it is down, it does the work and the answer is lost, or it says no. */
type Fault = "down" | "lost" | "refuse";
type Call = "create" | "query" | "close" | "refund";

export interface ScriptedPay extends PaymentProvider {
  readonly transactions: Map<string, Transaction>;
  readonly refunds: Map<string, { outTradeNo: string; amount: number; status: "processing" | "success" }>;
  readonly calls: string[];
  /** Faults to come, in order, for one kind of call. */
  readonly faults: Record<Call, Fault[]>;
  refundsSettle: boolean;
  /** The payer pays; false when nobody can any more. */
  pay(outTradeNo: string): boolean;
  /** The notification of a payment, as `readNotification` of this provider takes it. */
  told(outTradeNo: string, change?: Record<string, unknown>): { headers: Headers; body: string };
}

/** For tests: WeChat Pay as a script, without wire and signatures. A notification is its content as JSON. */
export function scriptedPay(clock: Clock): ScriptedPay {
  const faults: Record<Call, Fault[]> = { create: [], query: [], close: [], refund: [] };
  const unavailable = { kind: "unavailable" as const, detail: "the script says so" };
  const refused = { kind: "refused" as const, detail: "the script says so" };
  const note = (call: Call, number: string): Fault | undefined => {
    made.calls.push(`${call} ${number}`);
    return faults[call].shift();
  };
  const create = (number: string, amount: number, openId: string | null, fault: Fault | undefined) => {
    if (fault === "down") return unavailable;
    if (fault === "refuse") return refused;
    const before = made.transactions.get(number);
    if (before !== undefined && before.state !== "open") return refused;
    made.transactions.set(
      number,
      before ?? { amount, openId, state: "open", transactionId: `wx-${number}`, paidTime: 0 },
    );
    return fault === "lost" ? unavailable : { kind: "created" as const };
  };
  const stateOf = (number: string): PaymentState => {
    const found = made.transactions.get(number);
    if (found === undefined) return { kind: "unknown_number" };
    if (found.state !== "paid") return { kind: found.state };
    const { transactionId, paidTime, amount, openId } = found;
    return { kind: "success", transactionId, successTime: paidTime, total: amount, openId };
  };
  const made: ScriptedPay = {
    appId: "wx-app",
    mchId: "1900000001",
    transactions: new Map(),
    refunds: new Map(),
    calls: [],
    faults,
    refundsSettle: true,
    async createJsapi(order) {
      const fault = note("create", order.outTradeNo);
      const answer = create(order.outTradeNo, order.amount, order.openId, fault);
      if (answer.kind !== "created") return answer;
      const payment = {
        timeStamp: "1",
        nonceStr: "n",
        package: `prepay_id=${order.outTradeNo}`,
        signType: "RSA" as const,
        paySign: "s",
      };
      return { kind: "created", prepayId: order.outTradeNo, payment };
    },
    async createH5(order) {
      const answer = create(order.outTradeNo, order.amount, null, note("create", order.outTradeNo));
      return answer.kind === "created"
        ? { kind: "created", h5Url: `https://pay.example/${order.clientIp}` }
        : answer;
    },
    async query(number) {
      return note("query", number) === undefined ? stateOf(number) : unavailable;
    },
    async close(number) {
      const fault = note("close", number);
      if (fault === "down") return unavailable;
      const found = made.transactions.get(number);
      if (found?.state === "paid") return { kind: "paid" };
      if (found !== undefined) found.state = "closed";
      return fault === "lost" ? unavailable : { kind: "closed" };
    },
    async refund({ outTradeNo, refundNo, amount, total }) {
      const fault = note("refund", refundNo);
      if (fault === "down") return unavailable;
      const paid = made.transactions.get(outTradeNo);
      // WeChat takes no refund whose total is not what the payment was.
      if (fault === "refuse" || paid?.amount !== total) return refused;
      const status = made.refundsSettle ? ("success" as const) : ("processing" as const);
      made.refunds.set(refundNo, { outTradeNo, amount, status });
      return fault === "lost" ? unavailable : { kind: status, refundId: `wx-${refundNo}` };
    },
    async readNotification(headers, body) {
      return headers.get("forged") === null ? (JSON.parse(body) as NotificationContent) : refused;
    },
    pay(number) {
      const found = made.transactions.get(number);
      if (found?.state !== "open") return false;
      found.state = "paid";
      found.paidTime = clock.now();
      return true;
    },
    told(number, change = {}) {
      const state = { ...stateOf(number), ...change };
      const content = {
        kind: "transaction",
        id: `told-${number}`,
        outTradeNo: number,
        appId: made.appId,
        mchId: made.mchId,
        ...change,
        state,
      };
      return { headers: new Headers(), body: JSON.stringify(content) };
    },
  };
  return made;
}
