import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { giveOrder, ME, NOW } from "../world.ts";

const NOT_YOURS = { code: 5, reason: "NOT_YOURS" } as const;

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "PHONED01", state: "charging" }),
  own: { user: ME, orderId: "90001795314300" },
  success: {
    data: [{ result: 0, reason: "" }],
    // The port is free; what was agreed is still owed.
    change: {
      order_info: {
        changed: [
          {
            of: 1,
            from: {
              state: "charging",
              minutes: null,
              endReason: null,
              evidence: null,
              endTime: null,
              updateTime: NOW - 300_000,
            },
            to: {
              state: "finished",
              minutes: 5,
              endReason: "user",
              evidence: "none",
              endTime: NOW,
              updateTime: NOW,
            },
          },
        ],
      },
      live_order: { removed: [{ deviceCode: "PHONED01", port: 1, orderId: "90001795314300" }] },
      answered_call: { added: [answered("user", "stopPowerOrder", expect.any(String))] },
    },
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
