import type { Instant } from "@bluepower/protocol/clock";
import { orderId as asOrderId } from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { audit } from "../identity/audit.ts";
import { mayCancelUnproven } from "./cancelLimits.ts";
import { changeOrder, type StoredOrder, storedOrder } from "./orderRow.ts";
import { sendAndApply } from "./outcomes.ts";
import type { CancelReason } from "./refusals.ts";
import { freeUser } from "./slots.ts";
import { applyWord, openCommand } from "./words.ts";
import { type OrderWorld, WAIT_MS } from "./world.ts";

/** A gateway that comes back within this time still gets the cancel; later the sweeper asks anew. */
const CANCEL_DEADLINE_MS = 15 * 60_000;

export type CancelPlan =
  | { kind: "send"; orderId: string; commandId: string; gatewayId: string }
  | { kind: "cancelled" }
  /** A payment is open and has to be closed first. */
  | { kind: "payment_open" }
  | {
      kind: "refused";
      reason:
        | "NOT_YOURS"
        | "ORDER_RUNNING"
        | "ORDER_ENDED"
        | "ORDER_PAID"
        | "CANCEL_UNPROVEN"
        | "CANCEL_LIMIT";
    };

const refused = (reason: Extract<CancelPlan, { kind: "refused" }>["reason"]): CancelPlan => ({
  kind: "refused",
  reason,
});

/**
 * Cancels an order (spec 2, step 5). Behind a gateway it is a command, inserted here and sent after the commit; without one it
 * needs the same user's report of a port that does not supply. An order that is cancelled stays so.
 */
export async function planCancel(
  tx: Tx,
  gateways: Gateways,
  of: { orderId: string; user: string; at: Instant; zone: string },
): Promise<CancelPlan> {
  const { orderId, user, at } = of;
  const order = await storedOrder(tx, orderId);
  if (order === undefined || order.user !== user) return refused("NOT_YOURS");
  if (order.state === "cancelled") return { kind: "cancelled" };
  if (order.state === "finished") return refused("ORDER_ENDED");
  if (order.gatewayId !== null) {
    if (order.state === "charging") return refused("ORDER_RUNNING");
    const commandId = await cancelCommand(tx, gateways, { order, at, deadline: at + CANCEL_DEADLINE_MS });
    await audit(tx, { who: `user:${of.user}`, at: of.at }, { what: "order.cancel", object: of.orderId });
    return { kind: "send", orderId, commandId, gatewayId: order.gatewayId };
  }
  if (order.payState === "paying") return { kind: "payment_open" };
  if (order.money > 0 && order.payState !== "unpaid") return refused("ORDER_PAID");
  const limit = await mayCancelUnproven(tx, { order, at, zone: of.zone });
  if (limit !== undefined) return refused(limit);
  await applyWord(tx, gateways, { orderId, at, word: { kind: "cancelled", reason: "USER" } });
  await audit(tx, { who: `user:${of.user}`, at: of.at }, { what: "order.cancel", object: of.orderId });
  return { kind: "cancelled" };
}

/** Asks the gateway that the order never begins, or is off again; one that is on its way is not sent twice. */
export async function cancelCommand(
  tx: Tx,
  gateways: Gateways,
  of: { order: Pick<StoredOrder, "orderId" | "gatewayId">; at: Instant; deadline: number },
): Promise<string> {
  const { orderId, gatewayId } = of.order;
  if (gatewayId === null) throw new Error(`order ${orderId} has no gateway`);
  return (
    (await openCommand(tx, { orderId, gatewayId }, "cancel")) ??
    (await gateways.insertCommand(tx, {
      gatewayId,
      orderId,
      deadline: of.deadline,
      body: { kind: "cancel", orderId: asOrderId(orderId) },
    }))
  );
}

/**
 * Waits for the gateway's word on a cancel. Without word the user is told that the order is cancelled and is free; the port's
 * slot stays until the gateway has spoken.
 */
export async function awaitCancel(
  world: OrderWorld,
  plan: Extract<CancelPlan, { kind: "send" }>,
): Promise<"cancelled" | "running" | "ended"> {
  const { orderId, commandId, gatewayId } = plan;
  const waitMs = world.gateways.online(gatewayId) ? WAIT_MS : 0;
  await sendAndApply(world, { commandId, orderId, waitMs });
  const state = await transaction(world.db, async (tx) => {
    await tellCancelled(tx, world.gateways, { orderId, reason: "USER", at: world.clock.now() });
    return (await storedOrder(tx, orderId))?.state;
  });
  world.gateways.publishDesired(gatewayId);
  switch (state) {
    case "charging":
      return "running";
    case "finished":
      return "ended";
    case "cancelled":
    case "starting":
    case undefined:
      return "cancelled";
  }
}

/**
 * The user of an order that is still starting is told that it is cancelled: it is never billed, a later confirmation is answered
 * with a stop. False when the order is starting no more.
 */
export async function tellCancelled(
  tx: Tx,
  gateways: Gateways,
  of: { orderId: string; reason: CancelReason; at: Instant },
): Promise<boolean> {
  const { orderId, reason, at } = of;
  const told = await changeOrder(tx, orderId, {
    when: { state: "starting" },
    set: { state: "cancelled", toldCancelled: 1, cancelReason: reason, endTime: at, updateTime: at },
  });
  if (told === undefined) return false;
  await freeUser(tx, orderId);
  if (told.gatewayId !== null) await gateways.touchDesired(tx, told.gatewayId);
  return true;
}
