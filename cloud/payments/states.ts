import type { PaymentPurpose } from "../database/schema.ts";
import { ask, closePayment, type PayWorld } from "./outside.ts";
import { type PaymentResult, purposes } from "./purposes.ts";
import { openPaymentOf } from "./wxPayment.ts";

/** WeChat is asked at most once in this time per payment, whoever wants to know. */
export const ASK_AGAIN_MS = 2000;

/** Closes what is open of a payment. `none`: nobody can pay it any more under the number it had. */
export async function closeOpen(world: PayWorld, subject: string): Promise<"none" | "paid" | "unavailable"> {
  const open = await openPaymentOf(world.db, subject);
  if (open === undefined) return "none";
  const closed = await closePayment(world, open, "REPLACED");
  return closed === "closed" ? "none" : closed;
}

/** How the payment of an order or a purchase stands; WeChat is asked when that is open. */
export async function paymentResult(
  world: PayWorld,
  purpose: PaymentPurpose,
  subject: string,
): Promise<PaymentResult> {
  const { result } = purposes[purpose];
  const stored = await result(world.db, subject);
  if (stored !== "pending") return stored;
  const open = await openPaymentOf(world.db, subject);
  if (open === undefined) return await result(world.db, subject);
  const now = world.clock.now();
  const mine = await world.db
    .updateTable("wx_payment")
    .set({ queryTime: now })
    .where("outTradeNo", "=", open.outTradeNo)
    // A time ahead of now was written before the clock was set back.
    .where((e) =>
      e.or([e("queryTime", "is", null), e("queryTime", "<=", now - ASK_AGAIN_MS), e("queryTime", ">", now)]),
    )
    .executeTakeFirst();
  if (mine.numUpdatedRows !== 1n) return "pending";
  await ask(world, open);
  return await result(world.db, subject);
}
