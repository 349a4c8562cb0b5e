import { z } from "zod";
import { planStop, stopCharging } from "../../orders/stop.ts";
import { endpoint } from "../endpoint.ts";
import { done, list, OrderId_, Phone_, ResultInfo } from "../fields.ts";

export default endpoint({
  name: "stopPowerOrder",
  side: "user",
  summary: "End a charge early; what was agreed is still owed.",
  description: `
    Switches the port off. When the charger does not answer in time the reason is STOP_PENDING and the stop
    goes on by itself.`,
  auth: "session",
  input: z.object({ user: Phone_, orderId: OrderId_ }),
  output: list(ResultInfo),
  refusals: ["NOT_YOURS", "ORDER_NOT_STARTED", "ORDER_ENDED", "ORDER_CANCELLED", "STOP_PENDING"],
  async run({ cloud, caller, input, refuse, once }) {
    const { clock, gateways } = cloud;
    const { value: plan } = await once(async (tx) => {
      const of = { orderId: input.orderId, user: caller.phone, at: clock.now() };
      const made = await planStop(tx, gateways, of);
      return made.kind === "refused" ? refuse(made.reason) : made;
    });
    switch (await stopCharging(cloud, plan)) {
      case "stopped":
        return done;
      case "ended":
        return refuse("ORDER_ENDED");
      case "pending":
        return refuse("STOP_PENDING");
    }
  },
});
