import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { done, list, PayId_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "queryPmoneyPay",
  side: "user",
  summary: "Whether a purchase of coins has been paid; WeChat is asked when that is open.",
  description: `
    result 0: paid, and the coins are there. WeChat is asked at most once in two seconds for a payment. The
    reason is PENDING while it is open and FAILED when it has come to nothing.`,
  auth: "session",
  input: z.object({ payId: PayId_ }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS", "PENDING", "FAILED"],
  async read({ cloud, caller, input, refuse }) {
    const purchase = cloud.db.selectFrom("pmoney_charge_pay").select("user").where("payId", "=", input.payId);
    if ((await purchase.executeTakeFirst())?.user !== caller.phone) return refuse("NOT_YOURS");
    switch (await cloud.payments.result("coins", input.payId)) {
      case "paid":
        return done;
      case "pending":
        return refuse("PENDING");
      case "failed":
        return refuse("FAILED");
    }
  },
});
