import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { post } from "../ledger/ledger.ts";
import { START, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import type { PayRequest } from "./attempts.ts";
import { payer, ROUND } from "./payer.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const { open, ready, tell, balance, payable, refunds } = payer(() => world);

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
    const spent = { from: `user_coins:${USER}`, to: "opening", amount: 100 } as const;
    await transaction(world.db, (tx) => post(tx, { ...spent, id: "spent", reason: "TEST", at: START }));
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

  test("goes through although WeChat cannot carry out many before it", async () => {
    const real = world.pay.refund.bind(world.pay);
    world.pay.refund = async (refund) =>
      refund.refundNo.startsWith("stuck") ? { kind: "unavailable", detail: "NOTENOUGH" } : await real(refund);
    const at = world.clock.now();
    const row = {
      purpose: "order" as const,
      subject: "9",
      outTradeNo: "9",
      user: USER,
      cash: 100,
      coins: 0,
      total: 100,
    };
    for (let i = 0; i < 40; i++) {
      await world.db
        .insertInto("refund_info")
        .values({
          ...{ ...row, refundNo: `stuck-${i}`, reason: "PROVEN_MINUTES", state: "pending" },
          ...{ insertTime: at, updateTime: at, wxRefundId: null },
        })
        .execute();
    }
    const number = await owed();
    await world.clock.advance(120_000 as never);
    expect([...world.pay.refunds.keys()]).toEqual([number]);
    expect(await refunds()).toMatchObject([
      ...Array.from({ length: 40 }, () => ({ state: "pending" })),
      { state: "success" },
    ]);
    await world.db.deleteFrom("refund_info").where("outTradeNo", "=", row.outTradeNo).execute();
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
    await told({ status: "ABNORMAL" });
    expect(await refunds()).toMatchObject([{ state: "success" }]);
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
