import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely, Migrator, sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrations } from "./migrations.ts";
import { openDatabase } from "./open.ts";
import { sqliteDialect } from "./sqlite.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-migrations-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A database as the migrations up to `last` made it. */
async function of(last: string): Promise<{ db: Kysely<unknown>; url: string }> {
  const file = join(folder, "cloud.db");
  const db = new Kysely<unknown>({ dialect: sqliteDialect(file) });
  const upTo = Object.fromEntries(Object.entries(migrations).filter(([name]) => name <= last));
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => upTo },
  }).migrateToLatest();
  if (error !== undefined) throw error;
  return { db, url: `sqlite:${file}` };
}

const order = (n: number, of: { state: string; payState: string; flag?: number; money?: number }) => sql`
  insert into order_info ("orderId", "user", "deviceCode", "deviceName", port, "unitPrice", unit, money, "orderTime", pmoney,
    cash, "cashOutFlag", "agreedUnit", "agreedMoney", state, "payState", manager, "updateTime")
  values (${`9000100000000${n}`}, '13800000001', 'DEMO0001', '', ${n}, 150, 2, ${of.money ?? 300}, 1795363199000, 1, 200,
    ${of.flag ?? 0}, 2, 300, ${of.state}, ${of.payState}, '13900000001', 1795363199000)`;

test("payments, refunds and sums of a database of the first schema are carried over", async () => {
  const { db, url } = await of("0001_first");
  const attempt = (n: number, channel: string, state: number) => sql`
    insert into order_pay_info ("orderId", "user", "deviceCode", port, "unitPrice", unit, money, "orderTime", state, "wxPayid",
      "payTime", "outTradeNo", channel, "openId", pmoney, cash, "insertTime", "expireTime", "prepayId", closed)
    values ('90001000000001', '13800000001', 'DEMO0001', 1, 150, 2, 300, 1, ${state}, ${state === 1 ? "wx-1" : null}, 5,
      ${`number-${n}`}, ${channel}, 'openid-1', 1, 200, 2, 3, 'prepay', ${state === 2 ? 1 : 0})`;
  for (const row of [attempt(1, "jsapi", 2), attempt(2, "jsapi", 1), attempt(3, "coins", 1)])
    await row.execute(db);
  await sql`insert into refund_info ("refundNo", "orderId", "outTradeNo", "user", cash, coins, total, reason, state,
    "insertTime", "updateTime") values ('r', '90001000000001', 'number-2', '13800000001', 1, 0, 200, 'X', 'pending', 1, 1)`.execute(
    db,
  );
  for (const row of [
    order(1, { state: "finished", payState: "paid" }),
    order(2, { state: "charging", payState: "unpaid" }),
    order(3, { state: "cancelled", payState: "unpaid" }),
    order(4, { state: "finished", payState: "waived", flag: 2 }),
    order(5, { state: "finished", payState: "paid", flag: 2, money: 0 }),
  ]) {
    await row.execute(db);
  }
  await db.destroy();

  const { db: now, migrated, close } = await openDatabase({ url });
  expect(migrated).toEqual(Object.keys(migrations).slice(1));
  expect(await now.selectFrom("wx_payment").selectAll().orderBy("outTradeNo").execute()).toEqual(
    [1, 2].map((n) => ({
      outTradeNo: `number-${n}`,
      purpose: "order",
      subject: "90001000000001",
      user: "13800000001",
      description: "充电 DEMO0001 1号端口",
      channel: "jsapi",
      openId: "openid-1",
      cash: 200,
      state: n === 1 ? 2 : 1,
      wxPayid: n === 1 ? null : "wx-1",
      payTime: 5,
      insertTime: 2,
      expireTime: 3,
      queryTime: null,
      prepayId: "prepay",
      closed: n === 1 ? 1 : 0,
      failReason: null,
      shipTime: null,
      shipTries: 0,
      shipped: 0,
      shipProblem: null,
    })),
  );
  expect(await now.selectFrom("refund_info").selectAll().execute()).toMatchObject([
    { refundNo: "r", purpose: "order", subject: "90001000000001" },
  ]);
  const sums = { unit: 6, money: 600, paidCount: 2, pmoney: 3, cash: 600 };
  expect(await now.selectFrom("order_day").selectAll().execute()).toEqual([
    { manager: "13900000001", deviceCode: "DEMO0001", day: 20_261_122, count: 3, ...sums },
  ]);
  expect(await now.selectFrom("manager_money").selectAll().execute()).toEqual([
    { manager: "13900000001", count: 1, money: 300, debt: 0 },
  ]);
  expect((await now.selectFrom("profession_info").selectAll().execute()).length).toBeGreaterThan(10);
  await close();
});

test("an installation that has professions of its own keeps them", async () => {
  const { db, url } = await of("0003_order_sums");
  await sql`insert into profession_info ("professionId", "professionName") values (7, '教师')`.execute(db);
  await db.destroy();
  const { db: now, close } = await openDatabase({ url });
  expect(await now.selectFrom("profession_info").selectAll().execute()).toMatchObject([{ professionId: 7 }]);
  await close();
});

test("whose a manager's number is, and when it was last bound to another openid, is taken from what was kept", async () => {
  const { db, url } = await of("0011_ledger_moves");
  await sql`insert into manager_info (manager, "setupTime") values ('13900000001', 1), ('13900000002', 1)`.execute(
    db,
  );
  await sql`insert into wx_info (side, "openId", session, phone, "insertTime", "updateTime") values
    ('manager', 'former', 's1', '13900000009', 1, 1), ('manager', 'a', 's2', '13900000001', 1, 1),
    ('manager', 'a', 's3', '13900000001', 2, 2), ('user', 'u', 's4', '13900000001', 3, 3)`.execute(db);
  await sql`insert into audit_log (who, what, object, detail, "insertTime") values
    ('manager:13900000001', 'phone.rebound', '13900000001', '', 5),
    ('manager:13900000001', 'phone.rebound', '13900000001', '', 7),
    ('user:13900000001', 'phone.rebound', '13900000001', '', 9)`.execute(db);
  await db.destroy();
  const { db: now, close } = await openDatabase({ url });
  expect(await now.selectFrom("manager_info").selectAll().orderBy("manager").execute()).toMatchObject([
    { manager: "13900000001", confirmedOpenId: "a", reboundTime: 7 },
    { manager: "13900000002", confirmedOpenId: "", reboundTime: null },
  ]);
  await close();
});

test("orders are made to hold what the audit demands of them: no end before the start, and the slot of who owes a bill", async () => {
  const { db, url } = await of("0011_ledger_moves");
  for (const row of [
    order(1, { state: "finished", payState: "unpaid" }),
    order(2, { state: "charging", payState: "unpaid" }),
    order(3, { state: "finished", payState: "paid" }),
  ]) {
    await row.execute(db);
  }
  await sql`update order_info set "startTime" = "orderTime" - 5, "endTime" = "orderTime" - 7`.execute(db);
  await db.destroy();
  const { db: now, close } = await openDatabase({ url });
  expect(await now.selectFrom("unpaid_order").selectAll().execute()).toEqual([
    { user: "13800000001", orderId: "90001000000001" },
  ]);
  const times = await now.selectFrom("order_info").select(["orderTime", "startTime", "endTime"]).execute();
  for (const { orderTime, startTime } of times) expect(startTime).toBe(orderTime);
  expect(times.map((t) => t.endTime === t.orderTime)).toEqual([true, false, true]);
  await close();
});
