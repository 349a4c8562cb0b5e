import { z } from "zod";
import { cashOutsOf } from "../../cashout/lists.ts";
import { endpoint } from "../endpoint.ts";
import { LIST_MAX, Phone_, paged, rowsOf, wireTimeIn, yuan } from "../fields.ts";

export default endpoint({
  name: "getCashOutList",
  side: "manager",
  summary: "List the manager's cash-outs, newest first; the totals count those that succeeded.",
  description: `
    Ask for a page (startIndex and pageSize), or for all: then at most 10,000 are answered, with the reason
    TRUNCATED where there are more. All states are listed.`,
  auth: "session",
  input: paged({ manager: Phone_ }),
  output: z.object({
    totalCount: z.int().meta({ description: "Cash-outs that succeeded" }),
    totalCash: yuan.meta({ description: "Yuan that they brought" }),
    CashOutList: z.array(
      z.object({
        cashOutId: z.string(),
        bankCode: z.string().meta({ description: "The account's number, masked" }),
        money: yuan.meta({ description: "Yuan that were withdrawn" }),
        service: yuan,
        cash: yuan.meta({ description: "Yuan that the bank transfer brings: money less service" }),
        state: z.int().min(0).max(2).meta({ description: "0 success, 1 failed, 2 pending" }),
        reason: z.string().meta({ description: "Why it failed; empty otherwise" }),
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
