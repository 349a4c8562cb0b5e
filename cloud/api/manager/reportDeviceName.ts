import { z } from "zod";
import { setOwnDevice } from "../../devices/managed.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCode_, done, list, Name_, Phone_, ResultInfo } from "../fields.ts";
import { managing } from "../managing.ts";

export default endpoint({
  name: "reportDeviceName",
  side: "manager",
  summary: "Name one of the manager's chargers.",
  description: "Orders made before keep the name that they were made with.",
  auth: "session",
  input: z.object({ manager: Phone_, deviceCode: DeviceCode_, deviceName: Name_ }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS"],
  async change({ tx, cloud, caller, input, refuse }) {
    const { who, by } = managing(cloud, caller);
    const { deviceCode, deviceName } = input;
    if ((await setOwnDevice(tx, { ...who, deviceCode, deviceName }, by)) === "not_yours") refuse("NOT_YOURS");
    return done;
  },
});
