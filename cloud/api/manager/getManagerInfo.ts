import { z } from "zod";
import { findManager } from "../../people/managers.ts";
import { endpoint } from "../endpoint.ts";
import { list, Phone_ } from "../fields.ts";

export default endpoint({
  name: "getManagerInfo",
  side: "manager",
  summary: "The manager's name.",
  description: "Open to a manager who waits for approval.",
  auth: "session",
  pendingManager: true,
  input: z.object({ manager: Phone_ }),
  output: list(z.object({ managerName: z.string() })),
  refusals: [],
  async read({ cloud, caller, refuse }) {
    const manager = await findManager(cloud.db, caller.phone);
    if (manager === undefined) return refuse("SESSION");
    return [{ managerName: manager.managerName }];
  },
});
