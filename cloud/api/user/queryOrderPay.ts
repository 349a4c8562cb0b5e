import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { done, list, OrderId_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "queryOrderPay",
  side: "user",
  summary: "Ask whether a bill has been paid; WeChat is asked when that is open.",
  description: `
    result 0: paid. WeChat is asked at most once in two seconds for a payment. The reason is PENDING while
    it is open and FAILED when the last attempt has come to nothing.`,
  auth: "session",
  input: z.object({ orderId: OrderId_ }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS", "PENDING", "FAILED"],
  async read({ cloud, caller, input, refuse }) {
    const order = await cloud.db
      .selectFrom("order_info")
      .select("id")
      .where("orderId", "=", input.orderId)
      .where("user", "=", caller.phone)
      .executeTakeFirst();
    if (order === undefined) return refuse("NOT_YOURS");
    switch (await cloud.payments.result("order", input.orderId)) {
      case "paid":
        return done;
      case "pending":
        return refuse("PENDING");
      case "failed":
        return refuse("FAILED");
    }
  },
});
