import { parameter } from "../case.ts";
import type { MethodFixture } from "../fixture.ts";
import { caller, date, orderId, page } from "../parameters.ts";
import { giveOrder, givePaidOrder, ME, OTHER } from "../world.ts";

const NOTHING = { data: { totalCount: 0, totalUnit: 0, totalMoney: 0, abstractList: [] }, change: {} };

export default {
  side: "user",
  auth: "session",
  async given({ db }) {
    // Another's, and mine that is in no list yet.
    await givePaidOrder(db, { orderId: "90002795309200", user: OTHER });
    await giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "starting" });
    await givePaidOrder(db, { orderId: "90001795309200" });
  },
  own: { user: ME, startDate: "20261122", endDate: "20261122100000", startIndex: 0, pageSize: 10 },
  success: {
    data: {
      totalCount: 1,
      totalUnit: 2,
      totalMoney: 3,
      abstractList: [
        {
          orderId: "90001795309200",
          deviceCode: "PHONED01",
          deviceName: "旧名",
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
  parameters: {
    user: caller("user"),
    startDate: {
      ...date("startDate", ["2026-11-22", "2026-11-22 09:00:00", "20261122000000"]),
      missing: "optional",
    },
    endDate: {
      ...date("endDate", ["2026-11-22", "20261122", "20261122090000"]),
      missing: "optional",
    },
    ...page,
    orderId: { ...orderId, missing: "optional", base: { startIndex: null, pageSize: null } },
  },
  objects: [
    {
      name: "another's order",
      by: "me",
      own: { startIndex: null, pageSize: null, orderId: "90002795309200" },
      expected: NOTHING,
    },
    {
      name: "an order that does not exist",
      by: "me",
      own: { startIndex: null, pageSize: null, orderId: "90001795309201" },
      expected: NOTHING,
    },
    {
      name: "an order that is in no list",
      by: "me",
      own: { startIndex: null, pageSize: null, orderId: "90001795314300" },
      expected: NOTHING,
    },
    {
      name: "an order beside a page",
      by: "me",
      own: { orderId: "90001795309200" },
      expected: parameter("orderId: without startIndex and pageSize"),
    },
  ],
} satisfies MethodFixture;
