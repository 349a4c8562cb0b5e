import { z } from "zod";
import { releaseDevices } from "../../devices/managed.ts";
import { numberIsTheirs } from "../../identity/numbers.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCodeList_, Flag, list, Phone_, ResultInfo } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

export default endpoint({
  name: "deleteDevice",
  side: "manager",
  summary: "Give chargers back to nobody, all of the list or none.",
  description: `
    Orders made before run on and stay the manager's, and so does their money. The document's table spells
    Result: both are answered, with equal values.`,
  auth: "session",
  input: z.object({ manager: Phone_, deviceCodeList: DeviceCodeList_ }),
  // The table spells it `Result`; both stand, with equal values.
  output: list(ResultInfo.extend({ Result: Flag })),
  refusals: ["PHONE_UNCONFIRMED", "NOT_YOURS"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { value } = await once(async (tx) => {
      if (!(await numberIsTheirs(tx, caller))) return refuse("PHONE_UNCONFIRMED");
      const released = await releaseDevices(tx, { ...who, deviceCodes: input.deviceCodeList }, by);
      return released === "not_yours" ? refuse("NOT_YOURS") : released;
    });
    publishTo(cloud, value);
    return [{ result: 0, Result: 0, reason: "" }];
  },
});
