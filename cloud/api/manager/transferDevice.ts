import { z } from "zod";
import { transferDevices } from "../../devices/managed.ts";
import { numberIsTheirs } from "../../identity/numbers.ts";
import { endpoint } from "../endpoint.ts";
import { DeviceCodeList_, done, list, Phone_, ResultInfo } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

export default endpoint({
  name: "transferDevice",
  side: "manager",
  summary:
    "Give chargers to another approved manager, all of the list or none; orders made before stay the giver's.",
  description: `
    The receiver is a registered manager whom the operator has approved. Name, price and longest charge go
    along.`,
  auth: "session",
  input: z.object({ manager: Phone_, transfer: Phone_, deviceCodeList: DeviceCodeList_ }),
  output: list(ResultInfo),
  refusals: ["PHONE_UNCONFIRMED", "NOT_YOURS", "RECEIVER_INVALID"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { transfer: to, deviceCodeList: deviceCodes } = input;
    if (to === caller.phone) return refuse("PARAMETER", "transfer: another manager");
    const { value } = await once(async (tx) => {
      if (!(await numberIsTheirs(tx, caller))) return refuse("PHONE_UNCONFIRMED");
      const given = await transferDevices(tx, { ...who, deviceCodes, to }, by);
      if (given === "not_yours") return refuse("NOT_YOURS");
      return given === "receiver_invalid" ? refuse("RECEIVER_INVALID") : given;
    });
    publishTo(cloud, value);
    return done;
  },
});
