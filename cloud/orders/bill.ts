import type { Instant } from "@bluepower/protocol/clock";
import { UNIT_MINUTES } from "@bluepower/protocol/units";
import type { EndReason } from "@bluepower/protocol/uplink/messages";
import type { Tx } from "../database/database.ts";
import type { PayState } from "../database/schema.ts";
import { coinValue } from "../ledger/coins.ts";
import { giveBack, partOf, paymentOf } from "./giveBack.ts";
import { changeOrder } from "./orderRow.ts";
import { freeUser, takeUnpaid } from "./slots.ts";

/** A charge that gave less than this has given nothing: the user came, saw it fail and went. */
const FREE_BELOW_MINUTES = 5;

/**
 * Units owed for a charge that has ended: what was agreed when the user ended it, else the proven minutes in units begun,
 * none under five minutes, never more than agreed (spec 2, step 4).
 */
export function billedUnits(charge: { agreedUnit: number; minutes: number; endReason: EndReason }): number {
  const { agreedUnit, minutes, endReason } = charge;
  if (endReason === "user") return agreedUnit;
  if (minutes < FREE_BELOW_MINUTES) return 0;
  return Math.min(agreedUnit, Math.ceil(minutes / UNIT_MINUTES));
}

/** What a bill's change needs to know of an order. */
export interface Bill {
  orderId: string;
  user: string;
  manager: string;
  unitPrice: number;
  money: number;
  agreedMoney: number;
  pmoney: number;
  cash: number;
  payState: PayState;
  cashOutFlag: number;
}

/**
 * Bills `units` of an order. An unpaid bill follows in both directions; one of nothing is settled and frees its user, and is
 * opened again when a correction proves that something was owed. While a payment is open, and once it was paid, a bill is
 * only lowered: of a paid one the difference goes back. A waived bill stays waived.
 */
export async function rebill(tx: Tx, bill: Bill, units: number, at: Instant): Promise<void> {
  const { orderId, payState } = bill;
  const money = units * bill.unitPrice;
  const update = (values: Partial<Pick<Bill, "payState" | "cashOutFlag">>) =>
    changeOrder(tx, orderId, { set: { unit: units, money, updateTime: at, ...values } });
  if (bill.agreedMoney === 0) {
    await update({});
    return;
  }
  switch (payState) {
    case "waived":
      return;
    case "paying":
      if (money < bill.money) await update({});
      return;
    case "unpaid":
      await update({});
      if (money === 0) await settleNothing(tx, orderId, at);
      return;
    case "paid": {
      const nothingWasOwed = bill.money === 0 && bill.pmoney === 0 && bill.cash === 0;
      if (nothingWasOwed && money > 0 && !(await wasPaid(tx, orderId))) {
        await update({ payState: "unpaid", cashOutFlag: 0 });
        await takeUnpaid(tx, { user: bill.user, orderId });
      } else if (money < bill.money) {
        await giveBack(tx, bill, {
          back: partOf(bill, bill.money - money, await coinValue(tx)),
          unit: units,
          reason: "PROVEN_MINUTES",
          at,
        });
      }
    }
  }
}

/** A bill of nothing is settled: nobody pays it, no manager withdraws it, and its user is free for a new order. */
export async function settleNothing(tx: Tx, orderId: string, at: Instant): Promise<void> {
  const set = { payState: "paid", cashOutFlag: 2, updateTime: at } as const;
  await changeOrder(tx, orderId, { when: { money: 0 }, set });
  await freeUser(tx, orderId);
}

async function wasPaid(tx: Tx, orderId: string): Promise<boolean> {
  return (await paymentOf(tx, orderId)) !== undefined;
}
