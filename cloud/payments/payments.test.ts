import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { GATED, MANAGER, OTHER, START, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { type Opened, openAttempt, type PayRequest } from "./attempts.ts";
import type { Attempt } from "./payments.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const OPENID = "openid-1";
const ROUND = 5000 as never;
const minutes = (n: number) => (n * 60_000) as never;

/** A refusal rolls its transaction back, as the method does. */
async function open(orderId: string, of: Partial<PayRequest> = {}): Promise<Opened> {
  let opened: Opened = { kind: "not_yours" };
  const request = {
    orderId,
    user: USER,
    money: 300,
    pmoney: 0,
    cash: 300,
    channel: "jsapi" as const,
    openId: OPENID,
    ...of,
  };
  await transaction(world.db, async (tx) => {
    opened = await openAttempt(tx, request, { at: world.clock.now(), random: world.random });
    if (opened.kind !== "opened" && opened.kind !== "paid") throw new Error("rolled back");
  }).catch((error: unknown) => {
    if (opened.kind === "opened" || opened.kind === "paid") throw error;
  });
  return opened;
}
async function attempt(orderId: string, of: Partial<PayRequest> = {}): Promise<Attempt> {
  const opened = await open(orderId, of);
  if (opened.kind !== "opened") throw new Error(opened.kind);
  return opened.attempt;
}
const prepare = (of: Attempt) => world.payments.prepare({ ...of, clientIp: "192.0.2.1" });
/** An open payment, ready to be paid by the phone. */
async function ready(orderId: string, of: Partial<PayRequest> = {}): Promise<string> {
  const made = await attempt(orderId, of);
  expect((await prepare(made)).kind).toBe("ready");
  return made.outTradeNo;
}
const tell = (outTradeNo: string, change = {}) => {
  const { headers, body } = world.pay.told(outTradeNo, change);
  return world.payments.notified("transaction", headers, body);
};
const row = (outTradeNo: string) =>
  world.db
    .selectFrom("order_pay_info")
    .selectAll()
    .where("outTradeNo", "=", outTradeNo)
    .executeTakeFirstOrThrow();
const balance = async (account: string): Promise<number> => {
  const found = await world.db
    .selectFrom("ledger_account")
    .select("balance")
    .where("account", "=", account)
    .executeTakeFirst();
  return found?.balance ?? 0;
};
const payable = () => balance(`manager_payable:${MANAGER}`);
const refunds = () => world.db.selectFrom("refund_info").selectAll().orderBy("id").execute();
const transfers = () => world.db.selectFrom("ledger_transfer").select("id").execute();

describe("opening a payment", () => {
  test("holds the coins and turns the order to paying; nothing is paid", async () => {
    await world.giveCoins(USER, 5);
    const { orderId } = await world.charging();
    const { outTradeNo } = await attempt(orderId, { pmoney: 2, cash: 100 });
    expect(await row(outTradeNo)).toMatchObject({
      state: 0,
      pmoney: 2,
      cash: 100,
      expireTime: START + 900_000,
    });
    expect(outTradeNo).toMatch(/^9\d{13}-[0-9A-Za-z]{8}$/);
    expect(await world.order(orderId)).toMatchObject({ payState: "paying", pmoney: 0, cash: 0 });
    expect([await world.coins(USER), await payable()]).toEqual([3, 0]);
  });

  test("all coins: paid at once, WeChat is not asked, the user is free", async () => {
    await world.giveCoins(USER, 3);
    const { orderId } = await world.charging();
    const opened = await open(orderId, { pmoney: 3, cash: 0, openId: null });
    expect(opened.kind).toBe("paid");
    if (opened.kind !== "paid") return;
    expect(await prepare(opened.attempt)).toEqual({ kind: "ready", package: "" });
    expect(world.pay.calls).toEqual([]);
    expect(await world.order(orderId)).toMatchObject({
      payState: "paid",
      pmoney: 3,
      cash: 0,
      payTime: START,
    });
    expect([await world.coins(USER), await payable()]).toEqual([0, 300]);
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  });

  test.each([
    ["another's order", "not_yours", { user: OTHER }],
    ["too little", "amount_mismatch", { cash: 299 }],
    ["too much", "amount_mismatch", { cash: 301 }],
    ["another sum", "amount_mismatch", { money: 150, cash: 150 }],
    ["coins that are not there", "coins_short", { pmoney: 3, cash: 0 }],
    ["coins that are not there, with cash", "coins_short", { pmoney: 1, cash: 200 }],
    ["cash by somebody without openid", "no_openid", { openId: null }],
  ])("is refused for %s, and nothing is written", async (_, kind, of) => {
    const { orderId } = await world.charging();
    expect(await open(orderId, of)).toEqual({ kind });
    expect(await world.db.selectFrom("order_pay_info").selectAll().execute()).toEqual([]);
    expect(await transfers()).toEqual([]);
    expect((await world.order(orderId)).payState).toBe("unpaid");
  });

  test("is refused for an order that has not begun, is cancelled, paid or unknown", async () => {
    const placed = await world.place();
    const orderId = placed.kind === "placed" ? placed.orderId : "";
    expect(await open(orderId)).toEqual({ kind: "not_payable" });
    await world.db.updateTable("order_info").set({ state: "finished", payState: "waived" }).execute();
    await world.db.deleteFrom("live_order").execute();
    await world.db.deleteFrom("unpaid_order").execute();
    expect(await open(orderId)).toEqual({ kind: "already_paid" });
    expect(await open("90000000000000")).toEqual({ kind: "not_yours" });
  });

  test("of two at once one is opened", async () => {
    const { orderId } = await world.charging();
    const both = await Promise.all([open(orderId), open(orderId)]);
    expect(both.map((o) => o.kind)).toEqual(["opened", "attempt_open"]);
  });
});

describe("at WeChat", () => {
  test("the phone gets what it needs, the same again when it asks again", async () => {
    const { orderId } = await world.charging();
    const made = await attempt(orderId);
    const first = await prepare(made);
    expect(first.kind === "ready" && JSON.parse(first.package)).toMatchObject({
      package: `prepay_id=${made.outTradeNo}`,
    });
    expect(await prepare(made)).toEqual(first);
    expect(world.pay.transactions.size).toBe(1);
  });

  test("an H5 page needs no openid and gets an address", async () => {
    const { orderId } = await world.charging();
    const made = await attempt(orderId, { channel: "h5", openId: null });
    const answer = await prepare(made);
    expect(answer.kind === "ready" && JSON.parse(answer.package)).toEqual({
      h5_url: "https://pay.example/192.0.2.1",
    });
  });

  test("an answer that got lost is asked for again under the same number", async () => {
    const { orderId } = await world.charging();
    world.pay.faults.create.push("lost");
    const made = await attempt(orderId);
    expect((await prepare(made)).kind).toBe("ready");
    expect(world.pay.calls).toEqual([`create ${made.outTradeNo}`, `create ${made.outTradeNo}`]);
  });

  test("when WeChat says no the payment has failed at once and the coins are back", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    world.pay.faults.create.push("refuse");
    const made = await attempt(orderId, { pmoney: 1, cash: 200 });
    expect(await prepare(made)).toEqual({ kind: "unavailable" });
    expect(await row(made.outTradeNo)).toMatchObject({ state: 2, failReason: "NOT_CREATED" });
    expect([await world.coins(USER), (await world.order(orderId)).payState]).toEqual([1, "unpaid"]);
  });

  test("when WeChat is down the payment stays open, its coins held, until a new one closes it", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    world.pay.faults.create.push("down", "down");
    const made = await attempt(orderId, { pmoney: 1, cash: 200 });
    expect(await prepare(made)).toEqual({ kind: "unavailable" });
    expect(await row(made.outTradeNo)).toMatchObject({ state: 0 });
    expect(await world.coins(USER)).toBe(0);
    expect(await open(orderId)).toEqual({ kind: "attempt_open" });
    expect(await world.payments.closeOpen(orderId)).toBe("none");
    expect(await row(made.outTradeNo)).toMatchObject({ state: 2, failReason: "REPLACED", closed: 1 });
    expect(await world.coins(USER)).toBe(1);
    expect((await open(orderId)).kind).toBe("opened");
  });

  test("a payment that was given up while WeChat made it is closed there and not handed out", async () => {
    const { orderId } = await world.charging();
    const made = await attempt(orderId);
    const create = world.pay.createJsapi;
    world.pay.createJsapi = async (order) => {
      const created = await create(order);
      await world.payments.closeOpen(orderId);
      return created;
    };
    expect(await prepare(made)).toEqual({ kind: "ended" });
    expect(world.pay.transactions.get(made.outTradeNo)?.state).toBe("closed");
    expect(world.pay.calls.filter((c) => c.startsWith("close"))).toHaveLength(2);
  });

  test("one that WeChat cannot close now stays open", async () => {
    const { orderId } = await world.charging();
    await ready(orderId);
    world.pay.faults.close.push("down");
    expect(await world.payments.closeOpen(orderId)).toBe("unavailable");
    expect((await world.order(orderId)).payState).toBe("paying");
  });

  test("one that turns out to be paid when it is closed has paid the bill", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    expect(await world.payments.closeOpen(orderId)).toBe("paid");
    expect((await world.order(orderId)).payState).toBe("paid");
    expect(await payable()).toBe(300);
  });
});

