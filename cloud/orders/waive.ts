import type { Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";
import { changeOrder, storedOrder } from "./orderRow.ts";
import { freeUser } from "./slots.ts";

/** `not_billed`: it has not begun, or was cancelled. `paying`: a payment is open, which may still succeed. */
export type Waived =
  | { kind: "waived"; money: number }
  | { kind: "unknown" | "not_billed" | "paying" | "paid" | "already" };

/**
 * The operator lets a bill go, of the cloud's orders or of one that a gateway took offline: nobody pays it, no manager withdraws
 * it, it is in no list, and its user may order again (spec 2, step 6). A charge that runs goes on.
 */
export async function waiveOrder(
  tx: Tx,
  { orderId, reason }: { orderId: string; reason: string },
  by: By,
): Promise<Waived> {
  const order = await storedOrder(tx, orderId);
  if (order === undefined) return { kind: "unknown" };
  if (order.state !== "charging" && order.state !== "finished") return { kind: "not_billed" };
  if (order.payState === "paying" || order.payState === "paid") return { kind: order.payState };
  if (order.payState === "waived") return { kind: "already" };
  const waived = await changeOrder(tx, orderId, {
    when: { payState: "unpaid", state: order.state, money: order.money },
    set: { payState: "waived", cashOutFlag: 2, updateTime: by.at },
  });
  if (waived === undefined) throw new Error(`order ${orderId} was changed while it was waived`);
  await freeUser(tx, orderId);
  await audit(tx, by, { what: "order.waive", object: orderId, detail: `${order.money} fen: ${reason}` });
  return { kind: "waived", money: order.money };
}
