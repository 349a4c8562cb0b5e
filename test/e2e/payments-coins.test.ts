import { seconds } from "@bluepower/protocol/clock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transaction } from "../../cloud/database/open.ts";
import { refundCoins } from "../../cloud/payments/operatorRefund.ts";
import { FAULT_KINDS, type FaultKind } from "../sandbox/faults.ts";
import { NOTIFY } from "../sandbox/settlement.ts";
import { type PayBench, payBench } from "./payBench.ts";
import { until } from "./until.ts";

/** Purchases of coins against the sandbox: each fault of WeChat Pay in each call, and every way of telling. */

let bench: PayBench;
beforeAll(async () => {
  bench = await payBench();
});
afterAll(() => bench?.stop());

const PAID = { coins: 3, purchase: "paid", refunds: [], wechat: ["SUCCESS"], violations: [] };
const OPEN = { ...PAID, coins: 0, purchase: "open", wechat: ["NOTPAY"] };

/** Whether WeChat Pay has done what it was asked for, though its answer says otherwise or cannot be believed. */
const DONE: Record<FaultKind, boolean> = {
  "500": false,
  "429": false,
  "timeout-after-commit": true,
  "bad-signature": true,
};
const left = async () => (await bench.control("/fault")).waiting;

async function bought() {
  const purchase = await bench.buying();
  const content = await purchase.prepare();
  if (typeof content === "string") throw new Error(content);
  return { ...purchase, content };
}
const settled = (purchase: { user: string; payId: string }) =>
  until(
    "the coins are there",
    () => bench.coinBooks(purchase),
    (b) => b.purchase === "paid",
  );

describe.each(FAULT_KINDS)("%s", (kind) => {
  test("once when a purchase is made: asked for again under its number, and the coins come once", async () => {
    const purchase = await bench.buying();
    await bench.fault(kind, 1);
    const content = await purchase.prepare();
    expect(await left()).toEqual([]);
    expect(await bench.coinBooks(purchase)).toEqual(OPEN);
    if (typeof content === "string") throw new Error(content);
    await bench.payAs(content, "twice");
    await settled(purchase);
    expect(await bench.coinBooks(purchase)).toEqual(PAID);
  });

  test("for a while when a purchase is made: nothing is bought, and it can be closed", async () => {
    const purchase = await bench.buying();
    await bench.fault(kind, 2);
    expect(await purchase.prepare()).toBe("unavailable");
    expect(await left()).toEqual([]);
    expect(await bench.coinBooks(purchase)).toEqual({ ...OPEN, wechat: DONE[kind] ? ["NOTPAY"] : [] });
    expect(await bench.payments.closeOpen(purchase.payId)).toBe("none");
    expect(await bench.payments.result("coins", purchase.payId)).toBe("failed");
    expect(await bench.coinBooks(purchase)).toMatchObject({ coins: 0, purchase: "failed", violations: [] });
  });

  test("when it is asked for a purchase that was paid: not known, until the next time", async () => {
    const purchase = await bought();
    await bench.payAs(purchase.content, "never");
    await bench.fault(kind, 1);
    expect(await bench.payments.result("coins", purchase.payId)).toBe("pending");
    expect(await left()).toEqual([]);
    expect(await bench.coinBooks(purchase)).toEqual({ ...OPEN, wechat: ["SUCCESS"] });
    bench.pass(seconds(2));
    expect(await bench.payments.result("coins", purchase.payId)).toBe("paid");
    expect(await bench.coinBooks(purchase)).toEqual(PAID);
  });

  test("when a purchase is closed: open until that is confirmed; when it was paid, the coins are found", async () => {
    const purchase = await bought();
    await bench.fault(kind, 1);
    expect(await bench.payments.closeOpen(purchase.payId)).toBe("unavailable");
    expect(await bench.coinBooks(purchase)).toEqual({ ...OPEN, wechat: [DONE[kind] ? "CLOSED" : "NOTPAY"] });
    expect(await bench.payments.closeOpen(purchase.payId)).toBe("none");
    await expect(bench.payAs(purchase.content, "once")).rejects.toThrow("closed");
    const paid = await bought();
    await bench.payAs(paid.content, "never");
    await bench.fault(kind, 1);
    expect(await bench.payments.closeOpen(paid.payId)).toBe("unavailable");
    expect(await bench.payments.closeOpen(paid.payId)).toBe("paid");
    expect(await bench.coinBooks(paid)).toEqual(PAID);
  });

  test("when coins are given back: their money goes back once, under one number", async () => {
    const purchase = await bought();
    await bench.payAs(purchase.content, "once");
    await settled(purchase);
    await bench.control("/refunds", { settle: "manual" });
    await bench.fault(kind, 1);
    const { payId } = purchase;
    const by = { who: "operator:test", at: bench.now() };
    const made = await transaction(bench.db, (tx) =>
      refundCoins(tx, { payId, coins: 2, reason: "moved" }, by),
    );
    expect(made).toMatchObject({ kind: "refunded", cash: 200 });
    bench.payments.wake();
    await until(
      "it is tried",
      () => bench.refund(payId),
      (r) => r.updateTime !== r.insertTime,
    );
    expect(await left()).toEqual([]);
    const waiting = {
      ...PAID,
      coins: 1,
      refunds: ["200 pending"],
      wechat: [DONE[kind] ? "REFUND" : "SUCCESS"],
    };
    expect(await bench.coinBooks(purchase)).toEqual(waiting);
    bench.pass(seconds(30));
    bench.payments.wake();
    const { refundNo } = await until(
      "it is sent",
      () => bench.refund(payId),
      (r) => r.wxRefundId !== null,
    );
    await bench.control("/settle-refund", { outRefundNo: refundNo });
    await until(
      "it is confirmed",
      () => bench.refund(payId),
      (r) => r.state === "success",
    );
    expect(await bench.coinBooks(purchase)).toEqual({
      ...waiting,
      refunds: ["200 success"],
      wechat: ["REFUND"],
    });
    await bench.control("/refunds", { settle: "auto" });
  });
});

