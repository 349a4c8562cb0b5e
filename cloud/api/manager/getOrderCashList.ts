import { withdrawableOrders } from "../../orders/lists.ts";
import { endpoint } from "../endpoint.ts";
import { LIST_MAX, Phone_, paged, pageOf, rowsOf } from "../fields.ts";
import { ManagedOrderData, managedOrderData } from "../orderData.ts";

export default endpoint({
  name: "getOrderCashList",
  side: "manager",
  summary: "List the paid charges that no cash-out has, newest first.",
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
