/** One file because the lists of orders share one oracle: a plain sum over the rows. */

import fc from "fast-check";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../../database/open.ts";
import { useDayZone } from "../../orders/orderDay.ts";
import { MANAGER, managerScene, OTHER, OTHER_MANAGER, type Scene, USER } from "../managerScene.ts";
import { START } from "../scenario.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(() => scene.close());

interface Page {
  totalCount: number;
  totalUnit: number;
  totalMoney: number;
  abstractList: Record<string, unknown>[];
}
const all = async (own = {}, who = MANAGER): Promise<Page> => {
  const answer = await scene.as(who, "getOrderAll", own);
  if (answer.code !== 0) throw new Error(answer.message);
  return answer.data as Page;
};
const ids = (page: Page) => page.abstractList.map((row) => row.orderId);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("getOrderAll", () => {
  test("pages through the newest first, and its totals are those of the whole match on every page", async () => {
    const orders: string[] = [];
    for (let i = 0; i < 25; i++)
      orders.push(await scene.order({ orderTime: START - i * HOUR, money: 100 + i }));
    const totals = { totalCount: 25, totalUnit: 50, totalMoney: 28 };
    const seen: unknown[] = [];
    for (const startIndex of [0, 10, 20, 30]) {
      const page = await all({ startIndex, pageSize: 10 });
      expect(page).toMatchObject(totals);
      seen.push(...ids(page));
    }
    expect(seen).toEqual(orders);
    expect(ids(await all())).toEqual(orders);
  });

  test("two of one second: the later one stands first", async () => {
    const first = await scene.order({ orderTime: START });
    const second = await scene.order({ orderTime: START });
    expect(ids(await all())).toEqual([second, first]);
  });

  test("more than 100 rows a page are cut to 100, and the totals are not", async () => {
    for (let i = 0; i < 101; i++) await scene.order();
    const page = await all({ startIndex: 0, pageSize: 1000 });
    expect([page.abstractList.length, page.totalCount]).toEqual([100, 101]);
    expect((await all()).abstractList).toHaveLength(101);
  });

  test("an order that is starting, cancelled or waived is in no list and no total", async () => {
    const kept = await scene.order({ state: "charging", payState: "unpaid" });
    await scene.order({ state: "starting", payState: "unpaid" });
    await scene.order({ state: "cancelled", payState: "unpaid" });
    await scene.order({ payState: "waived", cashOutFlag: 2 });
    const page = await all();
    expect([page.totalCount, ids(page)]).toEqual([1, [kept]]);
    for (const name of ["getUserOrder", "getOrderAll"]) {
      const answer = await scene.as(name === "getUserOrder" ? USER : MANAGER, name);
      expect(answer.data).toMatchObject({ totalCount: 1, totalUnit: 2, totalMoney: 3 });
    }
  });

  test("shows the names of the time of the order and of today's user", async () => {
    await scene.order({ user: OTHER, deviceName: "旧名" });
    expect((await all()).abstractList).toMatchObject([{ deviceName: "旧名", user: OTHER, userName: "乙" }]);
  });

  test("a transfer moves no history: the orders before stay, those after are the other's", async () => {
    const before = await scene.order();
    const given = { transfer: OTHER_MANAGER, deviceCodeList: "PHONED01,GATED001" };
    expect(await scene.as(MANAGER, "transferDevice", given)).toMatchObject({ code: 0 });
    const after = await scene.as(USER, "newPowerOrder", {
      ...{ deviceCode: "GATED001", port: 1, unitPrice: "1.50", unit: 2, money: "3.00" },
    });
    expect(after).toMatchObject({ code: 0 });
    const [placed] = after.data as { orderId: string }[];
    expect([ids(await all()), ids(await all({}, OTHER_MANAGER))]).toEqual([[before], [placed?.orderId]]);
    expect(ids(await all({ deviceCode: "PHONED01" }))).toEqual([before]);
    expect((await scene.as(MANAGER, "getOrderCash")).data).toMatchObject([{ count: 1, money: 3 }]);
    expect((await scene.as(OTHER_MANAGER, "getOrderCash")).data).toMatchObject([{ count: 0, money: 0 }]);
  });
});

