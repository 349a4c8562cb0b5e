import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCards } from "../api/scenario.ts";
import { approveCashOut, payCashOut } from "../cashout/process.ts";
import { requestCashOut } from "../cashout/request.ts";
import { giveCoins } from "../coins/gift.ts";
import { transaction } from "../database/open.ts";
import { managerMoney } from "../orders/managerMoney.ts";
import { MANAGER, OTHER, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { openPurchase } from "./coinPurchase.ts";
import { listRefunds, refundCoins, refundOrder, retryRefund } from "./operatorRefund.ts";
import { minutes, payer, ROUND } from "./payer.ts";
import { failRefund } from "./refunds.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const { open, ready, tell, balance, payable, refunds } = payer(() => world);
const by = () => ({ who: "operator:test", at: world.clock.now() });
const audited = () => world.db.selectFrom("audit_log").select(["who", "what", "object"]).execute();

/** An order of 300 fen that is paid with coins and cash. */
async function paid(pmoney: number, cash: number): Promise<string> {
  await world.giveCoins(USER, pmoney);
  const { orderId } = await world.charging();
  if (cash === 0) await open(orderId, { pmoney, cash });
  else {
    const number = await ready(orderId, { pmoney, cash });
    world.pay.pay(number);
    await tell(number);
  }
  return orderId;
}

const refund = (orderId: string, of: { amount?: number; reason?: string } = {}) =>
  transaction(world.db, (tx) => refundOrder(tx, { orderId, reason: "broken", ...of }, by()));

describe("an order", () => {
  test("goes back whole: cash through WeChat, coins at once, and nothing is left to withdraw", async () => {
    const orderId = await paid(1, 200);
    const made = await refund(orderId);
    expect(made).toMatchObject({ kind: "refunded", cash: 200, coins: 100 });
    expect(await world.order(orderId)).toMatchObject({
      ...{ payState: "paid", unit: 2, money: 0, pmoney: 0, cash: 0, cashOutFlag: 2 },
    });
    expect([await world.coins(USER), await payable()]).toEqual([1, 0]);
    await world.clock.advance(ROUND);
    expect([...world.pay.refunds.values()]).toMatchObject([{ amount: 200 }]);
    expect([await balance("platform"), await balance("wechat_clearing")]).toEqual([0, 0]);
    expect(await managerMoney(world.db, MANAGER)).toEqual({ count: 0, money: 0, debt: 0 });
    expect(await audited()).toEqual([{ who: "operator:test", what: "refund.order", object: orderId }]);
  });

  test("goes back in part, cash first; the manager can withdraw the rest", async () => {
    const orderId = await paid(1, 200);
    expect(await refund(orderId, { amount: 150 })).toMatchObject({ kind: "refunded", cash: 150, coins: 0 });
    expect(await world.order(orderId)).toMatchObject({ money: 150, pmoney: 1, cash: 50, cashOutFlag: 0 });
    expect(await managerMoney(world.db, MANAGER)).toEqual({ count: 1, money: 150, debt: 0 });
    expect(await refund(orderId, { amount: 150, reason: "again" })).toMatchObject({ cash: 50, coins: 100 });
    expect([await world.coins(USER), await payable()]).toEqual([1, 0]);
    await world.clock.advance(ROUND);
    expect([...world.pay.refunds.values()].map((r) => r.amount)).toEqual([150, 50]);
  });

  test("is refunded once for one reason and amount, and never beyond its payment", async () => {
    const orderId = await paid(0, 300);
    const first = await refund(orderId, { amount: 100 });
    expect(await refund(orderId, { amount: 100 })).toEqual({ ...first, kind: "exists" });
    expect(await refund(orderId, { amount: 201, reason: "more" })).toEqual({ kind: "too_much", left: 200 });
    const rest = await refund(orderId);
    expect(rest).toMatchObject({ kind: "refunded", cash: 200 });
    expect(await refund(orderId)).toEqual({ ...rest, kind: "exists" });
    expect(await refund(orderId, { reason: "more" })).toEqual({ kind: "nothing_left" });
    expect((await refunds()).map((r) => r.cash)).toEqual([100, 200]);
  });

  test("gives coins back whole, and says which amounts can be", async () => {
    const orderId = await paid(2, 100);
    expect(await refund(orderId, { amount: 150 })).toEqual({
      kind: "part_of_a_coin",
      below: 100,
      above: 200,
    });
    expect(await refunds()).toEqual([]);
    expect(await refund(orderId, { amount: 200 })).toMatchObject({ cash: 100, coins: 100 });
  });

  test.each([1, 2])(
    "that is in a cash-out or was paid out (%i) makes a debt of the manager",
    async (flag) => {
      const orderId = await paid(0, 300);
      const by = { who: "operator:test", at: world.clock.now() };
      await transaction(world.db, async (tx) => {
        const account = { bankName: "银行", bankUser: "户名", bankCode: "6222021234567890" };
        const request = { manager: MANAGER, account, ppm: 6000, cards: openCards };
        const made = await requestCashOut(tx, request, by);
        if (made.kind !== "requested") throw new Error(made.kind);
        if (flag === 1) return;
        const { cashOutId } = made;
        await approveCashOut(tx, { cashOutId, secondAboveFen: 1000 }, by);
        await payCashOut(tx, { cashOutId, reference: "B-1" }, by);
      });
      await refund(orderId, { amount: 100 });
      expect(await managerMoney(world.db, MANAGER)).toEqual({ count: 0, money: 0, debt: 100 });
      expect(await payable()).toBe(flag === 1 ? 200 : -100);
      expect((await world.order(orderId)).cashOutFlag).toBe(flag);
    },
  );

  test("that is unknown, or not paid, is not refunded", async () => {
    expect(await refund("90001800000000")).toEqual({ kind: "unknown" });
    const { orderId } = await world.charging();
    expect(await refund(orderId)).toEqual({ kind: "not_paid" });
    await ready(orderId);
    expect(await refund(orderId)).toEqual({ kind: "not_paid" });
    expect(await refunds()).toEqual([]);
    expect(await audited()).toEqual([]);
  });

  test("refunded in part while it charges, gives back what is then not proven too, and no more", async () => {
    const orderId = await paid(0, 300);
    await refund(orderId, { amount: 100 });
    await world.finish(orderId, 20, "charger_lost");
    expect(await world.order(orderId)).toMatchObject({ unit: 1, money: 150 });
    await refund(orderId);
    expect((await refunds()).map((r) => r.cash)).toEqual([100, 50, 150]);
  });
});

describe("coins", () => {
  /** A purchase that is paid. */
  async function bought(pmoney: number, user = USER): Promise<string> {
    const { db, clock, random } = world;
    const of = { user, pmoney, channel: "jsapi", openId: "openid-1" } as const;
    const made = await transaction(db, (tx) => openPurchase(tx, of, { at: clock.now(), random }));
    if (made.kind !== "opened") throw new Error(made.kind);
    await world.payments.prepare({ ...made.attempt, clientIp: "192.0.2.1" });
    world.pay.pay(made.attempt.outTradeNo);
    await tell(made.attempt.outTradeNo);
    await clock.advance(minutes(1));
    return made.payId;
  }
  async function give(from: string, to: string, pmoney: number): Promise<void> {
    await transaction(world.db, (tx) => giveCoins(tx, { from, to, pmoney }, world.clock.now()));
    await world.clock.advance(minutes(1));
  }
  const back = (payId: string, coins?: number, reason = "moved") =>
    transaction(world.db, (tx) =>
      refundCoins(tx, { payId, reason, ...(coins !== undefined && { coins }) }, by()),
    );

  test("that were bought go back for their money, through WeChat, once", async () => {
    const payId = await bought(10);
    const first = await back(payId, 4);
    expect(first).toMatchObject({ kind: "refunded", cash: 400, coins: 0 });
    expect(await back(payId, 4)).toEqual({ ...first, kind: "exists" });
    expect([await world.coins(USER), await balance("platform")]).toEqual([6, 400]);
    await world.clock.advance(ROUND);
    expect(await refunds()).toMatchObject([
      { purpose: "coins", subject: payId, total: 1000, state: "success" },
    ]);
    expect([await balance("platform"), await balance("wechat_clearing")]).toEqual([0, -600]);
    expect(await back(payId, 7)).toEqual({ kind: "too_many", left: 6 });
    expect(await back(payId)).toMatchObject({ kind: "refunded", cash: 600 });
    expect(await back(payId, 1)).toEqual({ kind: "too_many", left: 0 });
    expect(await world.coins(USER)).toBe(0);
    expect((await audited()).map((a) => a.what)).toEqual(["refund.coins", "refund.coins"]);
  });

  test("of one purchase are no more than it bought, though others were bought too", async () => {
    const first = await bought(3);
    await bought(5);
    expect(await back(first, 4)).toEqual({ kind: "too_many", left: 3 });
    expect(await back(first, 2)).toMatchObject({ kind: "refunded", cash: 200 });
    expect(await back(first, 2, "again")).toEqual({ kind: "too_many", left: 1 });
  });

  test("that another refund gave back in the place of a closed one count once", async () => {
    const payId = await bought(3);
    const made = await back(payId, 2);
    if (made.kind !== "refunded") throw new Error(made.kind);
    const { refundNo } = made;
    await transaction(world.db, (tx) =>
      failRefund(tx, { refundNo, reason: "CLOSED", at: world.clock.now() }),
    );
    expect((await transaction(world.db, (tx) => retryRefund(tx, refundNo, by()))).kind).toBe("anew");
    expect(await back(payId, 2, "again")).toEqual({ kind: "too_many", left: 1 });
    expect(await back(payId, 1, "again")).toMatchObject({ kind: "refunded", cash: 100 });
  });

  test("that were got as a gift are nobody's money back", async () => {
    const payId = await bought(5);
    await give(USER, OTHER, 5);
    const others = await bought(2, OTHER);
    expect(await back(payId)).toEqual({ kind: "too_many", left: 0 });
    expect(await back(others, 3)).toEqual({ kind: "too_many", left: 2 });
    await give(OTHER, USER, 1);
    expect(await back(others)).toMatchObject({ cash: 100 });
    expect(await back(payId)).toEqual({ kind: "too_many", left: 0 });
    expect(await world.coins(OTHER)).toBe(5);
  });

  test("that were spent are gone, the gifts first; what comes back of an order is as it was", async () => {
    const payId = await bought(3);
    await give(USER, OTHER, 1);
    await bought(4, OTHER);
    await give(OTHER, USER, 2);
    // Two that were bought and two that were got; three are spent.
    const { orderId } = await world.charging();
    await open(orderId, { pmoney: 3, cash: 0 });
    await world.clock.advance(minutes(1));
    expect(await back(payId, 2)).toEqual({ kind: "too_many", left: 1 });
    await refund(orderId, { amount: 200 });
    await world.clock.advance(minutes(1));
    expect(await back(payId, 3)).toEqual({ kind: "too_many", left: 2 });
    expect(await back(payId)).toMatchObject({ cash: 200 });
    expect(await world.coins(USER)).toBe(1);
  });

  test("that an open payment holds wait until it has ended", async () => {
    const payId = await bought(2);
    const { orderId } = await world.charging();
    await ready(orderId, { pmoney: 2, cash: 100 });
    await world.clock.advance(minutes(1));
    expect(await back(payId)).toEqual({ kind: "too_many", left: 0 });
    await world.payments.closeOpen(orderId);
    expect(await back(payId)).toMatchObject({ kind: "refunded", cash: 200 });
  });

  test("of a purchase that nobody knows, or has paid, are none", async () => {
    expect(await back("P0001800000")).toEqual({ kind: "unknown" });
    const of = { user: USER, pmoney: 1, channel: "jsapi", openId: "openid-1" } as const;
    const { clock, random } = world;
    const made = await transaction(world.db, (tx) => openPurchase(tx, of, { at: clock.now(), random }));
    if (made.kind !== "opened") throw new Error(made.kind);
    expect(await back(made.payId)).toEqual({ kind: "not_paid" });
  });
});

test("coins whose money comes after their purchase was closed are credited, once", async () => {
  const of = { user: USER, pmoney: 2, channel: "jsapi", openId: "openid-1" } as const;
  const { clock, random } = world;
  const made = await transaction(world.db, (tx) => openPurchase(tx, of, { at: clock.now(), random }));
  if (made.kind !== "opened") throw new Error(made.kind);
  const { outTradeNo } = made.attempt;
  await world.payments.prepare({ ...made.attempt, clientIp: "192.0.2.1" });
  const there = world.pay.transactions.get(outTradeNo);
  expect(await world.payments.closeOpen(made.payId)).toBe("none");
  expect(await world.payments.result("coins", made.payId)).toBe("failed");
  if (there !== undefined) there.state = "open";
  world.pay.pay(outTradeNo);
  await tell(outTradeNo);
  await tell(outTradeNo);
  expect(await world.payments.result("coins", made.payId)).toBe("paid");
  expect([await world.coins(USER), await refunds()]).toEqual([2, []]);
});

describe("a refund that failed", () => {
  const retry = (refundNo: string) => transaction(world.db, (tx) => retryRefund(tx, refundNo, by()));
  /** Half of an order on its way back, which WeChat does not do. */
  async function failedAs(reason: "REFUSED" | "CLOSED" | "ABNORMAL"): Promise<string> {
    const orderId = await paid(0, 300);
    const made = await refund(orderId, { amount: 150 });
    if (made.kind !== "refunded") throw new Error(made.kind);
    const { refundNo } = made;
    if (reason === "REFUSED") {
      world.pay.faults.refund.push("refuse");
      await world.clock.advance(ROUND);
    } else {
      await transaction(world.db, (tx) => failRefund(tx, { refundNo, reason, at: world.clock.now() }));
    }
    return refundNo;
  }
  const failed = () => listRefunds(world.db, { failed: true, limit: 10 });

  test.each(["REFUSED", "ABNORMAL"] as const)("%s is sent again under its number", async (reason) => {
    const refundNo = await failedAs(reason);
    expect(await failed()).toMatchObject([{ refundNo, state: "failed", failReason: reason }]);
    expect(await balance("platform")).toBe(150);
    expect(await retry(refundNo)).toEqual({ kind: "again" });
    expect(await retry(refundNo)).toEqual({ kind: "not_failed", state: "pending" });
    await world.clock.advance(ROUND);
    expect([...world.pay.refunds.keys()]).toEqual([refundNo]);
    expect(await refunds()).toMatchObject([{ refundNo, state: "success", failReason: null }]);
    expect([await balance("platform"), await failed()]).toEqual([0, []]);
    expect(await retry(refundNo)).toEqual({ kind: "not_failed", state: "success" });
  });

  test("CLOSED can come to nothing more: what the platform kept of it goes back under a new number, once", async () => {
    const refundNo = await failedAs("CLOSED");
    const anew = await retry(refundNo);
    if (anew.kind !== "anew") throw new Error(anew.kind);
    expect(anew.refundNo).not.toBe(refundNo);
    expect(await retry(refundNo)).toEqual({ kind: "replaced", refundNo: anew.refundNo });
    const retried = world.db.selectFrom("audit_log").selectAll().where("what", "=", "refund.retry");
    expect(await retried.execute()).toMatchObject([
      { who: "operator:test", object: refundNo, detail: anew.refundNo },
    ]);
    await world.clock.advance(ROUND);
    expect([...world.pay.refunds.keys()]).toEqual([anew.refundNo]);
    expect([await balance("platform"), await balance("wechat_clearing"), await payable()]).toEqual([
      ...[0, -150, 150],
    ]);
    expect(await failed()).toEqual([]);
  });

  test("CLOSED gives back what it had of coins and cash, each once", async () => {
    const orderId = await paid(1, 200);
    const made = await refund(orderId);
    if (made.kind !== "refunded") throw new Error(made.kind);
    await transaction(world.db, (tx) =>
      failRefund(tx, { refundNo: made.refundNo, reason: "CLOSED", at: world.clock.now() }),
    );
    expect((await retry(made.refundNo)).kind).toBe("anew");
    await world.clock.advance(ROUND);
    expect([await world.coins(USER), await balance("wechat_clearing"), await payable()]).toEqual([1, 0, 0]);
  });

  test("CLOSED before its order was withdrawn, and sent anew twice after it, is no debt and no other sum", async () => {
    const refundNo = await failedAs("CLOSED");
    await world.clock.advance(ROUND);
    const account = { bankName: "银行", bankUser: "户名", bankCode: "6222021234567890" };
    const request = { manager: MANAGER, account, ppm: 6000, cards: openCards };
    expect((await transaction(world.db, (tx) => requestCashOut(tx, request, by()))).kind).toBe("requested");
    let last = refundNo;
    for (const _ of [1, 2]) {
      await world.clock.advance(minutes(1));
      const anew = await retry(last);
      if (anew.kind !== "anew") throw new Error(anew.kind);
      last = anew.refundNo;
      expect(await world.violations()).toEqual([]);
      await transaction(world.db, (tx) =>
        failRefund(tx, { refundNo: last, reason: "CLOSED", at: world.clock.now() }),
      );
    }
    expect(await managerMoney(world.db, MANAGER)).toEqual({ count: 0, money: 0, debt: 0 });
  });

  test("and is unknown is not sent", async () => {
    expect(await retry("no-such-number")).toEqual({ kind: "unknown" });
  });
});
