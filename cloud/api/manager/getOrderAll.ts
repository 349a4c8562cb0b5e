import { endpoint } from "../endpoint.ts";
import { DeviceCode_, OrderId_, Phone_, paged } from "../fields.ts";
import { ManagedOrderData, managedOrderData } from "../orderData.ts";
import { orderPage, orderPageOf, span } from "../orderPage.ts";

export default endpoint({
  name: "getOrderAll",
  side: "manager",
  summary:
    "List the charges at chargers that the manager managed then, newest first, with totals over all that match.",
  description: `
    Ask for a page (startIndex and pageSize), for one order (orderId), or for all: then at most 10,000 are
    answered, with the reason TRUNCATED where there are more. An order belongs to who managed the charger
    when it was made, so a transfer moves no history. Orders that are starting, cancelled or waived are in
    no list.`,
  auth: "session",
  input: paged({
    manager: Phone_,
    ...span,
    user: Phone_.optional().meta({ description: "Only charges of this phone number" }),
    deviceCode: DeviceCode_.optional().meta({ description: "Only charges at this charger" }),
    orderId: OrderId_.optional().meta({ description: "Only this order; without page parameters" }),
  }),
  output: orderPageOf(ManagedOrderData),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input: asked, refuse, remark }) {
    const { user, deviceCode, orderId } = asked;
    const filter = { manager: caller.phone, user, deviceCode, orderId };
    return await orderPage(cloud, { filter, asked, row: managedOrderData, refuse, remark });
  },
});
