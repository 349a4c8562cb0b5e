import { z } from "zod";
import { setManagerName } from "../../people/managers.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, Name_, Phone_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "reportManagerName",
  side: "manager",
  summary: "Sets the manager's name.",
  description: "Open to a manager who waits for approval.",
  auth: "session",
  pendingManager: true,
  input: z.object({ manager: Phone_, managerName: Name_ }),
  output: list(ResultInfo),
  refusals: [],
  async change({ tx, caller, input, refuse }) {
    if (!(await setManagerName(tx, caller.phone, input.managerName))) refuse("SESSION");
    return done;
  },
});
