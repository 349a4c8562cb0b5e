import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await giveFreeCharger(db);
    await db
      .updateTable("device_info")
      .set({ portState: "1020201030004999", portTime: NOW - 60_000, chargeFlag: 0 })
      .where("deviceCode", "=", "GATED001")
      .execute();
  },
  own: { manager: MANAGER, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 2,
      abstractList: [
        {
          deviceCode: "PHONED01",
          deviceName: "一号",
          state: 0,
          maxUnit: 12,
          chargeFlag: 1,
          unitPrice: 1.5,
          addTime: "2026-11-22 10:30:00",
          portState: "",
          portTime: "",
          gateway: 0,
          gatewayUrls: [],
        },
        {
          deviceCode: "GATED001",
          deviceName: "一号",
          state: 0,
          maxUnit: 12,
          chargeFlag: 0,
          // The stored price, also of one that is free.
          unitPrice: 1.5,
          addTime: "2026-11-22 10:30:00",
          portState: "1020201030004999",
          portTime: "2026-11-22 10:29:00",
          gateway: 1,
          gatewayUrls: [],
        },
      ],
    },
    change: {},
  },
  parameters: { manager: caller("manager"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "refused",
} satisfies MethodFixture;
