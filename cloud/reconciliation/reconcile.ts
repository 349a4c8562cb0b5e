import type { Clock } from "@bluepower/protocol/clock";
import { sql } from "kysely";
import type { Db } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { audit, type By } from "../identity/audit.ts";
import { type Day, lastBillDay, spanOf } from "./billDay.ts";
import type { Bills } from "./bills.ts";
import { compare, compareTotals, type Difference, type OurPayment, type OurRefund } from "./compare.ts";
import { keyOf, type Recorded, recordFound, recordGone, stateOf } from "./differences.ts";
import { emptyTradeBill, type TradeBill } from "./tradeBill.ts";
import { giveWay, pieces } from "./turn.ts";

export type Reconciled =
  | { kind: "compared"; day: Day; payments: number; refunds: number; fundFlow: boolean; found: Recorded }
  /** The day is not over, or its bill not made yet. */
  | { kind: "not_out" }
  /** WeChat Pay cannot say now; nothing was written. */
  | { kind: "unavailable"; detail: string }
  /** It says no, or what it says cannot be believed; nothing was written. */
  | { kind: "refused" | "bad"; detail: string };

/**
 * Compares a day of WeChat Pay with ours and writes down what differs, and nothing else: neither payments nor refunds nor the
 * ledger change. May be repeated as often as one likes. `by` is the operator who has asked for it.
 *
 * Nobody waits for a big bill: it is compared and written down piece by piece, each in a short transaction. A day counts as
 * compared with the last of them; a run that dies before is repeated whole, and finds and writes the same.
 */
export async function reconcileDay(
  of: { db: Db; clock: Clock; bills: Bills },
  day: Day,
  by?: By,
): Promise<Reconciled> {
  const { db, clock, bills } = of;
  if (day > lastBillDay(clock.now())) return { kind: "not_out" };
  const trade = await bills.tradeBill(day);
  if (trade.kind !== "bill" && trade.kind !== "none") return trade;
  const flow = await bills.fundFlow(day);
  if (flow.kind !== "bill" && flow.kind !== "none") return flow;
  const bill = trade.kind === "bill" ? trade.bill : emptyTradeBill();
  // An account that is settled later has no flow on the day; a flow without any payment is a matter of the totals.
  const fundFlow = flow.kind === "bill" ? flow.bill : null;
  const at = clock.now();

  const keys = new Set<string>();
  const write = async (differences: readonly Difference[]): Promise<void> => {
    for (const found of differences) keys.add(keyOf(found));
    await transaction(db, (tx) => recordFound(tx, { day, differences, at }));
  };
  for await (const found of differencesOf(db, day, bill)) if (found.length > 0) await write(found);
  if (fundFlow !== null) await write(compareTotals(bill, fundFlow));

  let gone = 0;
  for (let after = 0; ; ) {
    const isFound = (key: string): boolean => keys.has(key);
    const looked = await transaction(db, (tx) =>
      recordGone(tx, { day, after, isFound, totals: fundFlow !== null, at }),
    );
    if (looked === undefined) break;
    gone += looked.gone;
    after = looked.last;
    await giveWay();
  }

  const { paid, refunded } = bill;
  const [payments, refunds] = [bill.payments.size, bill.refunds.size];
  return await transaction(db, async (tx) => {
    const found = { ...(await stateOf(tx, day)), gone };
    const row = {
      ...{ reconcileTime: at, payments, paid, refunds, refunded, fundFlow: fundFlow === null ? 0 : 1 },
    };
    await tx
      .insertInto("bill_day")
      .values({ day, ...row })
      .onConflict((c) => c.column("day").doUpdateSet(row))
      .execute();
    if (by !== undefined) {
      await audit(tx, by, { what: "bill.reconcile", object: String(day), detail: `${found.open} open` });
    }
    return { kind: "compared", day, payments, refunds, fundFlow: fundFlow !== null, found };
  });
}

/** Compared at a stretch, some milliseconds; SQLite takes no more than 32,766 values, a difference has thirteen. */
const ROWS = 500;

