import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OTHER, START, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { minutes, payer, ROUND } from "./payer.ts";
import { startPayments } from "./start.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const { open, attempt, prepare, ready, tell, row, balance, payable, refunds, transfers } = payer(() => world);

test("the payments do not start when a coin would be worth something else than before", async () => {
  const { db, clock, random, log, pay } = world;
  await expect(startPayments({ db, clock, random, log, provider: pay, coinFen: 50 })).rejects.toThrow(
    "COIN_FEN was 100 at the first start",
  );
});

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
    await world.db
      .updateTable("order_info")
      .set({
        ...{ state: "finished", startTime: START, endTime: START, minutes: 60, endReason: "time" },
        ...{ payState: "waived", cashOutFlag: 2 },
      })
      .execute();
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

  test("a number that WeChat does not know may come to be for a minute, and is given up then", async () => {
    const { orderId } = await world.charging();
    const { outTradeNo } = await attempt(orderId);
    expect(await world.payments.result("order", orderId)).toBe("pending");
    await world.clock.advance(60_000 as never);
    expect(await row(outTradeNo)).toMatchObject({ state: 0 });
    await world.clock.advance(60_000 as never);
    expect(await row(outTradeNo)).toMatchObject({ state: 2, failReason: "NOT_CREATED" });
    expect(await world.payments.result("order", orderId)).toBe("failed");
  });

  test("a payment whose time is over is not asked for any more", async () => {
    const { orderId } = await world.charging();
    const made = await attempt(orderId);
    world.clock.jump(minutes(15));
    const before = world.pay.calls.length;
    expect(await prepare(made)).toEqual({ kind: "ended" });
    expect(world.pay.calls).toHaveLength(before);
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
    expect(await world.payments.result("order", orderId)).toBe("paid");
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

  test("by asking also after the clock was set back, by who waits and by the sweeper, and refunds go through", async () => {
    world.clock.jump(minutes(100_000));
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    expect(await world.payments.result("order", orderId)).toBe("pending");
    world.clock.jump(minutes(-100_000));
    world.pay.pay(number);
    expect(await world.payments.result("order", orderId)).toBe("paid");

    world.clock.jump(minutes(100_000));
    const second = (await world.charging({ port: 2 })).orderId;
    const other = await ready(second);
    expect(await world.payments.result("order", second)).toBe("pending");
    world.clock.jump(minutes(-100_000));
    world.pay.pay(other);
    await world.clock.advance(ROUND);
    expect((await world.order(second)).payState).toBe("paid");

    world.clock.jump(minutes(100_000));
    world.pay.faults.refund.push("down");
    await world.finish(second, 20, "charger_lost");
    await world.clock.advance(ROUND);
    world.clock.jump(minutes(-100_000));
    await world.clock.advance(ROUND);
    expect(world.pay.refunds.size).toBe(1);
  });

  test("by asking; WeChat is asked at most once in two seconds", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    expect(await world.payments.result("order", orderId)).toBe("pending");
    world.pay.pay(number);
    expect(await world.payments.result("order", orderId)).toBe("pending");
    expect(world.pay.calls.filter((c) => c.startsWith("query"))).toHaveLength(1);
    world.clock.jump(2000 as never);
    expect(await world.payments.result("order", orderId)).toBe("paid");
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

  test("and an answer about a payment that is over changes nothing, neither that nor the one that is open", async () => {
    await world.giveCoins(USER, 1);
    const { orderId } = await world.charging();
    const former = await ready(orderId, { pmoney: 1, cash: 200 });
    const query = world.pay.query.bind(world.pay);
    let latter = "";
    world.pay.query = async () => {
      await world.payments.closeOpen(orderId);
      latter = await ready(orderId, { pmoney: 1, cash: 200 });
      return { kind: "closed" };
    };
    expect(await world.payments.result("order", orderId)).toBe("pending");
    expect(await row(former)).toMatchObject({ state: 2, failReason: "REPLACED" });
    expect([(await world.order(orderId)).payState, await world.coins(USER)]).toEqual(["paying", 0]);
    await world.clock.advance(3000 as never);
    world.pay.pay(latter);
    world.pay.query = async (number) => {
      await tell(latter);
      return number === latter ? { kind: "closed" } : await query(number);
    };
    expect(await world.payments.result("order", orderId)).toBe("paid");
    expect(await row(latter)).toMatchObject({ state: 1, failReason: null });
    expect([await payable(), await world.coins(USER)]).toEqual([300, 0]);
  });

  test("by a notification and a question at the same moment, once", async () => {
    const { orderId } = await world.charging();
    const number = await ready(orderId);
    world.pay.pay(number);
    await Promise.all([tell(number), world.payments.result("order", orderId), tell(number)]);
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
    expect(await world.payments.result("order", orderId)).toBe("pending");
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
    expect(await world.payments.result("order", orderId)).toBe("failed");
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