describe("paid", () => {
  test("by a notification, once, whatever is told again and asked", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    const number = await ready(orderId, { pmoney: 1, cash: 200 });
    world.pay.pay(number);
    for (let i = 0; i < 3; i++) expect(await tell(number)).toEqual({ kind: "taken" });
    expect(await world.payments.result(orderId)).toBe("paid");
    expect(await world.order(orderId)).toMatchObject({
      payState: "paid",
      pmoney: 1,
      cash: 200,
      payTime: START,
      cashOutFlag: 0,
    });
    expect(await row(number)).toMatchObject({ state: 1, wxPayid: `wx-${number}` });
    expect([
      await payable(),
      await balance("wechat_clearing"),
      await balance(`user_coins_held:${USER}`),
    ]).toEqual([300, -200, 0]);
    expect(await world.db.selectFrom("pay_notification").selectAll().execute()).toHaveLength(1);
    expect(await refunds()).toEqual([]);
    expect(world.pay.calls.filter((c) => c.startsWith("query"))).toEqual([]);
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  });

  test("by asking; WeChat is asked at most once in two seconds", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    expect(await world.payments.result(orderId)).toBe("pending");
    world.pay.pay(number);
    expect(await world.payments.result(orderId)).toBe("pending");
    expect(world.pay.calls.filter((c) => c.startsWith("query"))).toHaveLength(1);
    world.clock.jump(2000 as never);
    expect(await world.payments.result(orderId)).toBe("paid");
    expect(await tell(number)).toEqual({ kind: "taken" });
    expect(await payable()).toBe(300);
  });

  test("by the sweeper's asking when no notification comes", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    await world.clock.advance(20_000 as never);
    expect((await world.order(orderId)).payState).toBe("paying");
    await world.clock.advance(15_000 as never);
    expect((await world.order(orderId)).payState).toBe("paid");
  });

  test("by a notification and a question at the same moment, once", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    await Promise.all([tell(number), world.payments.result(orderId), tell(number)]);
    expect([await payable(), await refunds()]).toEqual([300, []]);
  });
});

