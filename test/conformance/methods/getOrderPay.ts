import type { MethodFixture } from "../fixture.ts";
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
    user: {
      refused: { code: 4, reason: "SESSION" },
      missing: { code: 3, reason: "PARAMETER", says: "user: missing, 11 digits beginning with 1" },
      wrongType: [13800000001.5, "me"],
      outOfRange: ["1380000000", "138000000011", "23800000001"],
    },
  },
  objects: "it names the caller only: another's name stands among the cases of the session",
} satisfies MethodFixture;
