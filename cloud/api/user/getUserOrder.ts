import { endpoint } from "../endpoint.ts";
import { OrderId_, Phone_, paged } from "../fields.ts";
import { OrderData, orderData } from "../orderData.ts";
import { orderPage, orderPageOf, span } from "../orderPage.ts";

export default endpoint({
  name: "getUserOrder",
  side: "user",
  summary: "List the caller's charges, newest first, with totals over all that match.",
  description: `
    Ask for a page (startIndex and pageSize), for one order (orderId), or for all: then at most 10,000 are
    answered, with the reason TRUNCATED where there are more. Orders that are starting, cancelled or waived
    are in getPowerOrder only.`,
  auth: "session",
  input: paged({
    user: Phone_,
    ...span,
    orderId: OrderId_.optional().meta({ description: "Only this order; without page parameters" }),
  }),
  output: orderPageOf(OrderData),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input: asked, refuse, remark }) {
    const filter = { user: caller.phone, orderId: asked.orderId };
    return await orderPage(cloud, { filter, asked, row: orderData, refuse, remark });
  },
});
