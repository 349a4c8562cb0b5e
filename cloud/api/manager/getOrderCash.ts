import { z } from "zod";
import { withdrawable } from "../../cashout/request.ts";
import { endpoint } from "../endpoint.ts";
import { list, Phone_, yuan } from "../fields.ts";

export default endpoint({
  name: "getOrderCash",
  side: "manager",
  summary:
    "What the manager can withdraw: paid charges that no cash-out has, less what was refunded of withdrawn ones.",
  auth: "session",
  input: z.object({ manager: Phone_ }),
  output: list(
    z.object({
      count: z.int().meta({ description: "Charges" }),
      money: yuan,
      service: yuan,
      cash: yuan,
    }),
  ),
  refusals: [],
  async read({ cloud, caller }) {
    return [await withdrawable(cloud.db, caller.phone, cloud.config.cashoutPpm)];
  },
});
