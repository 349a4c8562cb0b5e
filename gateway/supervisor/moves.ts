import type { OrderState } from "../store/orders.ts";

/** What can happen to an order. */
export type OrderEvent = "confirmed" | "refused" | "withdrawn" | "ended" | "corrected";

/**
 * The life of an order at the gateway (spec 4, "What it promises"): it ends exactly once, and only an end without
 * evidence can be corrected afterwards. An absent pair is a refusal.
 */
export const moves = {
  starting: { confirmed: "charging", refused: "failed", withdrawn: "cancelled" },
  charging: { ended: "finished" },
  finished: { corrected: "finished" },
  failed: {},
  cancelled: {},
} as const satisfies Record<OrderState, Partial<Record<OrderEvent, OrderState>>>;

export function move(state: OrderState, event: OrderEvent): OrderState | undefined {
  const from: Partial<Record<OrderEvent, OrderState>> = moves[state];
  return from[event];
}
