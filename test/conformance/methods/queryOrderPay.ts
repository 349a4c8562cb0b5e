import type { MethodFixture } from "../fixture.ts";
import { giveOrder } from "../world.ts";

const NOT_YOURS = { code: 5, reason: "NOT_YOURS" } as const;

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
    orderId: {
      refused: { code: 3, reason: "PARAMETER", says: "orderId: 9 and 13 digits" },
      // Without a session the order says who calls, before its form is looked at.
      refusedDocumented: NOT_YOURS,
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
