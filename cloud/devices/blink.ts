import { deviceCode as asDeviceCode } from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { audit, type By } from "../identity/audit.ts";
import { findDevice } from "./devices.ts";

/** Whoever looks for a charger stands there now: a blink that comes later is none. */
const DEADLINE_MS = 20_000;
const WAIT_MS = 10_000;

export type PlannedBlink =
  | { kind: "planned"; commandId: string }
  | { kind: "NOT_YOURS" | "NO_GATEWAY" | "DEVICE_OFFLINE" };

/** Inserts the command that has a manager's charger blink; it is sent after the commit. */
export async function planBlink(
  tx: Tx,
  of: { deviceCode: string; manager: string; gateways: Gateways },
  by: By,
): Promise<PlannedBlink> {
  const { deviceCode, manager, gateways } = of;
  const device = await findDevice(tx, deviceCode);
  if (device?.manager !== manager) return { kind: "NOT_YOURS" };
  const { gatewayId } = device;
  if (gatewayId === null) return { kind: "NO_GATEWAY" };
  if (!gateways.online(gatewayId)) return { kind: "DEVICE_OFFLINE" };
  const commandId = await gateways.insertCommand(tx, {
    gatewayId,
    orderId: null,
    deadline: by.at + DEADLINE_MS,
    body: { kind: "blink", deviceCode: asDeviceCode(deviceCode) },
  });
  await audit(tx, by, { what: "device.blink", object: deviceCode });
  return { kind: "planned", commandId };
}

/** Sends it and waits for the charger's word. */
export async function blink(
  world: { gateways: Pick<Gateways, "send"> },
  commandId: string,
): Promise<"done" | "unreachable"> {
  const outcome = await world.gateways.send(commandId, WAIT_MS);
  return outcome.kind === "done" ? "done" : "unreachable";
}
