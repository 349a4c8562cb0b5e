import { z } from "zod";
import { withdrawable } from "../../cashout/request.ts";
import { endpoint } from "../endpoint.ts";
import { list, Phone_, yuan } from "../fields.ts";

export default endpoint({
  name: "getOrderCash",
  side: "manager",
  summary:
    "What the manager can withdraw: paid charges that no cash-out has, less what was refunded of withdrawn ones.",
  description: `
    Coins count at their value. service is the configured share, rounded half up to the fen, and cash is
    what a CashOut would bring. money is never below 0: what was refunded beyond that lowers later cash-
    outs.`,
  auth: "session",
  input: z.object({ manager: Phone_ }),
  output: list(
    z.object({
      count: z.int().meta({ description: "Charges" }),
      money: yuan.meta({ description: "Yuan that can be withdrawn" }),
      service: yuan,
      cash: yuan.meta({ description: "Yuan that a CashOut would bring: money less service" }),
    }),
  ),
  refusals: [],
  async read({ cloud, caller }) {
    return [await withdrawable(cloud.db, caller.phone, cloud.config.cashoutPpm)];
  },
});
