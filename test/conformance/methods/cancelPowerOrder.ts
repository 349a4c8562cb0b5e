import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { giveOrder, ME, NOW } from "../world.ts";

const NOT_YOURS = { code: 5, reason: "NOT_YOURS" } as const;

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "starting" }),
  own: { orderId: "90001795314300" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      order_info: {
        changed: [
          {
            of: 1,
            from: { state: "starting", cancelReason: null, endTime: null, updateTime: NOW - 300_000 },
            to: { state: "cancelled", cancelReason: "USER", endTime: NOW, updateTime: NOW },
          },
        ],
      },
      live_order: { removed: [{ deviceCode: "GATED001", port: 1, orderId: "90001795314300" }] },
      unpaid_order: { removed: [{ user: ME, orderId: "90001795314300" }] },
      command: {
        added: [
          {
            id: "command-1",
            gatewayId: "gw-1",
            orderId: "90001795314300",
            body: '{"kind":"cancel","orderId":"90001795314300"}',
            deadline: NOW + 900_000,
            state: "answered",
            outcome: '{"kind":"cancelled"}',
            insertTime: NOW,
            answerTime: NOW,
          },
        ],
      },
      audit_log: {
        added: [
          {
            id: 1,
            who: ME,
            what: "order.cancel",
            object: "90001795314300",
            detail: "",
            insertTime: NOW,
          },
        ],
      },
      answered_call: { added: [answered("user", "cancelPowerOrder", expect.any(String))] },
    },
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