describe("a notification that is not ours is refused and changes nothing", () => {
  test.each([
    ["mchid", { mchId: "1900000002" }, "mchid is not ours"],
    ["appid", { appId: "wx-other" }, "appid is not ours"],
    ["out_trade_no", { outTradeNo: "nobody's" }, "out_trade_no is not ours"],
    ["amount", { total: 299 }, "amount is not that of the payment"],
    ["openid", { openId: "openid-2" }, "openid is not that of the payment"],
  ])("%s", async (_, change, detail) => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    expect(await tell(number, change)).toEqual({ kind: "refused", detail });
    expect((await world.order(orderId)).payState).toBe("paying");
    expect(await transfers()).toEqual([]);
    expect(await world.db.selectFrom("pay_notification").selectAll().execute()).toEqual([]);
    expect(world.warnings.join()).toContain(detail);
    expect(await tell(number)).toEqual({ kind: "taken" });
    expect((await world.order(orderId)).payState).toBe("paid");
  });

  test("forged, at the wrong address, and for coins", async () => {
    await world.giveCoins(USER, 3);
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    const { body } = world.pay.told(number);
    expect(await world.payments.notified("transaction", new Headers({ forged: "1" }), body)).toMatchObject({
      kind: "refused",
    });
    expect(await world.payments.notified("refund", new Headers(), body)).toMatchObject({ kind: "refused" });
    expect((await world.order(orderId)).payState).toBe("paying");
  });

  test("a question that is answered about another amount pays nothing either", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    const paid = world.pay.transactions.get(number);
    if (paid !== undefined) paid.amount = 1;
    expect(await world.payments.result(orderId)).toBe("pending");
    expect(await transfers()).toEqual([]);
  });
});

