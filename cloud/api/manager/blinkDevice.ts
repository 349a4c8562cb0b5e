import { z } from "zod";
import { blink, planBlink } from "../../devices/blink.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, done, list, Phone_, ResultInfo } from "../fields.ts";
import { managing } from "../managing.ts";

export default endpoint({
  name: "blinkDevice",
  side: "manager",
  summary: "Have all LEDs of a charger blink, so that it can be found.",
  description: "The charger must be behind a gateway that is online. Nothing is stored.",
  auth: "session",
  input: z.object({ manager: Phone_, deviceCode: DeviceCode_ }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS", "NO_GATEWAY", "DEVICE_OFFLINE", "CHARGER_UNREACHABLE"],
  async run({ cloud, caller, input, refuse, once }) {
    const { by } = managing(cloud, caller);
    const { value: commandId } = await once(async (tx) => {
      const of = { deviceCode: input.deviceCode, manager: caller.phone, gateways: cloud.gateways };
      const planned = await planBlink(tx, of, by);
      return planned.kind === "planned" ? planned.commandId : refuse(planned.kind);
    });
    return (await blink(cloud, commandId)) === "done" ? done : refuse("CHARGER_UNREACHABLE");
  },
});
