import type { Tx } from "../database/database.ts";

/** The slot of a port: one live order, kept by its primary key. False when it is taken. */
export async function takePort(
  tx: Tx,
  slot: { deviceCode: string; port: number; orderId: string },
): Promise<boolean> {
  const taken = await tx
    .insertInto("live_order")
    .values(slot)
    .onConflict((c) => c.doNothing())
    .executeTakeFirst();
  return taken.numInsertedOrUpdatedRows === 1n;
}

/** The slot of a user: one unpaid order, kept by its primary key. False when it is taken. */
export async function takeUnpaid(tx: Tx, slot: { user: string; orderId: string }): Promise<boolean> {
  const taken = await tx
    .insertInto("unpaid_order")
    .values(slot)
    .onConflict((c) => c.doNothing())
    .executeTakeFirst();
  return taken.numInsertedOrUpdatedRows === 1n;
}

export async function freePort(tx: Tx, orderId: string): Promise<void> {
  await tx.deleteFrom("live_order").where("orderId", "=", orderId).execute();
}

/**
 * The order holds its user's slot no more. Another bill of theirs takes it, the oldest first: a correction may have opened one
 * while this order held it.
 */
export async function freeUser(tx: Tx, orderId: string): Promise<void> {
  const freed = await tx
    .deleteFrom("unpaid_order")
    .where("orderId", "=", orderId)
    .returning("user")
    .executeTakeFirst();
  if (freed === undefined) return;
  const next = await tx
    .selectFrom("order_info")
    .select(["user", "orderId"])
    .where("user", "=", freed.user)
    .where("orderId", "<>", orderId)
    .where("source", "=", "cloud")
    .where("payState", "in", ["unpaid", "paying"])
    .where("state", "in", ["charging", "finished"])
    .orderBy("orderTime")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  if (next !== undefined) await takeUnpaid(tx, next);
}
