import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { giveBlackUser, MANAGER, ME, OTHER, OTHER_MANAGER } from "../world.ts";

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await giveBlackUser(db, { manager: MANAGER, user: ME });
    await giveBlackUser(db, { manager: OTHER_MANAGER, user: OTHER });
  },
  own: { manager: MANAGER, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 1,
      abstractList: [{ user: ME, userName: "甲", setupTime: "2026-11-22 10:15:00" }],
    },
    change: {},
  },
  parameters: { manager: caller("manager"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "refused",
} satisfies MethodFixture;
