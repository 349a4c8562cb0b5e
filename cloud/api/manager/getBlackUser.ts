import { z } from "zod";
import { blackListOf } from "../../people/blackList.ts";
import { endpoint } from "../endpoint.ts";
import { PageSize_, Phone_, pageOf, StartIndex_, wireTimeIn } from "../fields.ts";

export default endpoint({
  name: "getBlackUser",
  side: "manager",
  summary: "List the manager's black list, newest first.",
  auth: "session",
  input: z.object({ manager: Phone_, startIndex: StartIndex_, pageSize: PageSize_ }),
  output: pageOf(z.object({ user: z.string(), userName: z.string(), setupTime: z.string() })),
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
