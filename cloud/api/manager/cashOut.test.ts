import { afterEach, beforeEach, expect, test } from "vitest";
import { audit } from "../../audit/audit.ts";
import { approveCashOut, failCashOut, payCashOut } from "../../cashout/process.ts";
import { transaction } from "../../database/open.ts";
import { MANAGER, managerScene, OTHER, type Scene, USER } from "../managerScene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(async () => {
  expect(await audit(scene.s.db)).toEqual([]);
  await scene.close();
});

const account = { bankName: "建设银行", bankUser: "丙", bankCode: "6222021234567890" };
const as = (method: string, own = {}) => scene.as(MANAGER, method, own);
const cashOut = () => as("CashOut", account);
const done = { code: 0, data: [{ result: 0, reason: "" }] };
const nothing = {
  ...{ code: 0, reason: "NOTHING_TO_WITHDRAW" },
  data: [{ result: 1, reason: "没有可提现的金额" }],
};
const by = (who: string) => ({ who, at: scene.s.clock.now() });

/** An order that is charging, and bill to pay. */
async function bill(user = USER, port = 1): Promise<string> {
  const own = { deviceCode: "PHONED01", port, unitPrice: "1.50", unit: 2, money: "3.00" };
  const placed = await scene.as(user, "newPowerOrder", own);
  return (placed.data as { orderId: string }[])[0]?.orderId ?? "";
}
async function payable(user = USER, port = 1) {
  await scene.giveCoins(user, 3);
  const orderId = await bill(user, port);
  return () => scene.as(user, "payPowerOrder", { orderId, money: 3, pmoney: 3, cash: 0 });
}
const rows = () => scene.s.db.selectFrom("cashout_info").selectAll().orderBy("id").execute();
const orders = () => scene.s.db.selectFrom("order_info").selectAll().orderBy("id").execute();

test("what can be withdrawn is counted, listed and priced; nothing moves while it waits", async () => {
  expect(await as("getOrderCash")).toMatchObject({ data: [{ count: 0, money: 0, service: 0, cash: 0 }] });
  expect(await cashOut()).toMatchObject(nothing);
  await (await payable())();
  await bill(OTHER, 2);
  expect(await as("getOrderCash")).toMatchObject({
    data: [{ count: 1, money: 3, service: 0.02, cash: 2.98 }],
  });
  const list = await as("getOrderCashList");
  expect(list.data).toMatchObject({
    totalCount: 1,
    abstractList: [{ user: USER, userName: "甲", pmoney: 3 }],
  });
  const transfers = await scene.s.db.selectFrom("ledger_transfer").selectAll().execute();
  expect(await cashOut()).toMatchObject(done);
  expect(await scene.s.db.selectFrom("ledger_transfer").selectAll().execute()).toEqual(transfers);
  expect(await as("getOrderCash")).toMatchObject({ data: [{ count: 0, money: 0 }] });
  expect(await as("getOrderCashList")).toMatchObject({ data: { totalCount: 0, abstractList: [] } });
  expect(await cashOut()).toMatchObject(nothing);
  expect((await orders()).map((o) => o.cashOutFlag)).toEqual([1, 0]);
});

test("its list shows a masked number and every state; its totals are those of the successes", async () => {
  const ids: string[] = [];
  for (const port of [1, 2, 3]) {
    await (await payable(USER, port))();
    await cashOut();
    ids.push((await rows()).at(-1)?.cashOutId ?? "");
    await scene.s.clock.advance(1000 as never);
  }
  const [paid = "", failed = "", pending = ""] = ids;
  const { db } = scene.s;
  await transaction(db, async (tx) => {
    await approveCashOut(tx, { cashOutId: paid, secondAboveFen: 100_000 }, by("operator:a"));
    await payCashOut(tx, { cashOutId: paid, reference: "B-1" }, by("operator:a"));
    await failCashOut(tx, { cashOutId: failed, reason: "卡号有误" }, by("operator:a"));
  });
  const row = { bankCode: "6222********7890", money: 3, service: 0.02, cash: 2.98 };
  expect(await as("getCashOutList", { startIndex: 0, pageSize: 10 })).toMatchObject({
    data: {
      totalCount: 1,
      totalCash: 2.98,
      CashOutList: [
        { cashOutId: pending, ...row, state: 2, reason: "", processTime: "" },
        { cashOutId: failed, ...row, state: 1, reason: "卡号有误" },
        { cashOutId: paid, ...row, state: 0, reason: "", cashOutTime: "2026-11-22 10:30:00" },
      ],
    },
  });
  const second = await as("getCashOutList", { startIndex: 1, pageSize: 1 });
  expect(second).toMatchObject({ data: { totalCount: 1, CashOutList: [{ cashOutId: failed }] } });
  expect((await orders()).map((o) => o.cashOutFlag)).toEqual([2, 0, 1]);
  expect(await as("getOrderCash")).toMatchObject({ data: [{ count: 1, money: 3 }] });
  expect(JSON.stringify(await as("getCashOutList"))).not.toContain("6222021234567890");
});

test("two at once are one cash-out, and so are two identical calls", async () => {
  await (await payable())();
  const both = await Promise.all([cashOut(), cashOut()]);
  expect(both.map((a) => a.reason ?? "done").sort()).toEqual(["NOTHING_TO_WITHDRAW", "done"]);
  await (await payable(USER, 2))();
  const timestamp = Math.floor(scene.s.clock.now() / 1000);
  const same = () => scene.as(MANAGER, "CashOut", account, { timestamp });
  expect(await Promise.all([same(), same(), same()])).toMatchObject([done, done, done]);
  expect(await same()).toMatchObject(done);
  expect((await rows()).map((r) => r.money)).toEqual([300, 300]);
});

test.each(["cash-out first", "payment first", "payment between"])(
  "beside a payment, %s: an order is in it with its money, or waits for the next one",
  async (order) => {
    const first = await payable(USER, 1);
    const second = await payable(OTHER, 2);
    if (order !== "cash-out first") await first();
    const calls = order === "payment first" ? [second, cashOut] : [cashOut, second];
    await Promise.all(calls.map((call) => call()));
    if (order === "cash-out first") await first();
    for (const { cashOutId, money } of await rows()) {
      const taken = (await orders()).filter((o) => o.cashOutId === cashOutId);
      expect(taken.reduce((sum, o) => sum + o.money, 0)).toBe(money);
    }
    const left = (await orders()).filter((o) => o.cashOutFlag === 0);
    expect(await as("getOrderCash")).toMatchObject({
      data: [{ count: left.length, money: left.length * 3 }],
    });
    await cashOut();
    expect((await orders()).map((o) => [o.payState, o.cashOutFlag])).toEqual([
      ["paid", 1],
      ["paid", 1],
    ]);
  },
);
