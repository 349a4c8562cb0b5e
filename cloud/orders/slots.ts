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

export async function freeUser(tx: Tx, orderId: string): Promise<void> {
  await tx.deleteFrom("unpaid_order").where("orderId", "=", orderId).execute();
}
