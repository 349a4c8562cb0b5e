import { z } from "zod";
import { awaitCancel, planCancel } from "../../orders/cancel.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, OrderId_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "cancelPowerOrder",
  side: "user",
  summary: "Cancel an order that has not begun, or whose charger the phone could not switch on.",
  description: `
    Behind a gateway the start is taken back: refused when it runs already, and after ten seconds without
    word the order counts as cancelled, for which nothing is ever owed. Without a gateway the same user must
    have reported the port as free or damaged after the order; three a day. An open payment is closed first,
    and while WeChat does not confirm that, nothing is cancelled.`,
  auth: "session",
  movesMoney: true,
  input: z.object({ orderId: OrderId_ }),
  output: list(ResultInfo),
  refusals: [
    "NOT_YOURS",
    "ORDER_RUNNING",
    "ORDER_ENDED",
    "ORDER_PAID",
    "CANCEL_UNPROVEN",
    "CANCEL_LIMIT",
    "PAYMENT_OPEN",
  ],
  async run({ cloud, caller, input, refuse, once }) {
    const { clock, gateways, config, payments } = cloud;
    const { orderId } = input;
    let open = false;
    const plan = async () => {
      open = false;
      const { value } = await once(async (tx) => {
        const of = { orderId, user: caller.phone, at: clock.now(), zone: config.zone };
        const made = await planCancel(tx, gateways, of);
        if (made.kind === "refused") return refuse(made.reason);
        open = made.kind === "payment_open";
        return made.kind === "payment_open" ? refuse("PAYMENT_OPEN") : made;
      });
      return value;
    };
    const planned = await plan().catch(async (error: unknown) => {
      if (!open) throw error;
      // The open payment is closed first; unless that is confirmed it is still open then, and nothing is cancelled.
      const closed = await payments.closeOpen(orderId);
      return closed === "paid" ? refuse("ORDER_PAID") : await plan();
    });
    if (planned.kind === "cancelled") return done;
    switch (await awaitCancel(cloud, planned)) {
      case "cancelled":
        return done;
      case "running":
        return refuse("ORDER_RUNNING");
      case "ended":
        return refuse("ORDER_ENDED");
    }
  },
});
