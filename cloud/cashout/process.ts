import { instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
import type { Tx } from "../database/database.ts";
import type { CashoutInfo } from "../database/schema.ts";
import { audit, type By } from "../identity/audit.ts";
import { mustPost } from "../ledger/ledger.ts";
import { addDebt } from "../orders/managerMoney.ts";
import { changeOrder } from "../orders/orderRow.ts";
import { CASH_OUT } from "./request.ts";

export type CashOut = Selectable<CashoutInfo>;
export type Step = CashOut["step"];
export type Deed = "approve" | "export" | "pay" | "fail";

/**
 * What the operator may do with a cash-out, by the step it has come to; an absent pair is a refusal. `half_approved` waits for
 * a second person. An exported one may be paid, and on purpose fail or be exported again.
 */
export const steps = {
  requested: { approve: true, fail: true },
  half_approved: { approve: true, fail: true },
  approved: { export: true, pay: true, fail: true },
  exported: { export: true, pay: true, fail: true },
  paid: {},
  failed: {},
} as const satisfies Record<Step, Partial<Record<Deed, true>>>;

export const may = (step: Step, deed: Deed): boolean => deed in steps[step];

export const findCashOut = (tx: Tx, cashOutId: string): Promise<CashOut | undefined> =>
  tx.selectFrom("cashout_info").selectAll().where("cashOutId", "=", cashOutId).executeTakeFirst();

/** `out_of_order`: not from the step it has come to. */
type No = "unknown" | "out_of_order";

/** Sets the step; false when somebody else was faster. */
async function move(tx: Tx, cashOut: CashOut, set: Partial<CashOut>): Promise<boolean> {
  const moved = await tx
    .updateTable("cashout_info")
    .set(set)
    .where("cashOutId", "=", cashOut.cashOutId)
    .where("step", "=", cashOut.step)
    .executeTakeFirst();
  return moved.numUpdatedRows === 1n;
}

/** Whether it needs two people: what the first approval was given under holds for the second, too. */
export const needsTwo = (cashOut: CashOut, secondAboveFen: number): boolean =>
  cashOut.step === "half_approved" || cashOut.cash > secondAboveFen;

/** Approves a cash-out; above `secondAboveFen` it needs two different people. */
export async function approveCashOut(
  tx: Tx,
  { cashOutId, secondAboveFen }: { cashOutId: string; secondAboveFen: number },
  by: By,
): Promise<"approved" | "needs_second" | "same_person" | No> {
  const cashOut = await findCashOut(tx, cashOutId);
  if (cashOut === undefined) return "unknown";
  if (!may(cashOut.step, "approve")) return "out_of_order";
  const second = cashOut.step === "half_approved";
  if (second && cashOut.approvedBy === by.who) return "same_person";
  const half = !second && needsTwo(cashOut, secondAboveFen);
  const moved = await move(
    tx,
    cashOut,
    second
      ? { step: "approved", secondBy: by.who }
      : { step: half ? "half_approved" : "approved", approvedBy: by.who, secondAboveFen },
  );
  if (!moved) return "out_of_order";
  await audit(tx, by, { what: "cashout.approve", object: cashOutId, detail: second ? "second person" : "" });
  return half ? "needs_second" : "approved";
}

/**
 * The bank has paid: the orders are withdrawn and the ledger moves what arrived to `manager_paid_out` and what it cost to
 * `platform`. `reference` is the bank's.
 */
export async function payCashOut(
  tx: Tx,
  { cashOutId, reference }: { cashOutId: string; reference: string },
  by: By,
): Promise<"paid" | No> {
  const cashOut = await findCashOut(tx, cashOutId);
  if (cashOut === undefined) return "unknown";
  if (!may(cashOut.step, "pay")) return "out_of_order";
  const done = { step: "paid", state: CASH_OUT.success, reference, processTime: by.at } as const;
  if (!(await move(tx, cashOut, done))) return "out_of_order";
  const { manager, cash, service } = cashOut;
  const from = `manager_payable:${manager}` as const;
  const post = { from, reason: "CASH_OUT", at: instant(by.at) };
  await mustPost(tx, {
    ...post,
    id: `cashout/${cashOutId}/cash`,
    to: `manager_paid_out:${manager}`,
    amount: cash,
  });
  if (service > 0) {
    await mustPost(tx, { ...post, id: `cashout/${cashOutId}/service`, to: "platform", amount: service });
  }
  for (const orderId of await ordersOf(tx, cashOutId)) {
    await changeOrder(tx, orderId, { when: { cashOutFlag: 1 }, set: { cashOutFlag: 2 } });
  }
  await audit(tx, by, { what: "cashout.pay", object: cashOutId, detail: reference });
  return "paid";
}

/**
 * The bank has not paid: the orders can be withdrawn again. The debt that was taken up is the manager's again, without what
 * was refunded meanwhile of the orders themselves, because they come back with less. Where a later cash-out has taken that up
 * already the debt is below nothing: the next one brings it back. `exported`: the bank has a file in which it stands and may pay
 * it still, so somebody has to have seen that it has not (`bankHasNotPaid`).
 */
export async function failCashOut(
  tx: Tx,
  of: { cashOutId: string; reason: string; bankHasNotPaid?: boolean },
  by: By,
): Promise<"failed" | "exported" | No> {
  const { cashOutId, reason } = of;
  const cashOut = await findCashOut(tx, cashOutId);
  if (cashOut === undefined) return "unknown";
  if (!may(cashOut.step, "fail")) return "out_of_order";
  if (cashOut.step === "exported" && of.bankHasNotPaid !== true) return "exported";
  const done = { step: "failed", state: CASH_OUT.failed, reason, processTime: by.at } as const;
  if (!(await move(tx, cashOut, done))) return "out_of_order";
  let back = 0;
  for (const orderId of await ordersOf(tx, cashOutId)) {
    const order = await changeOrder(tx, orderId, {
      when: { cashOutFlag: 1 },
      set: { cashOutFlag: 0, cashOutId: null },
    });
    back += order?.money ?? 0;
    // What has gone back whole is nothing that could be withdrawn.
    if (order?.money === 0) await changeOrder(tx, orderId, { set: { cashOutFlag: 2 } });
  }
  const refundedMeanwhile = cashOut.money + cashOut.debt - back;
  await addDebt(tx, cashOut.manager, cashOut.debt - refundedMeanwhile);
  await audit(tx, by, { what: "cashout.fail", object: cashOutId, detail: reason });
  return "failed";
}

async function ordersOf(tx: Tx, cashOutId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("order_info")
    .select("orderId")
    .where("cashOutId", "=", cashOutId)
    .orderBy("id")
    .execute();
  return rows.map((r) => r.orderId);
}
