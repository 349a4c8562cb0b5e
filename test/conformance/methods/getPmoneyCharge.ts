import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { givePurchase, ME, OTHER } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  async given({ db }) {
    await givePurchase(db, { payId: "P0001313700", user: ME });
    await givePurchase(db, { payId: "P0002313700", user: OTHER });
  },
  own: { user: ME, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 1,
      abstractList: [{ payId: "P0001313700", pmoney: 5, payTime: "2026-11-22 10:15:00" }],
    },
    change: {},
  },
  parameters: { user: caller("user"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
