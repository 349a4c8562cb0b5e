import { answered, type MethodFixture } from "../fixture.ts";
import { caller, foreignOrders, orderId } from "../parameters.ts";
import { giveOrder, ME, NOW } from "../world.ts";

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
      answered_call: { added: [answered("user", "stopPowerOrder", '{"kind":"stopped"}')] },
    },
  },
  parameters: {
    user: caller("user"),
    orderId,
  },
  objects: foreignOrders,
} satisfies MethodFixture;