describe("when the time is over", () => {
  test("the payment is closed at WeChat, the coins are back, the bill waits again", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    const number = await ready(orderId, { pmoney: 1, cash: 200 });
    world.clock.jump(minutes(15));
    await world.clock.advance(ROUND);
    expect(await row(number)).toMatchObject({ state: 2, failReason: "EXPIRED", closed: 1 });
    expect(world.pay.pay(number)).toBe(false);
    expect([await world.coins(USER), (await world.order(orderId)).payState]).toEqual([1, "unpaid"]);
    expect(await world.payments.result(orderId)).toBe("failed");
  });

  test("a payment made at the last moment counts", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    world.clock.jump(minutes(15));
    await world.clock.advance(ROUND);
    expect((await world.order(orderId)).payState).toBe("paid");
  });

  test("while WeChat is down it stays open and is tried again", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.faults.close.push("down");
    world.clock.jump(minutes(15));
    await world.clock.advance(ROUND);
    expect(await row(number)).toMatchObject({ state: 0 });
    await world.clock.advance(40_000 as never);
    expect(await row(number)).toMatchObject({ state: 2 });
    expect((await world.order(orderId)).payState).toBe("unpaid");
  });

  test("a program that ended before it asked WeChat settles it after the restart", async () => {
    const { orderId } = await world.charging();
    const { outTradeNo } = await attempt(orderId);
    world.clock.jump(61_000 as never);
    await world.clock.advance(ROUND);
    expect(await row(outTradeNo)).toMatchObject({ state: 2, failReason: "NOT_CREATED" });
    expect((await world.order(orderId)).payState).toBe("unpaid");
  });
});

/** Money that comes although the payment was given up: closed is not confirmed, or WeChat is late. */
async function givenUp(of: Partial<PayRequest> = {}): Promise<{ orderId: string; number: string }> {
  const { orderId } = await world.charging();
  const number = await ready(orderId, of);
  const transaction_ = world.pay.transactions.get(number);
  await world.payments.closeOpen(orderId);
  if (transaction_ !== undefined) transaction_.state = "open";
  world.pay.pay(number);
  return { orderId, number };
}

describe("late money", () => {
  test("pays the bill that still waits, with the coins it was to be paid with", async () => {
    await world.giveCoins(USER, 1);
    const { orderId, number } = await givenUp({ pmoney: 1, cash: 200 });
    expect(await world.coins(USER)).toBe(1);
    await tell(number);
    expect(await world.order(orderId)).toMatchObject({ payState: "paid", pmoney: 1, cash: 200 });
    expect([await world.coins(USER), await payable(), await refunds()]).toEqual([0, 300, []]);
  });

  test("goes back when the coins are spent", async () => {
    await world.giveCoins(USER, 1);
    const { orderId, number } = await givenUp({ pmoney: 1, cash: 200 });
    await world.db.updateTable("user_info").set({ pmoney: 0 }).where("user", "=", USER).execute();
    await world.db
      .updateTable("ledger_account")
      .set({ balance: 0 })
      .where("account", "=", `user_coins:${USER}`)
      .execute();
    await world.db
      .updateTable("ledger_account")
      .set({ balance: 0 })
      .where("account", "=", "opening")
      .execute();
    await world.db.deleteFrom("ledger_transfer").execute();
    await tell(number);
    expect((await world.order(orderId)).payState).toBe("unpaid");
    expect(await refunds()).toMatchObject([{ cash: 200, reason: "LATE_PAYMENT" }]);
  });

  test("goes back as a double payment when the bill was paid meanwhile", async () => {
    const { orderId, number } = await givenUp();
    const second = await ready(orderId);
    world.pay.pay(second);
    await tell(second);
    await tell(number);
    await tell(number);
    expect(await world.order(orderId)).toMatchObject({ payState: "paid", cash: 300 });
    expect(await refunds()).toMatchObject([
      { outTradeNo: number, cash: 300, coins: 0, reason: "DOUBLE_PAYMENT" },
    ]);
    await world.clock.advance(ROUND);
    expect(await refunds()).toMatchObject([{ state: "success" }]);
    expect(world.pay.refunds.size).toBe(1);
    expect([await payable(), await balance("platform"), await balance("wechat_clearing")]).toEqual([
      300, 0, -300,
    ]);
  });

  test("goes back when another payment is under way", async () => {
    const { orderId, number } = await givenUp();
    await ready(orderId);
    await tell(number);
    expect((await world.order(orderId)).payState).toBe("paying");
    expect(await refunds()).toMatchObject([{ outTradeNo: number, reason: "LATE_PAYMENT" }]);
  });

  test("for a cancelled order goes back, and its held coins too", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    const number = await ready(orderId, { pmoney: 1, cash: 200 });
    await world.event({ kind: "order.cancelled", body: { orderId: orderId as never, detail: "" } });
    world.pay.pay(number);
    await tell(number);
    expect(await refunds()).toMatchObject([{ cash: 200, reason: "ORDER_CANCELLED" }]);
    expect([await world.coins(USER), await payable()]).toEqual([1, 0]);
    expect(await world.order(orderId)).toMatchObject({
      state: "cancelled",
      payState: "unpaid",
      cash: 0,
      pmoney: 0,
    });
  });
});

