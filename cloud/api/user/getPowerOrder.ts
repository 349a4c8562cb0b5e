import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { list, OrderId_, Phone_ } from "../fields.ts";
import { OrderData, orderData } from "../orderData.ts";

export default endpoint({
  name: "getPowerOrder",
  side: "user",
  summary: "Show one order of the caller, whatever its state.",
  description: `
    An order that has begun shows what is billed: when a charge broke off, the bill is lowered to the proven
    minutes, and what was paid too much goes back by itself.`,
  auth: "session",
  input: z.object({ user: Phone_, orderId: OrderId_ }),
  output: list(OrderData),
  refusals: ["NOT_YOURS"],
  async read({ cloud, caller, input, refuse }) {
    const order = await cloud.db
      .selectFrom("order_info")
      .selectAll()
      .where("orderId", "=", input.orderId)
      .where("user", "=", caller.phone)
      .executeTakeFirst();
    return order === undefined ? refuse("NOT_YOURS") : [orderData(order, cloud.config.zone)];
  },
});
