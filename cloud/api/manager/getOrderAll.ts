import { endpoint } from "../endpoint.ts";
import { DeviceCode_, OrderId_, Phone_, paged } from "../fields.ts";
import { ManagedOrderData, managedOrderData } from "../orderData.ts";
import { orderPage, orderPageOf, span } from "../orderPage.ts";

export default endpoint({
  name: "getOrderAll",
  side: "manager",
  summary:
    "List the charges at chargers that the manager managed then, newest first, with totals over all that match.",
  auth: "session",
  input: paged({
    manager: Phone_,
    ...span,
    user: Phone_.optional(),
    deviceCode: DeviceCode_.optional(),
    orderId: OrderId_.optional(),
  }),
  output: orderPageOf(ManagedOrderData),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input: asked, refuse, remark }) {
    const { user, deviceCode, orderId } = asked;
    const filter = { manager: caller.phone, user, deviceCode, orderId };
    return await orderPage(cloud, { filter, asked, row: managedOrderData, refuse, remark });
  },
});
