import { answered, type MethodFixture } from "../fixture.ts";
import { foreignOrders, orderIdThatNamesTheCaller } from "../parameters.ts";
import { giveOrder, ME, NOW } from "../world.ts";

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
            who: `user:${ME}`,
            what: "order.cancel",
            object: "90001795314300",
            detail: "",
            insertTime: NOW,
          },
        ],
      },
      // Stored before the gateway is asked: a repeat goes on with the same command.
      answered_call: {
        added: [
          answered(
            "user",
            "cancelPowerOrder",
            '{"kind":"send","orderId":"90001795314300","commandId":"command-1","gatewayId":"gw-1"}',
          ),
        ],
      },
    },
  },
  parameters: {
    orderId: orderIdThatNamesTheCaller,
  },
  objects: foreignOrders,
} satisfies MethodFixture;
