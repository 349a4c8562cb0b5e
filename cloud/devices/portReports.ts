import type { Instant } from "@bluepower/protocol/clock";
import type { DeviceCode } from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import { watchReportedPort } from "../orders/cancelLimits.ts";

/** Longer than anything looks back at a report. */
const KEPT_MS = 31 * 24 * 3600_000;

/**
 * Keeps what a phone has read of a charger's ports. Without a gateway it is the newest word on the ports; behind one
 * it is a hint beside the gateway's own. It ends and frees no order (spec 2, step 8).
 */
export async function recordPortReport(
  tx: Tx,
  report: { deviceCode: DeviceCode; portState: string; user: string; at: Instant },
): Promise<"recorded" | "device_unknown"> {
  const { deviceCode, portState, user, at } = report;
  const device = await tx
    .selectFrom("device_info")
    .select("gatewayId")
    .where("deviceCode", "=", deviceCode)
    .executeTakeFirst();
  if (device === undefined) return "device_unknown";
  await tx
    .deleteFrom("port_report")
    .where("deviceCode", "=", deviceCode)
    .where("insertTime", "<", at - KEPT_MS)
    .execute();
  const fields = portState.match(/..../g) ?? [];
  await tx
    .insertInto("port_report")
    .values(
      fields.map((f) => ({
        deviceCode,
        port: Number(f[0]),
        user,
        value: Number(f.slice(1)),
        insertTime: at,
      })),
    )
    .execute();
  if (device.gatewayId === null) {
    for (const field of fields) {
      await watchReportedPort(tx, { deviceCode, port: Number(field[0]), value: Number(field.slice(1)), at });
    }
    await tx
      .updateTable("device_info")
      .set({ portState, portTime: at, updateTime: at })
      .where("deviceCode", "=", deviceCode)
      .execute();
  }
  return "recorded";
}