describe("a bill that is lowered", () => {
  const paidWith = async (pmoney: number, cash: number): Promise<string> => {
    await world.giveCoins(USER, pmoney);
    const { orderId } = await world.charging();
    if (cash === 0) await open(orderId, { pmoney, cash });
    else {
      const number = await ready(orderId, { pmoney, cash });
      world.pay.pay(number);
      await tell(number);
    }
    return orderId;
  };

  test("after it was paid: cash goes back first, by itself, and the manager is owed the rest", async () => {
    const orderId = await paidWith(1, 200);
    await world.finish(orderId, 20, "charger_lost");
    expect(await world.order(orderId)).toMatchObject({ unit: 1, money: 150, pmoney: 1, cash: 50 });
    expect(await refunds()).toMatchObject([
      { cash: 150, coins: 0, total: 200, reason: "PROVEN_MINUTES", state: "pending" },
    ]);
    expect(await payable()).toBe(150);
    await world.clock.advance(ROUND);
    expect(await refunds()).toMatchObject([{ state: "success" }]);
    expect([...world.pay.refunds.values()]).toMatchObject([{ amount: 150 }]);
    expect([await balance("platform"), await balance("wechat_clearing")]).toEqual([0, -50]);
  });

  test("coins go back as coins, at once; a part of one as a whole one", async () => {
    const orderId = await paidWith(3, 0);
    await world.finish(orderId, 20, "charger_lost");
    expect(await world.order(orderId)).toMatchObject({ unit: 1, money: 100, pmoney: 1, cash: 0 });
    expect([await world.coins(USER), await payable()]).toEqual([2, 100]);
    expect(await refunds()).toMatchObject([{ cash: 0, coins: 200, state: "success" }]);
    await world.clock.advance(ROUND);
    expect(world.pay.refunds.size).toBe(0);
  });

  test("to nothing: everything goes back, nothing is left to withdraw, and a correction does not take it again", async () => {
    const orderId = await paidWith(1, 200);
    await world.finish(orderId, 0, "charger_lost");
    expect(await world.order(orderId)).toMatchObject({
      money: 0,
      pmoney: 0,
      cash: 0,
      payState: "paid",
      cashOutFlag: 2,
    });
    expect([await world.coins(USER), await payable()]).toEqual([1, 0]);
    await world.finish(orderId, 60);
    expect(await world.order(orderId)).toMatchObject({ money: 0, payState: "paid", minutes: 60 });
    await world.clock.advance(ROUND);
    expect([...world.pay.refunds.values()]).toMatchObject([{ amount: 200 }]);
  });

  test("twice: each difference goes back once", async () => {
    const orderId = await paidWith(0, 300);
    await world.finish(orderId, 40, "charger_lost");
    await world.finish(orderId, 20, "charger_lost");
    await world.finish(orderId, 20, "charger_lost");
    await world.finish(orderId, 0, "charger_lost");
    expect((await refunds()).map((r) => [r.refundNo.slice(-3), r.cash])).toEqual([
      ["-R1", 150],
      ["-R2", 150],
    ]);
    expect(await payable()).toBe(0);
  });

  test("while it is being paid: the difference of what was paid goes back", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    await world.finish(orderId, 20, "charger_lost");
    expect(await world.order(orderId)).toMatchObject({ payState: "paying", money: 150 });
    world.pay.pay(number);
    await tell(number);
    expect(await world.order(orderId)).toMatchObject({ payState: "paid", money: 150, cash: 150, unit: 1 });
    expect(await refunds()).toMatchObject([{ cash: 150, total: 300 }]);
  });

  test("and then raised while it is being paid: what was asked for is what is owed", async () => {
    const { orderId } = await world.charging();
    await world.finish(orderId, 20, "charger_lost");
    const number = await ready(orderId, { money: 150, cash: 150 });
    await world.finish(orderId, 60);
    expect(await world.order(orderId)).toMatchObject({ payState: "paying", money: 150, minutes: 60 });
    world.pay.pay(number);
    await tell(number);
    expect(await world.order(orderId)).toMatchObject({ payState: "paid", money: 150, cash: 150 });
  });

  test("and then raised before late money comes: it is too little and goes back", async () => {
    const { orderId } = await world.charging();
    await world.finish(orderId, 20, "charger_lost");
    const number = await ready(orderId, { money: 150, cash: 150 });
    await world.payments.closeOpen(orderId);
    await world.finish(orderId, 60);
    const late = world.pay.transactions.get(number);
    if (late !== undefined) late.state = "open";
    world.pay.pay(number);
    await tell(number);
    expect(await world.order(orderId)).toMatchObject({ payState: "unpaid", money: 300 });
    expect(await refunds()).toMatchObject([{ cash: 150, reason: "LATE_PAYMENT" }]);
  });

  test("to nothing while it is being paid, and the payment fails: nothing is owed", async () => {
    const { orderId } = await world.charging();
    await ready(orderId);
    await world.finish(orderId, 0, "charger_lost");
    await world.payments.closeOpen(orderId);
    expect(await world.order(orderId)).toMatchObject({ payState: "paid", money: 0, cashOutFlag: 2 });
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  });

  test("a gateway that takes a confirmation back: what was paid goes back", async () => {
    const orderId = await paidWith(0, 300);
    await world.event({
      kind: "order.failed",
      body: { orderId: orderId as never, reason: "charger_refused", detail: "" },
    });
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", money: 0, cash: 0 });
    expect(await refunds()).toMatchObject([{ cash: 300 }]);
  });
});

