import type { MethodFixture } from "../fixture.ts";
import { foreignOrders, orderIdThatNamesTheCaller } from "../parameters.ts";
import { giveOrder } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  given: ({ db }) =>
    giveOrder(db, { orderId: "90001795314300", deviceCode: "PHONED01", state: "charging", payState: "paid" }),
  own: { orderId: "90001795314300" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {},
  },
  parameters: {
    orderId: orderIdThatNamesTheCaller,
  },
  objects: foreignOrders,
} satisfies MethodFixture;
