/**
 * What a manager does with chargers (spec 2, "The manager's side"). A list of chargers is done whole or not at all: on a
 * refusal the caller rolls the transaction back. Orders already made keep their manager and their price.
 */
import type { DeviceCode } from "@bluepower/protocol/units";
import type { Selectable } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { DeviceInfo } from "../database/schema.ts";
import type { Gateways } from "../gateways/gateways.ts";
import type { By } from "../identity/audit.ts";
import { findDevice } from "./devices.ts";
import { assignManager, type DeviceValues, setDevice } from "./register.ts";

/** The gateways that have to know, for publishing after the commit. */
export interface Changed {
  gateways: string[];
}

interface Managing {
  manager: string;
  touchDesired: Gateways["touchDesired"];
}

const gatewayOf = (device: Pick<DeviceInfo, "gatewayId">): string[] =>
  device.gatewayId === null ? [] : [device.gatewayId];

/** Takes a charger that nobody manages: enabled, free of charge, at most 12 units, without a name. */
export async function takeDevice(
  tx: Tx,
  { deviceCode, manager, touchDesired }: Managing & { deviceCode: DeviceCode },
  by: By,
): Promise<Changed | "device_unknown" | "managed"> {
  const device = await findDevice(tx, deviceCode);
  if (device === undefined) return "device_unknown";
  if (device.manager !== null) return "managed";
  await tx
    .updateTable("device_info")
    .set({ deviceName: "", state: 0, chargeFlag: 0, maxUnit: 12, unitPrice: 0 })
    .where("deviceCode", "=", deviceCode)
    .execute();
  const assigned = await assignManager(tx, { deviceCode, manager, touchDesired }, by);
  if (assigned !== "assigned") throw new Error(`charger ${deviceCode} cannot be taken: ${assigned}`);
  return { gateways: gatewayOf(device) };
}

/** Gives chargers back to nobody. `not_yours`: one of them does not exist or is another's. */
export async function releaseDevices(
  tx: Tx,
  { deviceCodes, manager, touchDesired }: Managing & { deviceCodes: readonly DeviceCode[] },
  by: By,
): Promise<Changed | "not_yours"> {
  return await handOver(tx, { deviceCodes, manager, to: null, touchDesired }, by);
}

/** Gives chargers to another manager, who is registered and approved. */
export async function transferDevices(
  tx: Tx,
  change: Managing & { deviceCodes: readonly DeviceCode[]; to: string },
  by: By,
): Promise<Changed | "not_yours" | "receiver_invalid"> {
  return await handOver(tx, change, by);
}

async function handOver<T extends string | null>(
  tx: Tx,
  change: Managing & { deviceCodes: readonly DeviceCode[]; to: T },
  by: By,
): Promise<Changed | "not_yours" | (T extends string ? "receiver_invalid" : never)> {
  const { deviceCodes, manager, to, touchDesired } = change;
  const gateways = new Set<string>();
  for (const deviceCode of deviceCodes) {
    const device = await findDevice(tx, deviceCode);
    if (device?.manager !== manager) return "not_yours";
    const assigned = await assignManager(tx, { deviceCode, manager: to, touchDesired }, by);
    if (assigned !== "assigned") return "receiver_invalid" as T extends string ? "receiver_invalid" : never;
    for (const id of gatewayOf(device)) gateways.add(id);
  }
  return { gateways: [...gateways] };
}

/** Sets what is given of a manager's own charger. `price_range` as in `setDevice`. */
export async function setOwnDevice(
  tx: Tx,
  { deviceCode, manager, touchDesired, ...values }: Managing & { deviceCode: DeviceCode } & DeviceValues,
  by: By,
): Promise<Changed | "not_yours" | "price_range"> {
  const device = await findDevice(tx, deviceCode);
  if (device?.manager !== manager) return "not_yours";
  const set = await setDevice(tx, { deviceCode, touchDesired, ...values }, by);
  if (set === "price_range") return set;
  if (set !== "set") throw new Error(`charger ${deviceCode} cannot be set: ${set}`);
  return { gateways: gatewayOf(device) };
}

/** A page of a manager's chargers, the one added last first. */
export async function devicesOf(
  db: Db,
  manager: string,
  { startIndex, pageSize }: { startIndex: number; pageSize: number },
): Promise<{ totalCount: number; rows: Selectable<DeviceInfo>[] }> {
  const all = db.selectFrom("device_info").where("manager", "=", manager);
  const { count } = await all.select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const rows = await all
    .selectAll()
    .orderBy("addTime", "desc")
    .orderBy("id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return { totalCount: Number(count), rows };
}

/** The gateways that drive a manager's chargers. */
async function gatewaysOf(tx: Tx, manager: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("device_info")
    .select("gatewayId")
    .distinct()
    .where("manager", "=", manager)
    .where("gatewayId", "is not", null)
    .orderBy("gatewayId")
    .execute();
  return rows.flatMap(gatewayOf);
}

/** Counts up what the gateways of a manager's chargers have to know, such as the black list. */
export async function touchGatewaysOf(tx: Tx, { manager, touchDesired }: Managing): Promise<Changed> {
  const gateways = await gatewaysOf(tx, manager);
  for (const id of gateways) await touchDesired(tx, id);
  return { gateways };
}
