import { z } from "zod";
import { unpaidBills } from "../../orders/bills.ts";
import { endpoint } from "../endpoint.ts";
import { list, Phone_ } from "../fields.ts";
import { Bill, billData } from "../orderData.ts";

export default endpoint({
  name: "getOrderPay",
  side: "user",
  summary: "List the caller's bills that wait to be paid, oldest first.",
  auth: "session",
  input: z.object({ user: Phone_ }),
  output: list(Bill),
  refusals: [],
  async read({ cloud, caller }) {
    const bills = await unpaidBills(cloud.db, caller.phone);
    return bills.map((order) => billData(order, cloud.config.zone));
  },
});
