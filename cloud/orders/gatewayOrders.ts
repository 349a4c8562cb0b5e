import { type Clock, type Instant, instant } from "@bluepower/protocol/clock";
import { orderId as asOrderId, chargeMinutes, deviceCode, portNo, units } from "@bluepower/protocol/units";
import type { DesiredOrder, GatewayEvent, Quality } from "@bluepower/protocol/uplink/messages";
import type { Db, Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { changeOrder, storedOrder } from "./orderRow.ts";
import { cancelReasons } from "./refusals.ts";
import { applyWord, type Word } from "./words.ts";

export type OrderEvent = Extract<GatewayEvent, { kind: `order.${string}` }>;

/** An event about an order, as its gateway said it; `at` is its wall time (epoch ms) of the fact. */
export interface OrderFact {
  gatewayId: string;
  at: number;
  quality: Quality;
  event: OrderEvent;
}

/** What the gateways' side needs of orders. */
export function gatewayOrders(clock: Clock) {
  return (gateways: Gateways) => ({
    applyOrderEvent: (tx: Tx, fact: OrderFact) => applyOrderEvent(tx, { clock, gateways }, fact),
    desiredOrders,
  });
}

/**
 * Applies what a gateway says of an order. `commands` are to be sent after the commit: the stop of an order whose user was told
 * that it is cancelled. An order that the cloud does not know, or that belongs to another gateway, is kept as a fact and
 * changes nothing; no order event is ever poison.
 */
export async function applyOrderEvent(
  tx: Tx,
  of: { clock: Clock; gateways: Gateways },
  fact: OrderFact,
): Promise<{ commands: string[] }> {
  const { orderId } = fact.event.body;
  const now = of.clock.now();
  const order = await storedOrder(tx, orderId);
  if (order === undefined || order.gatewayId !== fact.gatewayId) {
    await keep(tx, fact, now);
    return { commands: [] };
  }
  const word = wordOf(fact, { now, from: instant(order.orderTime) });
  const { commands } = await applyWord(tx, of.gateways, { orderId, word, at: now });
  return { commands };
}

function wordOf(fact: OrderFact, of: { now: Instant; from: Instant }): Word {
  const { event } = fact;
  const time = believable(fact, of);
  switch (event.kind) {
    case "order.started":
      return { kind: "started", startTime: time };
    case "order.failed":
      return { kind: "failed", reason: cancelReasons[event.body.reason] };
    case "order.cancelled":
      return { kind: "cancelled", reason: "USER" };
    case "order.finished": {
      const { minutes, endReason, evidence } = event.body;
      return { kind: "finished", minutes, endReason, evidence, endTime: time };
    }
  }
}

/** A gateway's time counts when its clock was set, and then between the order and now. */
function believable(fact: OrderFact, { now, from }: { now: Instant; from: Instant }): Instant {
  if (fact.quality === "unknown") return now;
  return instant(Math.min(now, Math.max(from, fact.at)));
}

async function keep(tx: Tx, fact: OrderFact, now: Instant): Promise<void> {
  await tx
    .insertInto("gateway_fact")
    .values({
      gatewayId: fact.gatewayId,
      seq: 0,
      kind: fact.event.kind,
      at: fact.at,
      body: JSON.stringify(fact.event.body),
      insertTime: now,
    })
    .execute();
}

/** The live orders of a gateway's chargers, for its desired state. */
export async function desiredOrders(db: Db | Tx, gatewayId: string): Promise<DesiredOrder[]> {
  const rows = await db
    .selectFrom("order_info")
    .select(["orderId", "deviceCode", "port", "agreedUnit", "state", "startTime"])
    .where("gatewayId", "=", gatewayId)
    .where("state", "in", ["starting", "charging"])
    .orderBy("id")
    .execute();
  return rows.map((r) => ({
    orderId: asOrderId(r.orderId),
    deviceCode: deviceCode(r.deviceCode),
    port: portNo(r.port),
    minutes: chargeMinutes(units(r.agreedUnit)),
    startedAt: r.startTime,
  }));
}

/**
 * A charger is assigned to another gateway: its live orders move along, in the transaction of the assignment. What the former
 * gateway says of them afterwards is kept as a fact and changes nothing.
 */
export async function moveLiveOrders(
  tx: Tx,
  gateways: Pick<Gateways, "touchDesired">,
  of: { deviceCode: string; gatewayId: string },
): Promise<void> {
  const moved = await tx
    .selectFrom("order_info")
    .innerJoin("live_order", "live_order.orderId", "order_info.orderId")
    .select(["order_info.orderId", "order_info.gatewayId"])
    .where("order_info.deviceCode", "=", of.deviceCode)
    .where("order_info.gatewayId", "is not", null)
    .execute();
  for (const { orderId, gatewayId } of moved) {
    await changeOrder(tx, orderId, { set: { gatewayId: of.gatewayId } });
    if (gatewayId !== null) await gateways.touchDesired(tx, gatewayId);
  }
  if (moved.length > 0) await gateways.touchDesired(tx, of.gatewayId);
}