describe("a refund", () => {
  const owed = async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    await tell(number);
    await world.finish(orderId, 20, "charger_lost");
    return `${number}-R1`;
  };

  test("is tried with the same number until WeChat has taken it", async () => {
    world.pay.faults.refund.push("down", "lost");
    const number = await owed();
    await world.clock.advance(120_000 as never);
    expect(world.pay.calls.filter((c) => c.startsWith("refund"))).toEqual([
      `refund ${number}`,
      `refund ${number}`,
      `refund ${number}`,
    ]);
    expect(await refunds()).toMatchObject([{ state: "success" }]);
    expect(await balance("wechat_clearing")).toBe(-150);
  });

  test("under way at WeChat is finished by its notification, once", async () => {
    world.pay.refundsSettle = false;
    const number = await owed();
    await world.clock.advance(ROUND);
    expect(await refunds()).toMatchObject([{ state: "pending", wxRefundId: `wx-${number}` }]);
    const told = (change = {}) =>
      world.payments.notified(
        "refund",
        new Headers(),
        JSON.stringify({
          kind: "refund",
          id: "n",
          refundNo: number,
          outTradeNo: number.slice(0, -3),
          mchId: world.pay.mchId,
          status: "SUCCESS",
          amount: 150,
          ...change,
        }),
      );
    for (const [change, detail] of [
      [{ mchId: "x" }, "mchid is not ours"],
      [{ refundNo: "x" }, "out_refund_no is not ours"],
      [{ outTradeNo: "x" }, "out_refund_no is not ours"],
      [{ amount: 151 }, "amount is not that of the refund"],
    ] as const) {
      expect(await told(change)).toEqual({ kind: "refused", detail });
    }
    expect(await refunds()).toMatchObject([{ state: "pending" }]);
    await told();
    await told();
    expect(await refunds()).toMatchObject([{ state: "success" }]);
    expect([await balance("platform"), await balance("wechat_clearing")]).toEqual([0, -150]);
  });

  test("that WeChat refuses is the operator's: the money stays with the platform, and it is said loudly", async () => {
    world.pay.faults.refund.push("refuse");
    await owed();
    await world.clock.advance(60_000 as never);
    expect(await refunds()).toMatchObject([{ state: "failed" }]);
    expect(await balance("platform")).toBe(150);
    expect(world.warnings.join()).toContain("the operator has to see to it");
    expect(world.pay.refunds.size).toBe(0);
  });
});

