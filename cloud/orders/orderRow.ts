import type { Insertable, Selectable, Updateable } from "kysely";
import type { Tx } from "../database/database.ts";
import type { OrderInfo } from "../database/schema.ts";
import { followManagerMoney } from "./managerMoney.ts";
import { followOrderDay } from "./orderDay.ts";

export type StoredOrder = Selectable<OrderInfo>;

/** Two writers of one order are rare, more than this is a bug. */
const TRIES = 5;

export const storedOrder = (tx: Tx, orderId: string): Promise<StoredOrder | undefined> =>
  tx.selectFrom("order_info").selectAll().where("orderId", "=", orderId).executeTakeFirst();

/** Stores a new order; undefined when its id is taken. The sums that are kept of orders follow. */
export async function insertOrder(tx: Tx, values: Insertable<OrderInfo>): Promise<StoredOrder | undefined> {
  const order = await tx
    .insertInto("order_info")
    .values(values)
    .onConflict((c) => c.column("orderId").doNothing())
    .returningAll()
    .executeTakeFirst();
  if (order !== undefined) await follow(tx, undefined, order);
  return order;
}

/**
 * The one way to change an order: writes `set` where the order is as `when` says, and answers the row as it is then;
 * undefined when there is no such order, or it is not so. The sums that are kept of orders follow in the same transaction,
 * by the difference between the row before and after.
 */
export async function changeOrder(
  tx: Tx,
  orderId: string,
  of: { when?: Partial<StoredOrder>; set: Updateable<OrderInfo> },
): Promise<StoredOrder | undefined> {
  for (let i = 0; i < TRIES; i++) {
    const before = await storedOrder(tx, orderId);
    if (before === undefined) return undefined;
    const { state, payState, unit, money, pmoney, cash, cashOutFlag, manager } = before;
    const seen = { state, payState, unit, money, pmoney, cash, cashOutFlag, manager };
    const after = await tx
      .updateTable("order_info")
      .set(of.set)
      .where("orderId", "=", orderId)
      .where((e) => e.and({ ...seen, ...of.when }))
      .returningAll()
      .executeTakeFirst();
    if (after !== undefined) {
      await follow(tx, before, after);
      return after;
    }
    const now = await storedOrder(tx, orderId);
    if (now === undefined || !isAs(now, of.when ?? {})) return undefined;
  }
  throw new Error(`order ${orderId} changes all the time`);
}

const isAs = (order: StoredOrder, when: Partial<StoredOrder>): boolean =>
  Object.entries(when).every(([name, value]) => order[name as keyof StoredOrder] === value);

async function follow(tx: Tx, before: StoredOrder | undefined, after: StoredOrder): Promise<void> {
  await followOrderDay(tx, before, after);
  await followManagerMoney(tx, before, after);
}
