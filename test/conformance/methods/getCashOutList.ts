import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, page } from "../parameters.ts";
import { MANAGER, NOW, OTHER_MANAGER } from "../world.ts";

const of = (n: number, row: { state: 0 | 1 | 2; reason?: string; manager?: string }) => ({
  ...{ cashOutId: `C000131370${n}`, manager: MANAGER, bankName: "建设银行", bankUser: "丙", reason: null },
  ...{ bankCode: "sealed 6222021234567890", bankMask: "6222********7890" },
  ...{ money: 300, service: 2, cash: 298, cashOutTime: NOW - 900_000 },
  processTime: row.state === 2 ? null : NOW - 600_000,
  ...row,
});
const shown = {
  bankCode: "6222********7890",
  money: 3,
  service: 0.02,
  cash: 2.98,
  cashOutTime: "2026-11-22 10:15:00",
};

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await db
      .insertInto("cashout_info")
      .values([
        of(0, { state: 0 }),
        of(1, { state: 1, reason: "卡号有误" }),
        of(2, { state: 2 }),
        of(3, { state: 0, manager: OTHER_MANAGER }),
      ])
      .execute();
  },
  own: { manager: MANAGER, startIndex: 0, pageSize: 10 },
  success: {
    data: {
      // Of the three that are listed one has succeeded.
      totalCount: 1,
      totalCash: 2.98,
      CashOutList: [
        { cashOutId: "C0001313702", ...shown, state: 2, reason: "", processTime: "" },
        {
          cashOutId: "C0001313701",
          ...shown,
          state: 1,
          reason: "卡号有误",
          processTime: "2026-11-22 10:20:00",
        },
        { cashOutId: "C0001313700", ...shown, state: 0, reason: "", processTime: "2026-11-22 10:20:00" },
      ],
    },
    change: {},
  },
  parameters: { manager: caller("manager"), ...page },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "refused",
} satisfies MethodFixture;
