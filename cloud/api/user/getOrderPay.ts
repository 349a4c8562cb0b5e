import { z } from "zod";
import { unpaidBills } from "../../orders/bills.ts";
import { endpoint } from "../endpoint.ts";
import { list, Phone_ } from "../fields.ts";
import { Bill, billData } from "../orderData.ts";

export default endpoint({
  name: "getOrderPay",
  side: "user",
  summary: "List the caller's bills that wait to be paid, oldest first.",
  description: `
    Every order that charges or has charged and is not paid, also those that the gateway began while it was
    cut off. While the list is not empty no new order begins.`,
  auth: "session",
  input: z.object({ user: Phone_ }),
  output: list(Bill),
  refusals: [],
  async read({ cloud, caller }) {
    const bills = await unpaidBills(cloud.db, caller.phone);
    return bills.map((order) => billData(order, cloud.config.zone));
  },
});
