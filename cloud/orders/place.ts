import type { Instant } from "@bluepower/protocol/clock";
import { chargeMinutes, deviceCode, orderId, portNo, units } from "@bluepower/protocol/units";
import type { Selectable } from "kysely";
import type { Tx } from "../database/database.ts";
import type { DeviceInfo } from "../database/schema.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { orderIds } from "../identifiers.ts";
import { unpaidBills } from "./bills.ts";
import { insertOrder } from "./orderRow.ts";
import { portDamaged } from "./portReports.ts";
import { takePort, takeUnpaid } from "./slots.ts";
import { LOST_AFTER_MS, START_DEADLINE_MS } from "./world.ts";

export interface NewOrder {
  user: string;
  deviceCode: string;
  port: number;
  /** What the phone showed: fen for a unit, units, fen in all. */
  unitPrice: number;
  unit: number;
  money: number;
  plateNo: string;
}

/** Why no order was made; nothing has been written that a rollback does not take back. */
export type Refused =
  | "NAME_MISSING"
  | "DEVICE_UNKNOWN"
  | "DEVICE_DISABLED"
  | "DEVICE_UNMANAGED"
  | "BLACKLISTED"
  | "ORDER_UNPAID"
  | "UNIT_RANGE"
  | "PRICE_CHANGED"
  | "AMOUNT_MISMATCH"
  | "CHARGER_MISCONFIGURED"
  | "DEVICE_OFFLINE"
  | "CHARGER_UNREACHABLE"
  | "PORT_DAMAGED"
  | "PORT_BUSY";

export type Placed =
  | { kind: "refused"; reason: Refused }
  /** `commandId` is the start to be sent after the commit; null for a charger that the phone drives. */
  | { kind: "placed"; orderId: string; commandId: string | null; gatewayId: string | null };

type Device = Selectable<DeviceInfo>;

const refused = (reason: Refused): Placed => ({ kind: "refused", reason });

/**
 * Makes an order after all checks of spec 2, steps 1 and 2. A port has one live order and a user one unpaid order by
 * database constraints. Behind a gateway the order is `starting` and its start command is inserted with it; without one it
 * is `charging`. On a refusal the caller rolls the transaction back.
 */
export async function placeOrder(
  tx: Tx,
  order: NewOrder,
  of: { at: Instant; gateways: Gateways },
): Promise<Placed> {
  const { at, gateways } = of;
  const person = await tx
    .selectFrom("user_info")
    .select("userName")
    .where("user", "=", order.user)
    .executeTakeFirst();
  if (person === undefined || person.userName === "") return refused("NAME_MISSING");
  const device = await tx
    .selectFrom("device_info")
    .selectAll()
    .where("deviceCode", "=", order.deviceCode)
    .executeTakeFirst();
  if (device === undefined) return refused("DEVICE_UNKNOWN");
  if (device.state !== 0) return refused("DEVICE_DISABLED");
  if (device.manager === null) return refused("DEVICE_UNMANAGED");
  const no =
    (await personProblem(tx, order.user, device.manager)) ??
    priceProblem(order, device) ??
    reachProblem(device, { at, gateways }) ??
    ((await portDamaged(tx, { device, port: order.port, at })) ? "PORT_DAMAGED" : undefined);
  if (no !== undefined) return refused(no);

  const id = await insert(tx, { ...order, device, manager: device.manager, at });
  if (!(await takePort(tx, { deviceCode: order.deviceCode, port: order.port, orderId: id }))) {
    return refused("PORT_BUSY");
  }
  if (order.money > 0 && !(await takeUnpaid(tx, { user: order.user, orderId: id }))) {
    return refused("ORDER_UNPAID");
  }
  const { gatewayId } = device;
  if (gatewayId === null) return { kind: "placed", orderId: id, commandId: null, gatewayId };
  const commandId = await gateways.insertCommand(tx, {
    gatewayId,
    orderId: id,
    deadline: at + START_DEADLINE_MS,
    body: {
      kind: "start",
      orderId: orderId(id),
      deviceCode: deviceCode(order.deviceCode),
      port: portNo(order.port),
      minutes: chargeMinutes(units(order.unit)),
    },
  });
  await gateways.touchDesired(tx, gatewayId);
  return { kind: "placed", orderId: id, commandId, gatewayId };
}

async function personProblem(tx: Tx, user: string, manager: string): Promise<Refused | undefined> {
  const black = await tx
    .selectFrom("black_user_info")
    .select("id")
    .where("manager", "=", manager)
    .where("user", "=", user)
    .executeTakeFirst();
  if (black !== undefined) return "BLACKLISTED";
  return (await unpaidBills(tx, user)).length > 0 ? "ORDER_UNPAID" : undefined;
}

function priceProblem(order: NewOrder, device: Device): Refused | undefined {
  if (order.unit < 1 || order.unit > device.maxUnit) return "UNIT_RANGE";
  const price = device.chargeFlag === 0 ? 0 : device.unitPrice;
  if (order.unitPrice !== price) return "PRICE_CHANGED";
  return order.money === price * order.unit ? undefined : "AMOUNT_MISMATCH";
}

function reachProblem(
  device: Device,
  { at, gateways }: { at: Instant; gateways: Gateways },
): Refused | undefined {
  if (device.gatewayId === null) return undefined;
  if (device.misconfigured !== "") return "CHARGER_MISCONFIGURED";
  if (!gateways.online(device.gatewayId)) return "DEVICE_OFFLINE";
  const lost = device.chargerLostTime;
  const isLost = lost !== null && lost > (device.chargerSeenTime ?? 0);
  return isLost && at - lost > LOST_AFTER_MS ? "CHARGER_UNREACHABLE" : undefined;
}

async function insert(
  tx: Tx,
  of: NewOrder & { device: Device; manager: string; at: Instant },
): Promise<string> {
  const { device, at, unitPrice, unit, money } = of;
  const free = money === 0;
  const driven = device.gatewayId === null;
  for (const id of orderIds(of.user, at)) {
    const inserted = await insertOrder(tx, {
      orderId: id,
      user: of.user,
      deviceCode: of.deviceCode,
      deviceName: device.deviceName,
      port: of.port,
      unitPrice,
      unit,
      money,
      orderTime: at,
      payTime: null,
      cashOutFlag: free ? 2 : 0,
      cashOutId: null,
      agreedUnit: unit,
      agreedMoney: money,
      state: driven ? "charging" : "starting",
      payState: free ? "paid" : "unpaid",
      manager: of.manager,
      gatewayId: device.gatewayId,
      startTime: driven ? at : null,
      endTime: null,
      minutes: null,
      endReason: null,
      evidence: null,
      cancelReason: null,
      plateNo: of.plateNo,
      updateTime: at,
    });
    if (inserted !== undefined) return id;
  }
  throw new Error("order ids never end");
}
