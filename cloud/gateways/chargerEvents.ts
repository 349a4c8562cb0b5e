import type { GatewayEvent, Quality } from "@bluepower/protocol/uplink/messages";
import type { Tx } from "../database/database.ts";

export type OrderEvent = Extract<GatewayEvent, { kind: `order.${string}` }>;
type ChargerEvent = Extract<
  GatewayEvent,
  { kind: "charger.seen" | "charger.lost" | "charger.misconfigured" | "port.changed" }
>;

/** When a gateway's fact happened, as far as it can be known: what has no clock, or one that runs ahead, happened now at the latest. */
export function factTime(fact: { at: number; quality: Quality }, now: number): number {
  return fact.quality === "unknown" ? now : Math.min(fact.at, now);
}

/**
 * Writes what a gateway says of a charger. Events are in order, so the later word holds also where the gateway's clock was
 * set back in between. `not_assigned`: the charger is not, or no longer, behind this gateway; nothing is written.
 */
export async function applyChargerEvent(
  tx: Tx,
  { gatewayId, time, event }: { gatewayId: string; time: number; event: ChargerEvent },
): Promise<"applied" | "not_assigned"> {
  const device = await tx
    .selectFrom("device_info")
    .select(["id", "chargerSeenTime", "chargerLostTime"])
    .where("deviceCode", "=", event.body.deviceCode)
    .where("gatewayId", "=", gatewayId)
    .executeTakeFirst();
  if (device === undefined) return "not_assigned";
  const after = (other: number | null): number => (other === null ? time : Math.max(time, other + 1));
  const change = (() => {
    switch (event.kind) {
      case "charger.seen":
        return { chargerSeenTime: after(device.chargerLostTime) };
      case "charger.lost":
        return { chargerLostTime: after(device.chargerSeenTime) };
      case "charger.misconfigured":
        return { misconfigured: event.body.reason === "" ? "unknown" : event.body.reason };
      case "port.changed":
        // Only a charger whose jam code is right answers with its ports.
        return { portState: event.body.ports, portTime: time, misconfigured: "" };
    }
  })();
  await tx.updateTable("device_info").set(change).where("id", "=", device.id).execute();
  return "applied";
}

/** A charge began: the charger takes this gateway's signatures. */
export async function chargerObeys(tx: Tx, gatewayId: string, deviceCode: string): Promise<void> {
  await tx
    .updateTable("device_info")
    .set({ misconfigured: "" })
    .where("deviceCode", "=", deviceCode)
    .where("gatewayId", "=", gatewayId)
    .where("misconfigured", "<>", "")
    .execute();
}
