import { endpoint } from "../endpoint.ts";
import { OrderId_, Phone_, paged } from "../fields.ts";
import { OrderData, orderData } from "../orderData.ts";
import { orderPage, orderPageOf, span } from "../orderPage.ts";

export default endpoint({
  name: "getUserOrder",
  side: "user",
  summary: "List the caller's charges, newest first, with totals over all that match.",
  auth: "session",
  input: paged({ user: Phone_, ...span, orderId: OrderId_.optional() }),
  output: orderPageOf(OrderData),
  refusals: ["TRUNCATED"],
  async read({ cloud, caller, input: asked, refuse, remark }) {
    const filter = { user: caller.phone, orderId: asked.orderId };
    return await orderPage(cloud, { filter, asked, row: orderData, refuse, remark });
  },
});
