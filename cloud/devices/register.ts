/** What the operator does with chargers. Each change that a gateway has to know counts up its desired state. */

import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import {
  type ChipId,
  type DeviceCode,
  derivedJamCode,
  type Fen,
  type JamCode,
  MAX_UNITS,
} from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { audit, type By } from "../identity/audit.ts";
import { moveLiveOrders } from "../orders/gatewayOrders.ts";
import { findManager } from "../people/managers.ts";
import { findDevice } from "./devices.ts";

/** Counts up the version of what a gateway has to know. */
type TouchDesired = Gateways["touchDesired"];

/** A unit costs at most so much, and the longest charge at most so much (spec 2, "The manager's side"). */
const UNIT_PRICE_MAX = 99_99;
const CHARGE_PRICE_MAX = 999_99;

export interface NewDevice {
  deviceCode: DeviceCode;
  chip: ChipId;
  /** The charger's profile. */
  version: number;
  /** The derived one when nothing is said (spec 1). */
  jamCode?: JamCode;
}

/** Makes a charger known: free of charge, enabled, at most 12 units, without name, manager and gateway. */
export async function registerDevice(
  tx: Tx,
  device: NewDevice,
  by: By,
): Promise<"registered" | "code_exists" | "chip_exists" | "profile_unknown"> {
  const { deviceCode, chip, version } = device;
  if (chargerProfile(version) === undefined) return "profile_unknown";
  if ((await findDevice(tx, deviceCode)) !== undefined) return "code_exists";
  const sameChip = tx.selectFrom("device_info").select("id").where("btName", "=", chip);
  if ((await sameChip.executeTakeFirst()) !== undefined) return "chip_exists";
  await tx
    .insertInto("device_info")
    .values({
      deviceCode,
      version,
      btName: chip,
      jamCode: device.jamCode ?? derivedJamCode(chip),
      maxUnit: MAX_UNITS,
      setupTime: by.at,
      updateTime: by.at,
      portTime: null,
      manager: null,
      addTime: null,
      siteId: null,
      gatewayId: null,
      chargerSeenTime: null,
      chargerLostTime: null,
    })
    .execute();
  await audit(tx, by, {
    what: "device.register",
    object: deviceCode,
    detail: `chip ${chip}, version ${version}`,
  });
  return "registered";
}

/**
 * Gives a charger to an approved manager, or with null to nobody, which its gateway has to know: nobody's charger is not
 * enabled. Orders already made keep theirs.
 */
export async function assignManager(
  tx: Tx,
  change: { deviceCode: DeviceCode; manager: string | null; touchDesired: TouchDesired },
  by: By,
): Promise<"assigned" | "device_unknown" | "manager_unknown" | "manager_pending"> {
  const { deviceCode, manager, touchDesired } = change;
  const device = await findDevice(tx, deviceCode);
  if (device === undefined) return "device_unknown";
  if (manager !== null) {
    const found = await findManager(tx, manager);
    if (found === undefined) return "manager_unknown";
    if (found.approved !== 1) return "manager_pending";
  }
  await tx
    .updateTable("device_info")
    .set({ manager, addTime: manager === null ? null : by.at, updateTime: by.at })
    .where("deviceCode", "=", deviceCode)
    .execute();
  if (device.gatewayId !== null) await touchDesired(tx, device.gatewayId);
  const detail = `from ${device.manager ?? "nobody"} to ${manager ?? "nobody"}`;
  await audit(tx, by, { what: "device.assign", object: deviceCode, detail });
  return "assigned";
}

export interface DeviceValues {
  deviceName?: string;
  /** 0 enabled, 1 disabled. */
  state?: 0 | 1;
  maxUnit?: number;
  /** 0 free, 1 charged for. */
  chargeFlag?: 0 | 1;
  /** Fen for a unit of thirty minutes. */
  unitPrice?: Fen;
}

/**
 * Sets what is given and leaves the rest. `price_range`: a charger that is charged for costs 0.01–99.99 yuan a unit and
 * at most 999.99 for its longest charge. Orders already made keep their price.
 */
export async function setDevice(
  tx: Tx,
  change: { deviceCode: DeviceCode; touchDesired: TouchDesired } & DeviceValues,
  by: By,
): Promise<"set" | "device_unknown" | "unit_range" | "price_range"> {
  const { deviceCode, touchDesired, ...values } = change;
  const device = await findDevice(tx, deviceCode);
  if (device === undefined) return "device_unknown";
  const { maxUnit, chargeFlag, unitPrice } = { ...device, ...values };
  if (!Number.isInteger(maxUnit) || maxUnit < 1 || maxUnit > MAX_UNITS) return "unit_range";
  const priced = chargeFlag === 1 || values.unitPrice !== undefined;
  if (priced && (unitPrice < 1 || unitPrice > UNIT_PRICE_MAX || unitPrice * maxUnit > CHARGE_PRICE_MAX)) {
    return "price_range";
  }
  await tx
    .updateTable("device_info")
    .set({ ...values, updateTime: by.at })
    .where("deviceCode", "=", deviceCode)
    .execute();
  if (device.gatewayId !== null) await touchDesired(tx, device.gatewayId);
  await audit(tx, by, { what: "device.set", object: deviceCode, detail: JSON.stringify(values) });
  return "set";
}

/** Puts a charger behind a gateway and on its site, or with null behind none. Both gateways are told; live orders move along. */
export async function assignGateway(
  tx: Tx,
  change: { deviceCode: DeviceCode; gatewayId: string | null; touchDesired: TouchDesired },
  by: By,
): Promise<"assigned" | "device_unknown" | "gateway_unknown" | "order_live"> {
  const { deviceCode, gatewayId, touchDesired } = change;
  const device = await findDevice(tx, deviceCode);
  if (device === undefined) return "device_unknown";
  const gateway = gatewayId === null ? undefined : await gatewayOf(tx, gatewayId);
  if (gatewayId !== null && gateway === undefined) return "gateway_unknown";
  if (device.gatewayId === gatewayId) return "assigned";
  const live = tx.selectFrom("live_order").select("orderId").where("deviceCode", "=", deviceCode);
  if ((await live.executeTakeFirst()) !== undefined) {
    // Between phone and gateway nobody could end the charge that the other began.
    if (gatewayId === null || device.gatewayId === null) return "order_live";
    await moveLiveOrders(tx, { touchDesired }, { deviceCode, gatewayId });
  }
  await tx
    .updateTable("device_info")
    .set({
      gatewayId,
      ...(gateway === undefined ? {} : { siteId: gateway.siteId }),
      // What another gateway has seen of it says nothing about this one.
      chargerSeenTime: null,
      chargerLostTime: null,
      misconfigured: "",
      updateTime: by.at,
    })
    .where("deviceCode", "=", deviceCode)
    .execute();
  for (const one of [device.gatewayId, gatewayId]) if (one !== null) await touchDesired(tx, one);
  const detail = `from ${device.gatewayId ?? "none"} to ${gatewayId ?? "none"}`;
  await audit(tx, by, { what: "device.gateway", object: deviceCode, detail });
  return "assigned";
}

async function gatewayOf(tx: Tx, id: string): Promise<{ siteId: number } | undefined> {
  return await tx
    .selectFrom("gateway")
    .select("siteId")
    .where("id", "=", id)
    .where("revoked", "=", 0)
    .executeTakeFirst();
}
