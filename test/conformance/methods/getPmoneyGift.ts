import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { ME, NOBODY, NOW, OTHER } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  async given({ db }) {
    const rows = [
      { giftId: "G0102313700", fromUser: ME, toUser: OTHER, pmoney: 2, giftTime: NOW - 900_000 },
      { giftId: "G0201314000", fromUser: OTHER, toUser: ME, pmoney: 1, giftTime: NOW - 600_000 },
      { giftId: "G0277314000", fromUser: OTHER, toUser: NOBODY, pmoney: 4, giftTime: NOW - 600_000 },
    ];
    await db.insertInto("pmoney_gift_info").values(rows).execute();
  },
  own: { user: ME, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 2,
      abstractList: [
        {
          giftId: "G0201314000",
          pmoney: 1,
          fromTo: 1,
          user: OTHER,
          name: "乙",
          giftTime: "2026-11-22 10:20:00",
        },
        {
          giftId: "G0102313700",
          pmoney: 2,
          fromTo: 0,
          user: OTHER,
          name: "乙",
          giftTime: "2026-11-22 10:15:00",
        },
      ],
    },
    change: {},
  },
  parameters: { user: caller("user"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
