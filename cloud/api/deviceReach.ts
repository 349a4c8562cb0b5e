import { z } from "zod";
import type { Cloud } from "../cloud.ts";
import { type Device, reachOf } from "../devices/devices.ts";
import { wireTimeIn } from "./fields.ts";

const GATEWAY = { none: 0, online: 1, offline: 2 } as const;

/** How a charger is reached and what is known of its ports: beside DeviceInfo and DeviceData (spec 2, "Beyond the document"). */
export const reachFields = {
  portState: z.string().meta({
    description:
      "Each port as its number and three digits: 000 free, 001–998 minutes left, 999 damaged; empty if unknown",
  }),
  portTime: z.string(),
  gateway: z
    .int()
    .min(0)
    .max(2)
    .meta({ description: "How the charger is reached: 0 without a gateway, 1 gateway online, 2 offline" }),
  gatewayUrls: z.array(z.string()),
};

export function reachData(
  { gateways, config }: Pick<Cloud, "gateways" | "config">,
  device: Pick<Device, "portState" | "portTime" | "gatewayId"> & Partial<Pick<Device, "zone">>,
) {
  return {
    portState: device.portState,
    portTime: wireTimeIn(device.zone ?? config.zone, device.portTime),
    gateway: GATEWAY[reachOf(gateways, device)],
    gatewayUrls: [],
  };
}
