import type { Instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
import type { Tx } from "../database/database.ts";
import type { DeviceInfo } from "../database/schema.ts";

/** A port at 999 in STA is damaged (spec 1). */
export const DAMAGED = 999;

/** One phone's word of a damaged port holds so long; two people's word holds until somebody sees it work. */
const ONE_WORD_HOLDS_MS = 600_000;

/** A longer time no report is looked at: a port is reported whenever somebody stands at the charger. */
const REPORTS_KEPT_MS = 30 * 24 * 3_600_000;

/**
 * Whether a port counts as damaged: behind a gateway by what the gateway has read, otherwise by what phones reported
 * (spec 2, step 8).
 */
export async function portDamaged(
  tx: Tx,
  of: {
    device: Pick<Selectable<DeviceInfo>, "deviceCode" | "gatewayId" | "portState">;
    port: number;
    at: Instant;
  },
): Promise<boolean> {
  const { device, port, at } = of;
  if (device.gatewayId !== null) return portValue(device.portState, port) === DAMAGED;
  const reports = await tx
    .selectFrom("port_report")
    .select(["user", "value", "insertTime"])
    .where("deviceCode", "=", device.deviceCode)
    .where("port", "=", port)
    .where("insertTime", ">", at - REPORTS_KEPT_MS)
    .orderBy("insertTime", "desc")
    .orderBy("id", "desc")
    .limit(50)
    .execute();
  const works = reports.findIndex((r) => r.value !== DAMAGED);
  const damaged = works < 0 ? reports : reports.slice(0, works);
  const [latest] = damaged;
  if (latest === undefined) return false;
  return new Set(damaged.map((r) => r.user)).size > 1 || latest.insertTime > at - ONE_WORD_HOLDS_MS;
}

/** Minutes left of a port in joined STA fields such as `1020201030004999`; undefined when they do not tell. */
function portValue(portState: string, port: number): number | undefined {
  for (let i = 0; i + 4 <= portState.length; i += 4) {
    if (portState[i] === String(port)) return Number(portState.slice(i + 1, i + 4));
  }
  return undefined;
}
