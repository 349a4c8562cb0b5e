import { z } from "zod";
import { takeDevice } from "../../devices/managed.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, done, list, Phone_, ResultInfo } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

export default endpoint({
  name: "addDevice",
  side: "manager",
  summary: "Take a charger that nobody manages; it begins enabled, free of charge and without a name.",
  description: "The operator has registered the charger before. It begins with maxUnit 12.",
  auth: "session",
  input: z.object({ manager: Phone_, deviceCode: DeviceCode_ }),
  output: list(ResultInfo),
  refusals: ["DEVICE_UNKNOWN", "DEVICE_MANAGED"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { value } = await once(async (tx) => {
      const taken = await takeDevice(tx, { ...who, deviceCode: input.deviceCode }, by);
      if (taken === "device_unknown") return refuse("DEVICE_UNKNOWN");
      return taken === "managed" ? refuse("DEVICE_MANAGED") : taken;
    });
    publishTo(cloud, value);
    return done;
  },
});
