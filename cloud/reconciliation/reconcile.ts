import type { Clock, Instant } from "@bluepower/protocol/clock";
import { sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { audit, type By } from "../identity/audit.ts";
import { type Day, lastBillDay, spanOf } from "./billDay.ts";
import type { Bills } from "./bills.ts";
import { compare, compareTotals, type Ours } from "./compare.ts";
import { type Recorded, record } from "./differences.ts";
import type { FundFlow } from "./fundFlow.ts";
import { emptyTradeBill, type TradeBill } from "./tradeBill.ts";

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
  return await transaction(db, (tx) =>
    write(tx, { day, bill, fundFlow, at, ...(by !== undefined && { by }) }),
  );
}

async function write(
  tx: Tx,
  of: { day: Day; bill: TradeBill; fundFlow: FundFlow | null; at: Instant; by?: By },
): Promise<Reconciled> {
  const { day, bill, fundFlow, at, by } = of;
  const differences = compare(day, bill, await oursOf(tx, day, bill));
  if (fundFlow !== null) differences.push(...compareTotals(bill, fundFlow));
  const found = await record(tx, { day, differences, totals: fundFlow !== null, at });
  const { paid, refunded } = bill;
  const [payments, refunds] = [bill.payments.size, bill.refunds.size];
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
}

/** At once in one statement; SQLite takes no more than 32,766 values. */
const NUMBERS = 1000;

/** Ours of the day, and whatever the bill names besides. */
async function oursOf(tx: Tx, day: Day, bill: TradeBill): Promise<Ours> {
  const { from, to } = spanOf(day);
  const payments = await ourPayments(tx)
    .where("w.payTime", ">=", from)
    .where("w.payTime", "<", to)
    .where("w.wxPayid", "is not", null)
    .execute();
  const refunds = await ourRefunds(tx)
    .where((e) =>
      e.or([
        e.and([e("acceptTime", ">=", from), e("acceptTime", "<", to)]),
        e.and([e("acceptTime", "is", null), e("insertTime", ">=", from), e("insertTime", "<", to)]),
      ]),
    )
    .where("cash", ">", 0)
    .execute();
  const has = new Set([...payments.map((p) => p.outTradeNo), ...refunds.map((r) => r.refundNo)]);
  for (const numbers of pieces([...bill.payments.keys()].filter((n) => !has.has(n)))) {
    payments.push(...(await ourPayments(tx).where("w.outTradeNo", "in", numbers).execute()));
  }
  for (const numbers of pieces([...bill.refunds.keys()].filter((n) => !has.has(n)))) {
    refunds.push(...(await ourRefunds(tx).where("refundNo", "in", numbers).execute()));
  }
  return { payments, refunds };
}

const ourPayments = (tx: Tx) =>
  tx
    .selectFrom("wx_payment as w")
    .leftJoin("order_pay_info as a", "a.outTradeNo", "w.outTradeNo")
    .leftJoin("pmoney_charge_pay as p", "p.outTradeNo", "w.outTradeNo")
    .select(["w.outTradeNo", "w.subject", "w.cash", "w.state", "w.wxPayid", "w.payTime"])
    .select(sql<number | null>`coalesce(a.state, p.state)`.as("bought"));

const ourRefunds = (tx: Tx) =>
  tx
    .selectFrom("refund_info")
    .select(["refundNo", "outTradeNo", "subject", "cash", "state", "failReason", "insertTime", "acceptTime"]);

function* pieces(numbers: readonly string[]): Generator<string[]> {
  for (let i = 0; i < numbers.length; i += NUMBERS) yield numbers.slice(i, i + NUMBERS);
}
