import { instant } from "@bluepower/protocol/clock";
import fc from "fast-check";
import type { Insertable } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import type { OrderInfo } from "../database/schema.ts";
import { managerMoney } from "./managerMoney.ts";
import { dayOf, dayZone, useDayZone } from "./orderDay.ts";
import { changeOrder, insertOrder, type StoredOrder } from "./orderRow.ts";

let db: Db;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ db, close } = await openDatabase({ url: "sqlite::memory:" }));
});
afterEach(() => close());

const HOUR = 3_600_000;
const BEGIN = Date.UTC(2026, 10, 22, 12);

const order = (n: number, of: Partial<Insertable<OrderInfo>> = {}): Insertable<OrderInfo> => ({
  orderId: `9000100000${String(n).padStart(4, "0")}`,
  user: "13800000001",
  deviceCode: `CHARGER${n % 2}`,
  deviceName: "",
  port: 1,
  unitPrice: 150,
  unit: 2,
  money: 300,
  orderTime: BEGIN + (n % 9) * 3 * HOUR,
  payTime: null,
  cashOutId: null,
  agreedUnit: 2,
  agreedMoney: 300,
  state: "starting",
  payState: "unpaid",
  manager: `1390000000${n % 3}`,
  gatewayId: null,
  startTime: null,
  endTime: null,
  minutes: null,
  endReason: null,
  evidence: null,
  cancelReason: null,
  updateTime: BEGIN,
  ...of,
});

/** What the kept rows have to be, summed from all orders. */
function summed(rows: StoredOrder[], zone: string) {
  const days = new Map<string, { count: number; unit: number; money: number; paidCount: number }>();
  const managers = new Map<string, { count: number; money: number }>();
  for (const o of rows) {
    if (o.payState === "paid" && o.cashOutFlag === 0 && o.money > 0) {
      const sum = managers.get(o.manager) ?? { count: 0, money: 0 };
      managers.set(o.manager, { count: sum.count + 1, money: sum.money + o.money });
    }
    if ((o.state !== "charging" && o.state !== "finished") || o.payState === "waived") continue;
    const key = `${o.manager} ${o.deviceCode} ${dayOf(o.orderTime, zone)}`;
    const sum = days.get(key) ?? { count: 0, unit: 0, money: 0, paidCount: 0 };
    days.set(key, {
      count: sum.count + 1,
      unit: sum.unit + o.unit,
      money: sum.money + o.money,
      paidCount: sum.paidCount + (o.payState === "paid" ? 1 : 0),
    });
  }
  return { days, managers };
}

async function kept() {
  const days = await db.selectFrom("order_day").selectAll().execute();
  const managers = await db.selectFrom("manager_money").selectAll().execute();
  return {
    days: new Map(
      days
        .filter((d) => d.count + d.unit + d.money + d.paidCount + d.pmoney + d.cash !== 0)
        .map(({ manager, deviceCode, day, count, unit, money, paidCount }) => [
          `${manager} ${deviceCode} ${day}`,
          { count, unit, money, paidCount },
        ]),
    ),
    managers: new Map(
      managers.filter((m) => m.count !== 0).map((m) => [m.manager, { count: m.count, money: m.money }]),
    ),
  };
}

const changes = fc.record(
  {
    state: fc.constantFrom("starting", "charging", "finished", "cancelled"),
    payState: fc.constantFrom("unpaid", "paying", "paid", "waived"),
    unit: fc.integer({ min: 0, max: 12 }),
    money: fc.integer({ min: 0, max: 999 }),
    cashOutFlag: fc.constantFrom(0, 1, 2),
  },
  { requiredKeys: [] },
);

test("whatever happens to orders, the kept sums are those of all of them, also in another zone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(11), changes), { maxLength: 40 }), async (steps) => {
      for (const table of ["order_info", "order_day", "manager_money"] as const) {
        await db.deleteFrom(table).execute();
      }
      for (let n = 0; n < 12; n++) {
        await transaction(db, (tx) => insertOrder(tx, order(n, n < 4 ? { state: "charging" } : {})));
      }
      for (const [n, set] of steps) {
        if (Object.keys(set).length === 0) continue;
        await transaction(db, (tx) => changeOrder(tx, order(n).orderId, { set: set as never }));
      }
      const rows = await db.selectFrom("order_info").selectAll().execute();
      expect(await kept()).toEqual(summed(rows, await dayZone(db)));
      const other = (await dayZone(db)) === "UTC" ? "America/New_York" : "UTC";
      expect(await transaction(db, (tx) => useDayZone(tx, other))).toBe("summed_anew");
      expect(await transaction(db, (tx) => useDayZone(tx, other))).toBe("kept");
      expect(await kept()).toEqual(summed(rows, other));
    }),
    { numRuns: 60 },
  );
});

describe("a change of an order", () => {
  const id = order(1).orderId;
  beforeEach(() => transaction(db, (tx) => insertOrder(tx, order(1))));

  test("is made only where the order is as it has to be", async () => {
    const set = { state: "charging" } as const;
    const wrong = await transaction(db, (tx) => changeOrder(tx, id, { when: { state: "finished" }, set }));
    expect(wrong).toBe(undefined);
    expect(await db.selectFrom("order_day").selectAll().execute()).toEqual([]);
    const right = await transaction(db, (tx) => changeOrder(tx, id, { when: { state: "starting" }, set }));
    expect(right).toMatchObject({ orderId: id, state: "charging" });
    expect(await transaction(db, (tx) => changeOrder(tx, "90000000000000", { set }))).toBe(undefined);
  });

  test("an id that is taken is not stored again and counts nothing", async () => {
    expect(await transaction(db, (tx) => insertOrder(tx, order(1, { state: "charging" })))).toBe(undefined);
    expect(await db.selectFrom("order_day").selectAll().execute()).toEqual([]);
  });

  test("money that goes back of a withdrawn order is the manager's debt, of another it is not", async () => {
    const change = (set: Partial<StoredOrder>) => transaction(db, (tx) => changeOrder(tx, id, { set }));
    const money = () => transaction(db, (tx) => managerMoney(tx, order(1).manager));
    await change({ state: "finished", payState: "paid" });
    expect(await money()).toEqual({ count: 1, money: 300, debt: 0 });
    await change({ money: 200 });
    expect(await money()).toEqual({ count: 1, money: 200, debt: 0 });
    await change({ cashOutFlag: 1 });
    expect(await money()).toEqual({ count: 0, money: 0, debt: 0 });
    await change({ money: 150 });
    expect(await money()).toEqual({ count: 0, money: 0, debt: 50 });
  });
});

test("a day begins at the zone's midnight", () => {
  const at = instant(Date.UTC(2026, 10, 22, 16, 30));
  expect([dayOf(at, "Asia/Shanghai"), dayOf(at, "UTC")]).toEqual([20261123, 20261122]);
});
