import { z } from "zod";
import { purchasesOf } from "../../coins/lists.ts";
import { endpoint } from "../endpoint.ts";
import { PageSize_, Phone_, pageOf, StartIndex_, wireTimeIn } from "../fields.ts";

export default endpoint({
  name: "getPmoneyCharge",
  side: "user",
  summary: "List the coins that the caller has bought, newest first.",
  description: "Purchases that were paid; one that is open or failed is not in it.",
  auth: "session",
  input: z.object({ user: Phone_, startIndex: StartIndex_, pageSize: PageSize_ }),
  output: pageOf(
    z.object({
      payId: z.string(),
      pmoney: z.int().meta({ description: "Coins bought" }),
      payTime: z.string(),
    }),
  ),
  refusals: [],
  async read({ cloud, caller, input }) {
    const { totalCount, rows } = await purchasesOf(cloud.db, caller.phone, input);
    const { zone } = cloud.config;
    return {
      totalCount,
      abstractList: rows.map((row) => ({ ...row, payTime: wireTimeIn(zone, row.payTime) })),
    };
  },
});