test.each(NOTIFY)("told %s, coins are credited once: by what is believed, else by asking", async (notify) => {
  const purchase = await bought();
  await bench.payAs(purchase.content, notify);
  await until(
    "they are there",
    async () => {
      bench.pass(seconds(2));
      return await bench.payments.result("coins", purchase.payId);
    },
    (r) => r === "paid",
  );
  await bench.control("/notify", { outTradeNo: purchase.number, notify: "once" });
  expect(await bench.coinBooks(purchase)).toEqual(PAID);
});

describe("a delivery", () => {
  const shipped = async (payId: string) => (await bench.atWeChat(payId)).every((t) => t.shipped);
  const paid = async () => {
    const purchase = await bought();
    await bench.payAs(purchase.content, "never");
    expect(await bench.payments.result("coins", purchase.payId)).toBe("paid");
    return purchase;
  };
  const tries = async (payId: string) => {
    const { shipTries } = await bench.db
      .selectFrom("wx_payment")
      .select("shipTries")
      .where("subject", "=", payId)
      .executeTakeFirstOrThrow();
    return shipTries;
  };

  test("is told to WeChat after a payment of coins and of an order", async () => {
    const { payId } = await paid();
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "once");
    await bench.paid(orderId);
    for (const subject of [payId, orderId]) {
      bench.payments.wake();
      await until("it is told", () => shipped(subject), Boolean);
    }
  });

  test.each(FAULT_KINDS.filter((k) => k !== "bad-signature"))("is told again after %s", async (kind) => {
    const purchase = await paid();
    await bench.fault(kind, 1, "shipping");
    bench.payments.wake();
    await until(
      "it is tried",
      () => tries(purchase.payId),
      (n) => n > 0,
    );
    bench.pass(seconds(30));
    bench.payments.wake();
    await until("it is told", () => shipped(purchase.payId), Boolean);
    expect(await bench.coinBooks(purchase)).toEqual(PAID);
  });
});
