import { sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { StoredOrder } from "./orderRow.ts";

type Order = Pick<StoredOrder, "payState" | "cashOutFlag" | "money" | "manager">;

/**
 * Keeps `manager_money` by the difference that a change of an order makes (spec 2, "The manager's side"): `count` and `money`
 * of what can be withdrawn, and the `debt` that a refund makes of an order which is in a cash-out or was paid out.
 */
export async function followManagerMoney(tx: Tx, before: Order | undefined, after: Order): Promise<void> {
  if (before !== undefined) {
    await add(tx, before.manager, { ...minus(withdrawable(before)), debt: refunded(before, after) });
  }
  await add(tx, after.manager, { ...withdrawable(after), debt: 0 });
}

export interface ManagerMoney {
  /** Orders that can be withdrawn, and their fen. */
  count: number;
  money: number;
  /**
   * Fen that went back of orders in a cash-out or paid out, and that no cash-out has taken up yet. Below 0 it is the manager's:
   * one has taken up what went back of orders that have come back themselves, because their own cash-out failed.
   */
  debt: number;
}

export async function managerMoney(tx: Db | Tx, manager: string): Promise<ManagerMoney> {
  const row = await tx
    .selectFrom("manager_money")
    .select(["count", "money", "debt"])
    .where("manager", "=", manager)
    .executeTakeFirst();
  return row ?? { count: 0, money: 0, debt: 0 };
}

/** A cash-out takes up debt, or gives it back when it fails: `by` fen more, or less. */
export const addDebt = (tx: Tx, manager: string, by: number): Promise<void> =>
  add(tx, manager, { count: 0, money: 0, debt: by });

/** Paid, not withdrawn, and worth something. */
function withdrawable(order: Order): Omit<ManagerMoney, "debt"> {
  const can = order.payState === "paid" && order.cashOutFlag === 0 && order.money > 0;
  return can ? { count: 1, money: order.money } : { count: 0, money: 0 };
}

const minus = ({ count, money }: Omit<ManagerMoney, "debt">) => ({ count: -count, money: -money });

const refunded = (before: Order, after: Order): number =>
  before.payState === "paid" && before.cashOutFlag !== 0 && after.money < before.money
    ? before.money - after.money
    : 0;

async function add(tx: Tx, manager: string, by: ManagerMoney): Promise<void> {
  if (by.count === 0 && by.money === 0 && by.debt === 0) return;
  await tx
    .insertInto("manager_money")
    .values({ manager, ...by })
    .onConflict((c) =>
      c.column("manager").doUpdateSet({
        count: sql<number>`manager_money.count + ${by.count}`,
        money: sql<number>`manager_money.money + ${by.money}`,
        debt: sql<number>`manager_money.debt + ${by.debt}`,
      }),
    )
    .execute();
}
