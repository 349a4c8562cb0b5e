import { z } from "zod";
import { touchGatewaysOf } from "../../devices/managed.ts";
import { unblacklist } from "../../people/blackList.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, Phone_, PhoneList_, ResultInfo } from "../fields.ts";
import { managing, publishTo } from "../managing.ts";

export default endpoint({
  name: "deleteBlackUser",
  side: "manager",
  summary: "Take users off the manager's black list, all of the list or none.",
  description: "It holds for orders made from now on.",
  auth: "session",
  input: z.object({ manager: Phone_, userList: PhoneList_ }),
  output: list(ResultInfo),
  refusals: ["NOT_BLACKLISTED"],
  async run({ cloud, caller, input, refuse, once }) {
    const { who, by } = managing(cloud, caller);
    const { value } = await once(async (tx) => {
      const taken = await unblacklist(tx, { manager: caller.phone, users: input.userList }, by);
      return taken === "taken_off" ? await touchGatewaysOf(tx, who) : refuse("NOT_BLACKLISTED");
    });
    publishTo(cloud, value);
    return done;
  },
});
