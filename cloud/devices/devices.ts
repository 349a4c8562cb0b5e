import { bluetoothName, chipId } from "@bluepower/protocol/units";
import type { Selectable } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { DeviceInfo } from "../database/schema.ts";
import type { Gateways, Reach } from "../gateways/gateways.ts";

/** A charger with the zone of its site; null when it belongs to none. */
export type Device = Selectable<DeviceInfo> & { zone: string | null };

export async function findDevice(db: Db | Tx, deviceCode: string): Promise<Device | undefined> {
  return await db
    .selectFrom("device_info")
    .leftJoin("site", "site.id", "device_info.siteId")
    .selectAll("device_info")
    .select("site.zone as zone")
    .where("deviceCode", "=", deviceCode)
    .executeTakeFirst();
}

/** The 16 characters that it advertises; the record has the chip ID. */
export const bluetoothNameOf = (device: Pick<Device, "btName">): string =>
  bluetoothName(chipId(device.btName));

export function reachOf(gateways: Pick<Gateways, "online">, device: Pick<Device, "gatewayId">): Reach {
  if (device.gatewayId === null) return "none";
  return gateways.online(device.gatewayId) ? "online" : "offline";
}

/** A page of chargers by their code. */
export async function listDevices(db: Db, page: { startIndex: number; pageSize: number }): Promise<Device[]> {
  return await db
    .selectFrom("device_info")
    .leftJoin("site", "site.id", "device_info.siteId")
    .selectAll("device_info")
    .select("site.zone as zone")
    .orderBy("deviceCode")
    .offset(page.startIndex)
    .limit(page.pageSize)
    .execute();
}
