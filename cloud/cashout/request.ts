import { instant } from "@bluepower/protocol/clock";
import type { Db, Tx } from "../database/database.ts";
import { cashOutIds } from "../identifiers.ts";
import { audit, type By } from "../identity/audit.ts";
import { addDebt, managerMoney } from "../orders/managerMoney.ts";
import { changeOrder } from "../orders/orderRow.ts";
import { type BankCards, maskCard } from "./bankCards.ts";

/** What a manager can withdraw, in fen. */
export interface Withdrawable {
  count: number;
  /** What the orders bring after the debt of refunds. */
  money: number;
  /** What the withdrawal costs. */
  service: number;
  /** What arrives. */
  cash: number;
}

const MILLION = 1_000_000;

/** `ppm`: parts of a million that a withdrawal costs, rounded half up to the fen (spec 2). */
export function priced(money: number, ppm: number): Omit<Withdrawable, "count"> {
  const service = Math.floor((money * ppm + MILLION / 2) / MILLION);
  return { money, service, cash: money - service };
}

export async function withdrawable(db: Db | Tx, manager: string, ppm: number): Promise<Withdrawable> {
  const { count, money, debt } = await managerMoney(db, manager);
  return { count, ...priced(Math.max(0, money - debt), ppm) };
}

/** Where the money goes. */
export interface BankAccount {
  bankName: string;
  bankUser: string;
  /** The number in digits. */
  bankCode: string;
}

export type Requested = { kind: "requested"; cashOutId: string } | { kind: "nothing" };

/**
 * Asks for all that a manager can withdraw: exactly those orders go to `cashOutFlag` 1 under one cashOutId, and the debt of
 * earlier refunds is taken up. No money moves before the operator has paid. `nothing`: there is nothing that would arrive.
 */
export async function requestCashOut(
  tx: Tx,
  request: { manager: string; account: BankAccount; ppm: number; cards: BankCards },
  by: By,
): Promise<Requested> {
  const { manager, account, ppm, cards } = request;
  const { debt, ...kept } = await managerMoney(tx, manager);
  const { money, service, cash } = priced(Math.max(0, kept.money - debt), ppm);
  if (cash <= 0) return { kind: "nothing" };
  const cashOutId = await insert(tx, {
    ...{ manager, bankName: account.bankName, bankUser: account.bankUser },
    ...{ bankCode: cards.seal(account.bankCode), bankMask: maskCard(account.bankCode) },
    ...{ money, service, cash, debt, ppm, cashOutTime: by.at },
  });
  const orders = await tx
    .selectFrom("order_info")
    .select(["orderId", "money"])
    .where("manager", "=", manager)
    .where("cashOutFlag", "=", 0)
    .where("payState", "=", "paid")
    .where("money", ">", 0)
    .execute();
  for (const { orderId } of orders) {
    await changeOrder(tx, orderId, { when: { cashOutFlag: 0 }, set: { cashOutFlag: 1, cashOutId } });
  }
  const gross = orders.reduce((sum, o) => sum + o.money, 0);
  if (gross !== kept.money || orders.length !== kept.count) {
    throw new Error(`orders of ${manager} sum to ${gross} fen, ${kept.money} fen are kept`);
  }
  await addDebt(tx, manager, -debt);
  await audit(tx, by, { what: "cashout.request", object: cashOutId, detail: `${cash} fen` });
  return { kind: "requested", cashOutId };
}

type Row = {
  manager: string;
  bankName: string;
  bankUser: string;
  bankCode: string;
  bankMask: string;
  money: number;
  service: number;
  cash: number;
  debt: number;
  ppm: number;
  cashOutTime: number;
};

async function insert(tx: Tx, row: Row): Promise<string> {
  for (const cashOutId of cashOutIds(row.manager, instant(row.cashOutTime))) {
    const inserted = await tx
      .insertInto("cashout_info")
      .values({ ...row, cashOutId, state: CASH_OUT.pending, reason: null, processTime: null })
      .onConflict((c) => c.column("cashOutId").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return cashOutId;
  }
  throw new Error("cash-out ids never end");
}

/** The documented `state` of a cash-out. */
export const CASH_OUT = { success: 0, failed: 1, pending: 2 } as const;
