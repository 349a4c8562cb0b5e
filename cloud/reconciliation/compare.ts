import type { Selectable } from "kysely";
import type { BillKind, DifferenceClass, RefundInfo, WxPayment } from "../database/schema.ts";
import { PAYMENT } from "../payments/wxPayment.ts";
import { billDayOf, type Day } from "./billDay.ts";
import type { FundFlow } from "./fundFlow.ts";
import type { BilledPayment, BilledRefund, TradeBill } from "./tradeBill.ts";

/** What a bill and ours do not say alike. */
export interface Difference {
  kind: BillKind;
  number: string;
  class: DifferenceClass;
  ours: string;
  theirs: string;
  subject: string;
}

export type OurPayment = Pick<
  Selectable<WxPayment>,
  "outTradeNo" | "subject" | "cash" | "state" | "wxPayid" | "payTime"
> & {
  /** The state of what it buys: of the attempt to pay an order, of the purchase of coins. Null where that is gone. */
  bought: number | null;
};

export type OurRefund = Pick<
  Selectable<RefundInfo>,
  "refundNo" | "outTradeNo" | "subject" | "cash" | "state" | "failReason" | "insertTime" | "acceptTime"
>;

/** Ours of a day, and what of other days the bill names. */
export interface Ours {
  payments: readonly OurPayment[];
  refunds: readonly OurRefund[];
}

/** Every difference of a day between the bill and ours. Says what each side says and decides nothing. */
export function compare(day: Day, bill: TradeBill, ours: Ours): Difference[] {
  const payments = new Map(ours.payments.map((p) => [p.outTradeNo, p]));
  const refunds = new Map(ours.refunds.map((r) => [r.refundNo, r]));
  return [
    ...[...bill.payments.values()].flatMap((b) => ofPayment(day, b, payments.get(b.outTradeNo))),
    ...ours.payments
      .filter((p) => came(p) && dayOfPayment(p) === day && !bill.payments.has(p.outTradeNo))
      .map((p) => difference("payment", "only_ours", p.outTradeNo, { ours: paid(p), subject: p.subject })),
    ...[...bill.refunds.values()].flatMap((b) => ofRefund(day, b, refunds.get(b.refundNo))),
    ...ours.refunds
      .filter((r) => isTaken(r) && billDayOf(takenAt(r)) === day && !bill.refunds.has(r.refundNo))
      .map((r) => difference("refund", "only_ours", r.refundNo, { ours: given(r), subject: r.subject })),
  ];
}

/** The account's money of a day against the sums of its bill. */
export function compareTotals(bill: TradeBill, flow: FundFlow): Difference[] {
  const totals = [
    ["income", bill.paid, flow.income],
    ["refunds and fees", bill.refunded + bill.fees, flow.outgo],
  ] as const;
  return totals
    .filter(([, billed, flowed]) => billed !== flowed)
    .map(([name, billed, flowed]) =>
      difference("totals", "totals", name, { ours: yuan(billed), theirs: yuan(flowed) }),
    );
}

function ofPayment(day: Day, billed: BilledPayment, ours: OurPayment | undefined): Difference[] {
  const number = billed.outTradeNo;
  const theirs = `${yuan(billed.amount)} ${billed.state} ${billed.transactionId}`;
  if (ours === undefined) return [difference("payment", "only_theirs", number, { theirs })];
  const { subject } = ours;
  const found: Difference[] = [];
  if (ours.cash !== billed.amount) {
    const amounts = { ours: yuan(ours.cash), theirs: yuan(billed.amount), subject };
    found.push(difference("payment", "amount", number, amounts));
  }
  const same =
    came(ours) &&
    ours.bought === ours.state &&
    billed.state === "SUCCESS" &&
    ours.wxPayid === billed.transactionId &&
    dayOfPayment(ours) === day;
  if (!same) found.push(difference("payment", "state", number, { ours: paid(ours), theirs, subject }));
  return found;
}

function ofRefund(day: Day, billed: BilledRefund, ours: OurRefund | undefined): Difference[] {
  const number = billed.refundNo;
  const theirs = `${yuan(billed.amount)} ${billed.state} of ${billed.outTradeNo}`;
  if (ours === undefined) return [difference("refund", "only_theirs", number, { theirs })];
  const { subject } = ours;
  const found: Difference[] = [];
  if (ours.cash !== billed.amount) {
    const amounts = { ours: yuan(ours.cash), theirs: yuan(billed.amount), subject };
    found.push(difference("refund", "amount", number, amounts));
  }
  const sameDay = ours.acceptTime === null || billDayOf(ours.acceptTime) === day;
  const same = sameDay && ours.outTradeNo === billed.outTradeNo && agrees(ours, billed.state);
  if (!same) found.push(difference("refund", "state", number, { ours: given(ours), theirs, subject }));
  return found;
}

/** A bill's word for a refund is that of the morning it was made: one that was under way then has ended either way since. */
function agrees(ours: OurRefund, state: string): boolean {
  if (state === "PROCESSING") return ours.failReason !== "REFUSED";
  return state === "SUCCESS" ? ours.state === "success" : ours.state === "failed";
}

/** WeChat has taken its money, whether it was wanted or goes back. */
const came = (p: OurPayment): boolean => p.wxPayid !== null && p.payTime !== null;
const dayOfPayment = (p: OurPayment): Day | undefined =>
  p.payTime === null ? undefined : billDayOf(p.payTime);

/** What WeChat has not taken, or not that we know of, need be in no bill. */
const isTaken = ({ state, failReason, acceptTime }: OurRefund): boolean =>
  acceptTime !== null || state === "success" || (state === "failed" && failReason !== "REFUSED");

/** A refund is sent as soon as it is made; where the answer that tells WeChat's time was lost, that is near enough. */
const takenAt = (r: OurRefund): number => r.acceptTime ?? r.insertTime;

const STATES = { [PAYMENT.pending]: "open", [PAYMENT.success]: "paid", [PAYMENT.fail]: "failed" };

function paid(p: OurPayment): string {
  const state = STATES[p.state as 0 | 1 | 2];
  const word =
    p.bought === p.state ? state : `${state}, what it buys ${STATES[p.bought as 0 | 1 | 2] ?? "gone"}`;
  const of = dayOfPayment(p);
  return `${yuan(p.cash)} ${word}${p.wxPayid === null ? "" : ` ${p.wxPayid}`}${of === undefined ? "" : ` on ${of}`}`;
}

const given = (r: OurRefund): string =>
  `${yuan(r.cash)} ${r.state}${r.failReason === null ? "" : ` (${r.failReason})`} of ${r.outTradeNo}`;

const yuan = (fen: number): string => (fen / 100).toFixed(2);

function difference(
  kind: BillKind,
  is: DifferenceClass,
  number: string,
  says: Partial<Pick<Difference, "ours" | "theirs" | "subject">>,
): Difference {
  return { kind, number, class: is, ours: "", theirs: "", subject: "", ...says };
}
