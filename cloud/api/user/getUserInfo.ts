import { z } from "zod";
import { unpaidBills } from "../../orders/bills.ts";
import { findUser } from "../../people/users.ts";
import { endpoint } from "../endpoint.ts";
import { Flag, list, Phone_ } from "../fields.ts";

export default endpoint({
  name: "getUserInfo",
  side: "user",
  summary: "Name, trade and coins of the user, and whether a bill waits to be paid.",
  description: "Coins that a payment holds are not in pmoney.",
  auth: "session",
  input: z.object({ user: Phone_ }),
  output: list(
    z.object({
      userName: z.string(),
      professionName: z.string(),
      pmoney: z.int().meta({ description: "Coins that can be spent" }),
      order: Flag.meta({ description: "1 exactly when getOrderPay lists something" }),
    }),
  ),
  refusals: [],
  async read({ cloud, caller, refuse }) {
    const user = await findUser(cloud.db, caller.phone);
    if (user === undefined) return refuse("SESSION");
    const bills = await unpaidBills(cloud.db, caller.phone);
    return [{ ...user, order: bills.length > 0 ? 1 : 0 }];
  },
});
