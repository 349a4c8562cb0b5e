import { z } from "zod";
import { devicesOf } from "../../devices/managed.ts";
import { reachData, reachFields } from "../deviceReach.ts";
import { endpoint } from "../endpoint.ts";
import { Flag, PageSize_, Phone_, pageOf, StartIndex_, wireTimeIn, yuan } from "../fields.ts";

export default endpoint({
  name: "getDeviceList",
  side: "manager",
  summary: "List the manager's chargers, the one added last first, with the stored price.",
  description: "Unlike getDeviceInfo it shows the stored price also of a charger that is free.",
  auth: "session",
  input: z.object({ manager: Phone_, startIndex: StartIndex_, pageSize: PageSize_ }),
  output: pageOf(
    z.object({
      deviceCode: z.string(),
      deviceName: z.string(),
      state: Flag.meta({ description: "0 enabled, 1 disabled" }),
      maxUnit: z.int(),
      chargeFlag: Flag,
      unitPrice: yuan.meta({
        description: "Yuan for a unit of thirty minutes, also where nothing is charged now",
      }),
      addTime: z.string(),
      ...reachFields,
    }),
  ),
  refusals: [],
  async read({ cloud, caller, input }) {
    const { totalCount, rows } = await devicesOf(cloud.db, caller.phone, input);
    const { zone } = cloud.config;
    return {
      totalCount,
      abstractList: rows.map((device) => ({
        deviceCode: device.deviceCode,
        deviceName: device.deviceName,
        state: device.state,
        maxUnit: device.maxUnit,
        chargeFlag: device.chargeFlag,
        unitPrice: device.unitPrice,
        addTime: wireTimeIn(zone, device.addTime),
        ...reachData(cloud, device),
      })),
    };
  },
});
