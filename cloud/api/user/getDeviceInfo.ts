import { z } from "zod";
import { bluetoothNameOf, findDevice } from "../../devices/devices.ts";
import { reachData, reachFields } from "../deviceReach.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, Flag, list, yuan } from "../fields.ts";

export default endpoint({
  name: "getDeviceInfo",
  side: "user",
  summary: "A charger by the code printed on it: price, longest charge, ports, and how it is reached.",
  description: `
    jamCode is given for a charger without a gateway only, which the phone drives itself, and only to a
    session. unitPrice is 0 where nothing is charged for.`,
  auth: "open",
  input: z.object({ deviceCode: DeviceCode_ }),
  output: list(
    z.object({
      deviceName: z.string(),
      state: Flag.meta({ description: "0 enabled, 1 disabled" }),
      btName: z.string(),
      jamCode: z.string(),
      maxUnit: z.int(),
      chargeFlag: Flag,
      unitPrice: yuan.meta({ description: "Yuan for a unit of thirty minutes; 0 where nothing is charged" }),
      ...reachFields,
    }),
  ),
  refusals: ["DEVICE_UNKNOWN"],
  async read({ cloud, input, caller, refuse }) {
    const device = await findDevice(cloud.db, input.deviceCode);
    if (device === undefined) return refuse("DEVICE_UNKNOWN");
    // The jam code drives the charger past the cloud: only for a phone that has to, and only to somebody who has logged in.
    const phoneDrives = device.gatewayId === null;
    const mayHaveJamCode = phoneDrives && (caller !== null || cloud.config.authMode === "documented");
    return [
      {
        deviceName: device.deviceName,
        state: device.state,
        btName: bluetoothNameOf(device),
        jamCode: mayHaveJamCode ? device.jamCode : "",
        maxUnit: device.maxUnit,
        chargeFlag: device.chargeFlag,
        unitPrice: device.chargeFlag === 0 ? 0 : device.unitPrice,
        ...reachData(cloud, device),
      },
    ];
  },
});