describe("a span", () => {
  // The last second of a month, the first of the next, and a leap day that is none.
  const lines = [
    "2026-10-31 23:59:59",
    "2026-11-01 00:00:00",
    "2026-11-21 23:59:59",
    "2026-11-22 00:00:00",
    "2026-11-22 12:00:00",
    "2026-11-22 23:59:59",
    "2026-11-23 00:00:00",
    "2027-02-28 23:59:59",
    "2027-03-01 00:00:00",
  ];
  beforeEach(async () => {
    // The last millisecond of a second belongs to it.
    for (const line of lines) {
      await scene.order({ orderTime: Date.parse(`${line.replace(" ", "T")}.999+08:00`) });
    }
  });

  const days = (from: number, to: number) => lines.slice(from, to).reverse();
  test.each([
    ["a day, in each form", { startDate: "20261122", endDate: "20261122" }, days(3, 6)],
    ["a day, with lines", { startDate: "2026-11-22", endDate: "2026-11-22" }, days(3, 6)],
    ["to the second", { startDate: "20261122000000", endDate: "20261122235959" }, days(3, 6)],
    ["with lines", { startDate: "2026-11-22 00:00:00", endDate: "2026-11-22 23:59:59" }, days(3, 6)],
    ["inside one day", { startDate: "20261122115959", endDate: "20261122120000" }, days(4, 5)],
    ["one second", { startDate: "20261122120000", endDate: "20261122120000" }, days(4, 5)],
    ["a second without any", { startDate: "20261122120001", endDate: "20261122120001" }, []],
    ["one second at midnight", { startDate: "20261123000000", endDate: "20261123000000" }, days(6, 7)],
    ["a second on either side", { startDate: "20261121235959", endDate: "20261123000000" }, days(2, 7)],
    ["parts of two days", { startDate: "20261121235959", endDate: "20261122000000" }, days(2, 4)],
    ["over the end of a month", { startDate: "20261031", endDate: "20261101" }, days(0, 2)],
    ["over the end of February", { startDate: "20270228", endDate: "20270301" }, days(7, 9)],
    ["open at its end", { startDate: "20261122120000" }, days(4, 9)],
    ["open at its beginning", { endDate: "20261031" }, days(0, 1)],
    ["mixed forms", { startDate: "2026-11-22 12:00:00", endDate: "20261123" }, days(4, 7)],
  ])("%s has both its ends", async (_what, own, expected) => {
    const page = await all(own);
    expect(page.abstractList.map((row) => row.orderTime)).toEqual(expected);
    expect(page).toMatchObject({
      totalCount: expected.length,
      totalUnit: expected.length * 2,
      totalMoney: expected.length * 3,
    });
    const mine = await scene.as(USER, "getUserOrder", own);
    expect((mine.data as Page).abstractList.map((row) => row.orderTime)).toEqual(expected);
  });

  test.each([
    [{ startDate: "20261123", endDate: "20261122" }, "endDate: not before startDate"],
    [{ startDate: "20270229" }, "startDate"],
    [{ endDate: "20261131" }, "endDate"],
    [{ startDate: "2026-11-22T00:00:00" }, "startDate"],
    [{ orderId: "90000000000001", startIndex: 0, pageSize: 1 }, "orderId"],
    [{ startIndex: 0 }, "pageSize"],
    [{ pageSize: 1 }, "startIndex"],
  ])("%j is code 3", async (own, says) => {
    for (const [who, method] of [
      [MANAGER, "getOrderAll"],
      [USER, "getUserOrder"],
    ] as const) {
      const answer = await scene.as(who, method, own);
      expect(answer).toMatchObject({ code: 3, reason: "PARAMETER", data: [] });
      expect(answer.message).toContain(says);
    }
  });
});

