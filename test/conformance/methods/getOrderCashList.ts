import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { giveOrder, givePaidOrder, MANAGER, ME, OTHER_MANAGER } from "../world.ts";

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await givePaidOrder(db, { orderId: "90001795309200" });
    // Withdrawn, another's, and unpaid.
    await givePaidOrder(db, { orderId: "90001795309201", cashOutFlag: 2 });
    await givePaidOrder(db, { orderId: "90001795309202", manager: OTHER_MANAGER });
    await giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" });
  },
  own: { manager: MANAGER, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 1,
      abstractList: [
        {
          orderId: "90001795309200",
          deviceCode: "PHONED01",
          deviceName: "旧名",
          user: ME,
          userName: "甲",
          port: 2,
          unitPrice: 1.5,
          unit: 2,
          money: 3,
          orderTime: "2026-11-22 09:00:00",
          pmoney: 1,
          cash: 2,
          payTime: "2026-11-22 10:15:00",
          state: "finished",
          payState: "paid",
          startTime: "2026-11-22 09:00:00",
          endTime: "2026-11-22 10:00:00",
          minutes: 60,
        },
      ],
    },
    change: {},
  },
  parameters: { manager: caller("manager"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "refused",
} satisfies MethodFixture;
