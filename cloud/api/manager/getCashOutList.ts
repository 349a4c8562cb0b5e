import { z } from "zod";
import { cashOutsOf } from "../../cashout/lists.ts";
import { endpoint } from "../endpoint.ts";
import { LIST_MAX, Phone_, paged, rowsOf, wireTimeIn, yuan } from "../fields.ts";

export default endpoint({
  name: "getCashOutList",
  side: "manager",
  summary: "List the manager's cash-outs, newest first; the totals count those that succeeded.",
  auth: "session",
  input: paged({ manager: Phone_ }),
  output: z.object({
    totalCount: z.int(),
    totalCash: yuan,
    CashOutList: z.array(
      z.object({
        cashOutId: z.string(),
        bankCode: z.string().meta({ description: "Masked" }),
        money: yuan,
        service: yuan,
        cash: yuan,
        state: z.int().min(0).max(2).meta({ description: "0 success, 1 failed, 2 pending" }),
        reason: z.string(),
        cashOutTime: z.string(),
        processTime: z.string(),
      }),
    ),
  }),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input, remark }) {
    const { rows, matching, ...totals } = await cashOutsOf(cloud.db, caller.phone, rowsOf(input));
    if (input.pageSize === undefined && matching > LIST_MAX) remark("TRUNCATED");
    const { zone } = cloud.config;
    return {
      ...totals,
      CashOutList: rows.map((row) => ({
        cashOutId: row.cashOutId,
        bankCode: row.bankMask,
        money: row.money,
        service: row.service,
        cash: row.cash,
        state: row.state,
        reason: row.reason ?? "",
        cashOutTime: wireTimeIn(zone, row.cashOutTime),
        processTime: wireTimeIn(zone, row.processTime),
      })),
    };
  },
});