/**
 * Every difference of a day, piece by piece: what the bill names beside ours of the same numbers, then ours of the day that it
 * does not name. Ours of a day that is over change one by one at most, so they need not be read at one moment.
 */
async function* differencesOf(db: Db, day: Day, bill: TradeBill): AsyncGenerator<Difference[]> {
  const nothing = { payments: [], refunds: [] };
  for await (const billed of pieces(bill.payments, ROWS)) {
    const numbers = billed.map(([number]) => number);
    const payments = await ourPayments(db).where("w.outTradeNo", "in", numbers).execute();
    yield compare(day, { ...emptyTradeBill(), payments: new Map(billed) }, { ...nothing, payments });
  }
  for await (const payments of paidOn(db, day)) {
    const unbilled = payments.filter((p) => !bill.payments.has(p.outTradeNo));
    yield compare(day, emptyTradeBill(), { ...nothing, payments: unbilled });
  }
  for await (const billed of pieces(bill.refunds, ROWS)) {
    const numbers = billed.map(([number]) => number);
    const refunds = await ourRefunds(db).where("refundNo", "in", numbers).execute();
    yield compare(day, { ...emptyTradeBill(), refunds: new Map(billed) }, { ...nothing, refunds });
  }
  for (const time of ["acceptTime", "insertTime"] as const) {
    for await (const refunds of refundedOn(db, day, time)) {
      const unbilled = refunds.filter((r) => !bill.refunds.has(r.refundNo));
      yield compare(day, emptyTradeBill(), { ...nothing, refunds: unbilled });
    }
  }
}

/** Ours that WeChat took on a day. */
async function* paidOn(db: Db, day: Day): AsyncGenerator<OurPayment[]> {
  const { from, to } = spanOf(day);
  for (let last = { at: from as number, number: "" }; ; ) {
    const rows = await ourPayments(db)
      .where("w.payTime", ">=", last.at)
      .where("w.payTime", "<", to)
      .where((e) => e.or([e("w.payTime", ">", last.at), e("w.outTradeNo", ">", last.number)]))
      .where("w.wxPayid", "is not", null)
      .orderBy("w.payTime")
      .orderBy("w.outTradeNo")
      .limit(ROWS)
      .execute();
    yield rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < ROWS) return;
    last = { at: Number(end.payTime), number: end.outTradeNo };
    await giveWay();
  }
}

/** Ours that WeChat took on a day, or that were made on it and whose time at WeChat is not known. */
async function* refundedOn(db: Db, day: Day, time: "acceptTime" | "insertTime"): AsyncGenerator<OurRefund[]> {
  const { from, to } = spanOf(day);
  for (let last = { at: from as number, number: "" }; ; ) {
    let refunds = ourRefunds(db)
      .where(time, ">=", last.at)
      .where(time, "<", to)
      .where((e) => e.or([e(time, ">", last.at), e("refundNo", ">", last.number)]))
      .where("cash", ">", 0);
    if (time === "insertTime") refunds = refunds.where("acceptTime", "is", null);
    const rows = await refunds.orderBy(time).orderBy("refundNo").limit(ROWS).execute();
    yield rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < ROWS) return;
    last = { at: Number(end[time]), number: end.refundNo };
    await giveWay();
  }
}

const ourPayments = (db: Db) =>
  db
    .selectFrom("wx_payment as w")
    .leftJoin("order_pay_info as a", "a.outTradeNo", "w.outTradeNo")
    .leftJoin("pmoney_charge_pay as p", "p.outTradeNo", "w.outTradeNo")
    .select(["w.outTradeNo", "w.subject", "w.cash", "w.state", "w.wxPayid", "w.payTime"])
    .select(sql<number | null>`coalesce(a.state, p.state)`.as("bought"));

const ourRefunds = (db: Db) =>
  db
    .selectFrom("refund_info")
    .select(["refundNo", "outTradeNo", "subject", "cash", "state", "failReason", "insertTime", "acceptTime"]);
