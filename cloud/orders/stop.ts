import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { storedOrder } from "./orderRow.ts";
import { sendAndApply } from "./outcomes.ts";
import { agreedEnd, applyWord, switchOff } from "./words.ts";
import { type OrderWorld, WAIT_MS } from "./world.ts";

export type StopPlan =
  | { kind: "send"; orderId: string; commandId: string; gatewayId: string }
  /** A charger without a gateway: the phone has switched it off. */
  | { kind: "stopped" }
  | {
      kind: "refused";
      reason: "NOT_YOURS" | "ORDER_NOT_STARTED" | "ORDER_ENDED" | "ORDER_CANCELLED";
    };

/**
 * Ends a charge early; what was agreed is still owed (spec 2, step 4). Behind a gateway the stop is inserted, to be sent after
 * the commit.
 */
export async function planStop(
  tx: Tx,
  gateways: Gateways,
  of: { orderId: string; user: string; at: Instant },
): Promise<StopPlan> {
  const { orderId, at } = of;
  const order = await storedOrder(tx, orderId);
  if (order === undefined || order.user !== of.user) return { kind: "refused", reason: "NOT_YOURS" };
  switch (order.state) {
    case "starting":
      return { kind: "refused", reason: "ORDER_NOT_STARTED" };
    case "finished":
      return { kind: "refused", reason: "ORDER_ENDED" };
    case "cancelled":
      return { kind: "refused", reason: "ORDER_CANCELLED" };
    case "charging":
      break;
  }
  const commandId = await switchOff(tx, gateways, order, at);
  if (commandId !== undefined && order.gatewayId !== null) {
    return { kind: "send", orderId, commandId, gatewayId: order.gatewayId };
  }
  const ran = Math.min(at, agreedEnd(order)) - (order.startTime ?? order.orderTime);
  await applyWord(tx, gateways, {
    orderId,
    at,
    word: {
      kind: "finished",
      minutes: Math.max(0, Math.floor(ran / 60_000)),
      endReason: "user",
      evidence: "none",
      endTime: at,
    },
  });
  return { kind: "stopped" };
}

/** Waits until the charger is off. `pending`: the stop goes on being sent. */
export async function stopCharging(
  world: OrderWorld,
  plan: Exclude<StopPlan, { kind: "refused" }>,
): Promise<"stopped" | "ended" | "pending"> {
  if (plan.kind === "stopped") return "stopped";
  const { orderId, commandId, gatewayId } = plan;
  const waitMs = world.gateways.online(gatewayId) ? WAIT_MS : 0;
  const outcome = await sendAndApply(world, { commandId, orderId, waitMs });
  world.gateways.publishDesired(gatewayId);
  if (outcome.kind === "stopped") return "stopped";
  return outcome.kind === "already" && outcome.state !== "charging" ? "ended" : "pending";
}
