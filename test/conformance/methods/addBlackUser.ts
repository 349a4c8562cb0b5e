import { answered, type MethodFixture } from "../fixture.ts";
import { caller, phone } from "../parameters.ts";
import { givePaidOrder, MANAGER, ME, NOBODY, NOW, OTHER } from "../world.ts";

const USER_NEVER_CHARGED = {
  code: 0,
  reason: "USER_NEVER_CHARGED",
  data: [{ result: 1, reason: "该用户没有使用记录" }],
} as const;

export default {
  side: "manager",
  auth: "session",
  given: ({ db }) => givePaidOrder(db, { orderId: "90001795309200" }),
  own: { manager: MANAGER, user: ME },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      black_user_info: { added: [{ id: 1, user: ME, manager: MANAGER, setupTime: NOW }] },
      audit_log: {
        added: [
          {
            id: 1,
            who: `manager:${MANAGER}`,
            what: "blacklist.add",
            object: ME,
            detail: "",
            insertTime: NOW,
          },
        ],
      },
      answered_call: { added: [answered("manager", "addBlackUser", '{"gateways":["gw-1"]}')] },
    },
  },
  parameters: { manager: caller("manager"), user: phone("user") },
  objects: [
    { name: "another's user", by: "another", own: {}, expected: USER_NEVER_CHARGED },
    { name: "a user without an order", by: "me", own: { user: OTHER }, expected: USER_NEVER_CHARGED },
    { name: "a user who does not exist", by: "me", own: { user: NOBODY }, expected: USER_NEVER_CHARGED },
  ],
  pending: "refused",
} satisfies MethodFixture;
