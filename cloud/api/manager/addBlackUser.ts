import { z } from "zod";
import { touchGatewaysOf } from "../../devices/managed.ts";
import { blacklist } from "../../people/blackList.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, Phone_, ResultInfo } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

export default endpoint({
  name: "addBlackUser",
  side: "manager",
  summary: "Bar a user who has charged at one of the manager's chargers from all of them.",
  description: `
    It holds for orders made from now on, also while the gateway is cut off. Somebody who is on the list
    already stays on it.`,
  auth: "session",
  input: z.object({ manager: Phone_, user: Phone_.meta({ description: "Phone number of who is barred" }) }),
  output: list(ResultInfo),
  refusals: ["USER_NEVER_CHARGED"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { value } = await once(async (tx) => {
      const listed = await blacklist(tx, { manager: caller.phone, user: input.user }, by);
      return listed === "listed" ? await touchGatewaysOf(tx, who) : refuse("USER_NEVER_CHARGED");
    });
    publishTo(cloud, value);
    return done;
  },
});