test("random lives of orders and payments keep every invariant, and once WeChat answers nothing stays open", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("open" as const), coins: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant("finish" as const), minutes: fc.constantFrom(0, 4, 20, 40, 60) }),
    fc.record({
      do: fc.constantFrom(
        "prepare",
        "pay",
        "tell",
        "tell old",
        "ask",
        "close",
        "cancel",
        "expire",
        "round",
        "place",
      ),
    }),
    fc.record({
      do: fc.constant("fault" as const),
      call: fc.constantFrom("create", "query", "close", "refund"),
      kind: fc.constantFrom("down", "lost"),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await world.close();
      world = await testWorld();
      await world.giveCoins(USER, 4);
      let orderId = (await world.charging()).orderId;
      const numbers: string[] = [];
      for (const s of steps) {
        const last = numbers.at(-1) ?? "";
        if (s.do === "open" && "coins" in s) {
          const { money } = await world.order(orderId);
          const pmoney = Math.min(s.coins, Math.floor(money / 100));
          const opened = await open(orderId, { money, pmoney, cash: money - pmoney * 100 });
          if (opened.kind === "opened") numbers.push(opened.attempt.outTradeNo);
        } else if (s.do === "finish" && "minutes" in s) await world.finish(orderId, s.minutes);
        else if (s.do === "fault" && "call" in s) world.pay.faults[s.call].push(s.kind);
        else if (s.do === "prepare" && last !== "") {
          await prepare({ orderId: last.slice(0, 14), outTradeNo: last, channel: "jsapi" });
        } else if (s.do === "pay") world.pay.pay(last);
        else if (s.do === "tell" && world.pay.transactions.get(last)?.state === "paid") await tell(last);
        else if (s.do === "tell old") {
          // WeChat took money although it said that it had closed the payment.
          const old = world.pay.transactions.get(numbers[0] ?? "");
          if (old !== undefined && old.state !== "paid") old.state = "open";
          world.pay.pay(numbers[0] ?? "");
          if (old !== undefined) await tell(numbers[0] ?? "");
        } else if (s.do === "ask") await world.payments.result(orderId);
        else if (s.do === "close") await world.payments.closeOpen(orderId);
        else if (s.do === "cancel") {
          await world.event({ kind: "order.cancelled", body: { orderId: orderId as never, detail: "" } });
        } else if (s.do === "expire") world.clock.jump(minutes(16));
        else if (s.do === "round") await world.clock.advance(ROUND);
        else if (s.do === "place") {
          const placed = await world.place({ port: 2, deviceCode: GATED });
          if (placed.kind === "placed") {
            orderId = placed.orderId;
            await world.event({
              kind: "order.started",
              body: {
                orderId: orderId as never,
                deviceCode: GATED as never,
                port: 2 as never,
                minutes: 60 as never,
                evidence: "reply",
              },
            });
          }
        }
        expect(await world.violations()).toEqual([]);
      }
      for (const call of ["create", "query", "close", "refund"] as const) world.pay.faults[call].length = 0;
      world.clock.jump(minutes(20));
      for (let i = 0; i < 4; i++) {
        await world.clock.advance(ROUND);
        world.clock.jump(minutes(1));
      }
      expect(await world.violations()).toEqual([]);
      expect(await balance(`user_coins_held:${USER}`)).toBe(0);
      expect(await balance("platform")).toBe(0);
      // WeChat holds for us what was paid there less what went back.
      const paid = [...world.pay.transactions.values()].filter((t) => t.state === "paid");
      const back = [...world.pay.refunds.values()].reduce((sum, r) => sum + r.amount, 0);
      const held = paid.reduce((sum, t) => sum + t.amount, 0) - back;
      expect(held + (await balance("wechat_clearing"))).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);
