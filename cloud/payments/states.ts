import { ask, closeAttempt, type PayWorld } from "./outside.ts";
import { ATTEMPT } from "./settle.ts";

/** WeChat is asked at most once in this time per payment, whoever wants to know. */
export const ASK_AGAIN_MS = 2000;

const openAttemptOf = (world: PayWorld, orderId: string) =>
  world.db
    .selectFrom("order_pay_info")
    .selectAll()
    .where("orderId", "=", orderId)
    .where("state", "=", ATTEMPT.pending)
    .executeTakeFirst();

/** Closes what is open of an order's payment. `none`: nobody can pay it any more under the number it had. */
export async function closeOpen(world: PayWorld, orderId: string): Promise<"none" | "paid" | "unavailable"> {
  const open = await openAttemptOf(world, orderId);
  if (open === undefined) return "none";
  const closed = await closeAttempt(world, open, "REPLACED");
  return closed === "closed" ? "none" : closed;
}

/** How the payment of an order stands; WeChat is asked when that is open. */
export async function paymentResult(
  world: PayWorld,
  orderId: string,
): Promise<"paid" | "pending" | "failed"> {
  const stored = await storedResult(world, orderId);
  if (stored !== "pending") return stored;
  const open = await openAttemptOf(world, orderId);
  if (open === undefined) return await storedResult(world, orderId);
  const now = world.clock.now();
  const mine = await world.db
    .updateTable("order_pay_info")
    .set({ queryTime: now })
    .where("outTradeNo", "=", open.outTradeNo)
    // A time ahead of now was written before the clock was set back.
    .where((e) =>
      e.or([e("queryTime", "is", null), e("queryTime", "<=", now - ASK_AGAIN_MS), e("queryTime", ">", now)]),
    )
    .executeTakeFirst();
  if (mine.numUpdatedRows !== 1n) return "pending";
  await ask(world, open);
  return await storedResult(world, orderId);
}

async function storedResult(world: PayWorld, orderId: string): Promise<"paid" | "pending" | "failed"> {
  const order = await world.db
    .selectFrom("order_info")
    .select("payState")
    .where("orderId", "=", orderId)
    .executeTakeFirst();
  switch (order?.payState) {
    case "paid":
    case "waived":
      return "paid";
    case "paying":
      return "pending";
    case "unpaid":
    case undefined:
      return "failed";
  }
}