describe("totals", () => {
  const edges = ["00:00:00", "00:00:01", "12:00:00", "23:59:58", "23:59:59"];
  const dates = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"];
  const end = fc.option(
    fc.tuple(fc.constantFrom(...dates), fc.option(fc.constantFrom(...edges), { freq: 2 })),
    {
      freq: 2,
    },
  );
  const order = fc.record({
    // Around all those midnights in either zone, and between them.
    orderTime: fc
      .tuple(
        fc.nat(6),
        fc.constantFrom(0, 4, 5, 12, 16, 20),
        fc.constantFrom(-1001, -1000, -1, 0, 1, 999, 1000),
      )
      .map(([day, hour, ms]) => Date.UTC(2026, 9, 29) + day * DAY + hour * HOUR + ms),
    state: fc.constantFrom("charging" as const, "finished" as const, "cancelled" as const),
    payState: fc.constantFrom("unpaid" as const, "paid" as const, "waived" as const),
    unit: fc.integer({ min: 0, max: 12 }),
    money: fc.integer({ min: 0, max: 99_999 }),
    deviceCode: fc.constantFrom("PHONED01", "GATED001"),
    user: fc.constantFrom(USER, OTHER),
    manager: fc.constantFrom(MANAGER, MANAGER, OTHER_MANAGER),
  });
  const ask = fc.record({
    from: end,
    to: end,
    // Only sums of nobody in particular come from the kept ones.
    user: fc.constantFrom(null, null, null, null, USER, OTHER),
    deviceCode: fc.constantFrom(null, "PHONED01", "GATED001"),
    compact: fc.boolean(),
  });

  // Days of 25 hours among them; and sums that are kept by another zone's days than the span is asked in.
  test.each([
    ["Asia/Shanghai", "Asia/Shanghai"],
    ["America/New_York", "America/New_York"],
    ["America/New_York", "Asia/Shanghai"],
  ])("in %s, kept by the days of %s, are a plain sum over the rows", async (zone, kept) => {
    await scene.close();
    scene = await managerScene({ zone });
    const { db, clock } = scene.s;
    await transaction(db, (tx) => useDayZone(tx, kept));
    const wall = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      dateStyle: "short",
      timeStyle: "medium",
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(order, { minLength: 5, maxLength: 25 }),
        fc.array(ask, { minLength: 1, maxLength: 6 }),
        async (orders, asks) => {
          for (const name of ["order_info", "order_day", "manager_money"] as const) {
            await db.deleteFrom(name).execute();
          }
          for (const o of orders) await scene.order(o);
          // A minute of its own for the rates.
          await clock.advance(61_000 as never);
          for (const { from, to, user, deviceCode, compact } of asks) {
            const first = `${from?.[0] ?? "0000"} ${from?.[1] ?? "00:00:00"}`;
            const last = `${to?.[0] ?? "9999"} ${to?.[1] ?? "23:59:59"}`;
            const form = (text: string) => (compact ? text.replace(/[^0-9]/g, "") : text);
            const say = (of: typeof from) =>
              of === null ? null : form(of[1] === null ? of[0] : `${of[0]} ${of[1]}`);
            const sent = { startDate: say(from), endDate: say(to), user, deviceCode };
            if (last < first) continue;
            const expected = orders.filter((o) => {
              const at = wall.format(o.orderTime);
              if (o.manager !== MANAGER || o.state === "cancelled" || o.payState === "waived") return false;
              if ((user ?? o.user) !== o.user || (deviceCode ?? o.deviceCode) !== o.deviceCode) return false;
              return first <= at && at <= last;
            });
            const { abstractList, ...totals } = await all(sent);
            expect(totals).toEqual({
              totalCount: expected.length,
              totalUnit: expected.reduce((sum, o) => sum + o.unit, 0),
              totalMoney: expected.reduce((sum, o) => sum + o.money, 0) / 100,
            });
            expect(abstractList).toHaveLength(expected.length);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("a list of more than 10,000", () => {
  /** Paid orders of one day of the manager's and the user's, and what is kept of them, by SQL alone. */
  async function many(count: number): Promise<void> {
    const { db } = scene.s;
    for (const name of ["order_info", "order_day", "manager_money"] as const)
      await db.deleteFrom(name).execute();
    await sql`
      insert into order_info ("orderId", "user", "deviceCode", "deviceName", port, "unitPrice", unit, money, "orderTime",
        "agreedUnit", "agreedMoney", state, "payState", manager, "updateTime")
      with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
      select '9' || (1000000000000 + i), ${USER}, 'PHONED01', '', 1, 150, 2, 300, ${START - 4 * HOUR} + i * 1000, 2, 300,
        'finished', 'paid', ${MANAGER}, ${START} from n`.execute(db);
    const sums = { count, money: count * 300 };
    await db
      .insertInto("manager_money")
      .values({ manager: MANAGER, debt: 0, ...sums })
      .execute();
    const day = { day: 20_261_122, unit: count * 2, paidCount: count, pmoney: 0, cash: 0 };
    await db
      .insertInto("order_day")
      .values({ manager: MANAGER, deviceCode: "PHONED01", ...day, ...sums })
      .execute();
  }

  test.each([
    ["getOrderAll", MANAGER],
    ["getUserOrder", USER],
    ["getOrderCashList", MANAGER],
  ])("%s answers the newest 10,000 and says so; a page of it says nothing", async (method, who) => {
    await many(10_001);
    const answer = await scene.as(who, method);
    expect(answer).toMatchObject({ code: 0, reason: "TRUNCATED", data: { totalCount: 10_001 } });
    const { abstractList } = answer.data as Page;
    expect(abstractList).toHaveLength(10_000);
    expect([abstractList[0]?.orderId, abstractList.at(-1)?.orderId]).toEqual([
      "91000000010001",
      "91000000000002",
    ]);
    const page = await scene.as(who, method, { startIndex: 10_000, pageSize: 10 });
    expect(page).not.toHaveProperty("reason");
    expect(page.data).toMatchObject({ totalCount: 10_001, abstractList: [{ orderId: "91000000000001" }] });
    await many(10_000);
    const whole = await scene.as(who, method);
    expect(whole).not.toHaveProperty("reason");
    expect((whole.data as Page).abstractList).toHaveLength(10_000);
  });

  test("getCashOutList too, whatever became of them", async () => {
    const { db } = scene.s;
    await sql`
      insert into cashout_info ("cashOutId", manager, state, "bankName", "bankUser", "bankCode", money, service, cash,
        "cashOutTime", "bankMask")
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 10001)
      select 'C' || (1000000000 + i), ${MANAGER}, i % 3, '', '', '', 300, 2, 298, i, '****' from n`.execute(
      db,
    );
    const answer = await scene.as(MANAGER, "getCashOutList");
    expect(answer).toMatchObject({ code: 0, reason: "TRUNCATED" });
    const page = answer.data as { totalCount: number; totalCash: number; CashOutList: unknown[] };
    expect([page.totalCount, page.totalCash, page.CashOutList.length]).toEqual([3333, 9932.34, 10_000]);
    await db.deleteFrom("cashout_info").where("cashOutId", "=", "C1000000001").execute();
    expect(await scene.as(MANAGER, "getCashOutList")).not.toHaveProperty("reason");
  });
});
