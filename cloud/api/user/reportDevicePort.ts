import { z } from "zod";
import { recordPortReport } from "../../devices/portReports.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, done, list, PortState_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "reportDevicePort",
  side: "user",
  summary: "What a phone has read of a charger's ports; of a charger behind a gateway it is a hint only.",
  description: `
    Behind a gateway the report is kept as a hint and changes nothing. Without one it shows in portState, is
    the proof that cancelPowerOrder asks for, and a damaged port (999) refuses orders for ten minutes, or
    until it is reported otherwise when two users agree. It never ends an order.`,
  auth: "session",
  input: z.object({ deviceCode: DeviceCode_, portState: PortState_ }),
  output: list(ResultInfo),
  refusals: ["DEVICE_UNKNOWN"],
  async change({ tx, cloud, caller, input, refuse }) {
    const { deviceCode, portState } = input;
    const report = { deviceCode, portState, user: caller.phone, at: cloud.clock.now() };
    if ((await recordPortReport(tx, report)) === "device_unknown") refuse("DEVICE_UNKNOWN");
    return done;
  },
});
