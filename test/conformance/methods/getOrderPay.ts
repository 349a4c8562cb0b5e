import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { giveOrder, ME } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" }),
  own: { user: ME },
  success: {
    data: [
      {
        orderId: "90001795314300",
        deviceCode: "GATED001",
        deviceName: "一号",
        port: 1,
        unitPrice: 1.5,
        unit: 2,
        money: 3,
        orderTime: "2026-11-22 10:25:00",
        state: "charging",
        payState: "unpaid",
        startTime: "2026-11-22 10:25:00",
        endTime: "",
        minutes: null,
      },
    ],
    change: {},
  },
  parameters: {
    user: caller("user"),
  },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
