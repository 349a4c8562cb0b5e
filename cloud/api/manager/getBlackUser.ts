import { z } from "zod";
import { blackListOf } from "../../people/blackList.ts";
import { endpoint } from "../endpoint.ts";
import { PageSize_, Phone_, pageOf, StartIndex_, wireTimeIn } from "../fields.ts";

export default endpoint({
  name: "getBlackUser",
  side: "manager",
  summary: "List the manager's black list, newest first.",
  description: "Only the caller's own list.",
  auth: "session",
  input: z.object({ manager: Phone_, startIndex: StartIndex_, pageSize: PageSize_ }),
  output: pageOf(
    z.object({
      user: z.string().meta({ description: "Phone number of who is barred" }),
      userName: z.string().meta({ description: "Name of who is barred" }),
      setupTime: z.string(),
    }),
  ),
  refusals: [],
  async read({ cloud, caller, input }) {
    const { totalCount, rows } = await blackListOf(cloud.db, caller.phone, input);
    const { zone } = cloud.config;
    return {
      totalCount,
      abstractList: rows.map((row) => ({ ...row, setupTime: wireTimeIn(zone, row.setupTime) })),
    };
  },
});
