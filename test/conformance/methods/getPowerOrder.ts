import type { MethodFixture } from "../fixture.ts";
import { giveOrder, ME } from "../world.ts";

const NOT_YOURS = { code: 5, reason: "NOT_YOURS" } as const;

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" }),
  own: { user: ME, orderId: "90001795314300" },
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
        pmoney: 0,
        cash: 0,
        payTime: "",
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
    orderId: {
      refused: { code: 3, reason: "PARAMETER", says: "orderId: 9 and 13 digits" },
      missing: { code: 3, reason: "PARAMETER", says: "orderId: missing, 9 and 13 digits" },
      wrongType: [9000179531430.5, "order"],
      outOfRange: ["9000179531430", "900017953143000", "80001795314300", "9000179531430a"],
    },
  },
  objects: [
    { name: "another's order", by: "another", own: {}, refused: NOT_YOURS },
    {
      name: "an order that does not exist",
      by: "me",
      own: { orderId: "90001795314301" },
      refused: NOT_YOURS,
    },
  ],
} satisfies MethodFixture;
