import { withdrawableOrders } from "../../orders/lists.ts";
import { endpoint } from "../endpoint.ts";
import { LIST_MAX, Phone_, paged, pageOf, rowsOf } from "../fields.ts";
import { ManagedOrderData, managedOrderData } from "../orderData.ts";

export default endpoint({
  name: "getOrderCashList",
  side: "manager",
  summary: "List the paid charges that no cash-out has, newest first.",
  description: `
    Ask for a page (startIndex and pageSize), or for all: then at most 10,000 are answered, with the reason
    TRUNCATED where there are more.`,
  auth: "session",
  input: paged({ manager: Phone_ }),
  output: pageOf(ManagedOrderData),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input, remark }) {
    const { totalCount, rows } = await withdrawableOrders(cloud.db, caller.phone, rowsOf(input));
    if (input.pageSize === undefined && totalCount > LIST_MAX) remark("TRUNCATED");
    return { totalCount, abstractList: rows.map((order) => managedOrderData(order, cloud.config.zone)) };
  },
});
