import type { StoredOrder } from "./orderRow.ts";
import { sendAndApply } from "./outcomes.ts";
import type { Placed } from "./place.ts";
import { type OrderWorld, WAIT_MS } from "./world.ts";

/**
 * Has a placed order's port switched on and waits for the charger's confirmation, at most ten seconds. Answers the order as it
 * then stands: `charging`, `cancelled` with its reason, or still `starting`. May be repeated.
 */
export async function startCharging(
  world: OrderWorld,
  placed: Extract<Placed, { kind: "placed" }>,
): Promise<StoredOrder> {
  const { orderId, commandId, gatewayId } = placed;
  if (commandId !== null && gatewayId !== null) {
    await sendAndApply(world, { commandId, orderId, waitMs: WAIT_MS });
    world.gateways.publishDesired(gatewayId);
  }
  return await world.db
    .selectFrom("order_info")
    .selectAll()
    .where("orderId", "=", orderId)
    .executeTakeFirstOrThrow();
}
