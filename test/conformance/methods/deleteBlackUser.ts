import { answered, type MethodFixture } from "../fixture.ts";
import { caller, several } from "../parameters.ts";
import { giveBlackUser, MANAGER, ME, NOBODY, NOW, OTHER, OTHER_MANAGER } from "../world.ts";

const NOT_BLACKLISTED = {
  code: 0,
  reason: "NOT_BLACKLISTED",
  data: [{ result: 1, reason: "用户不在黑名单中" }],
} as const;
const entry = (id: number, object: string) => ({
  id,
  who: `manager:${MANAGER}`,
  what: "blacklist.remove",
  object,
  detail: "",
  insertTime: NOW,
});

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await giveBlackUser(db, { manager: MANAGER, user: ME });
    await giveBlackUser(db, { manager: MANAGER, user: OTHER });
    // Another's list is another matter.
    await giveBlackUser(db, { manager: OTHER_MANAGER, user: NOBODY });
  },
  own: { manager: MANAGER, userList: `${OTHER},${ME}` },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      black_user_info: {
        removed: [
          { id: 1, user: ME, manager: MANAGER, setupTime: NOW - 900_000 },
          { id: 2, user: OTHER, manager: MANAGER, setupTime: NOW - 900_000 },
        ],
      },
      audit_log: { added: [entry(1, OTHER), entry(2, ME)] },
      answered_call: { added: [answered("manager", "deleteBlackUser", '{"gateways":["gw-1"]}')] },
    },
  },
  parameters: { manager: caller("manager"), userList: several("userList", [ME, OTHER], "1380000000") },
  objects: [
    { name: "users of another's list", by: "another", own: {}, expected: NOT_BLACKLISTED },
    {
      name: "one on the list and one on another's",
      by: "me",
      own: { userList: `${ME},${NOBODY}` },
      expected: NOT_BLACKLISTED,
    },
  ],
  pending: "refused",
} satisfies MethodFixture;
