import { seconds } from "@bluepower/protocol/clock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FAULT_KINDS, type FaultKind } from "../sandbox/faults.ts";
import { type PayBench, payBench } from "./payBench.ts";
import { until } from "./until.ts";

/** Each fault of WeChat Pay in each of its four calls: what the cloud then believes, and that the books come right. */

let bench: PayBench;
beforeAll(async () => {
  bench = await payBench();
});
afterAll(() => bench?.stop());

const PAID = {
  payState: "paid",
  money: 300,
  cash: 300,
  attempts: ["paid"],
  refunds: [],
  ledger: { wechat: 300, manager: 300, platform: 0 },
  wechat: { transactions: ["SUCCESS"], kept: 300 },
  violations: [],
};
/** Nothing has come of it yet, and nothing is believed. */
const OPEN = {
  ...PAID,
  payState: "paying",
  cash: 0,
  attempts: ["open"],
  ledger: { wechat: 0, manager: 0, platform: 0 },
  wechat: { transactions: ["NOTPAY"], kept: 0 },
};

/** Whether WeChat Pay has done what it was asked for, though its answer says otherwise or cannot be believed. */
const DONE: Record<FaultKind, boolean> = {
  "500": false,
  "429": false,
  "timeout-after-commit": true,
  "bad-signature": true,
};

describe.each(FAULT_KINDS)("%s", (kind) => {
  const done = DONE[kind];
  const left = async () => (await bench.control("/fault")).waiting;

  test("once when a payment is made: it is asked for again under its number, there is one of it, and it is paid", async () => {
    const orderId = await bench.charging();
    await bench.fault(kind, 1);
    const { content } = await bench.ready(orderId);
    expect(await left()).toEqual([]);
    expect(await bench.books(orderId)).toEqual(OPEN);
    await bench.payAs(content, "once");
    await bench.paid(orderId);
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("for a while when a payment is made: nothing is paid or lost, and another one is paid", async () => {
    const orderId = await bench.charging();
    await bench.fault(kind, 3);
    const { prepared } = await bench.open(orderId);
    expect(prepared).toEqual({ kind: "unavailable" });
    expect(await bench.payments.result("order", orderId)).toBe("pending");
    expect(await left()).toEqual([]);
    expect(await bench.books(orderId)).toEqual({
      ...OPEN,
      wechat: { transactions: done ? ["NOTPAY"] : [], kept: 0 },
    });
    expect(await bench.payments.closeOpen(orderId)).toBe("none");
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "once");
    await bench.paid(orderId);
    expect(await bench.books(orderId)).toEqual({
      ...PAID,
      attempts: ["failed", "paid"],
      wechat: { transactions: done ? ["CLOSED", "SUCCESS"] : ["SUCCESS"], kept: 300 },
    });
  });

  test("when it is asked for a payment that was made: not known, neither paid nor failed, until the next time", async () => {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "never");
    await bench.fault(kind, 1);
    expect(await bench.payments.result("order", orderId)).toBe("pending");
    expect(await left()).toEqual([]);
    const unknown = { ...OPEN, wechat: { transactions: ["SUCCESS"], kept: 300 } };
    expect(await bench.books(orderId)).toEqual(unknown);
    // Asked at most once in two seconds.
    expect(await bench.payments.result("order", orderId)).toBe("pending");
    expect(await bench.books(orderId)).toEqual(unknown);
    bench.pass(seconds(2));
    expect(await bench.payments.result("order", orderId)).toBe("paid");
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("when a payment is closed: it counts as open until that is confirmed; then only the next one is paid", async () => {
    const orderId = await bench.charging();
    const first = await bench.ready(orderId);
    await bench.fault(kind, 1);
    expect(await bench.payments.closeOpen(orderId)).toBe("unavailable");
    expect(await left()).toEqual([]);
    expect(await bench.books(orderId)).toEqual({
      ...OPEN,
      wechat: { transactions: [done ? "CLOSED" : "NOTPAY"], kept: 0 },
    });
    expect(await bench.payments.closeOpen(orderId)).toBe("none");
    await expect(bench.payAs(first.content, "once")).rejects.toThrow("closed");
    const second = await bench.ready(orderId);
    await bench.payAs(second.content, "once");
    await bench.paid(orderId);
    expect(await bench.books(orderId)).toEqual({
      ...PAID,
      attempts: ["failed", "paid"],
      wechat: { transactions: ["CLOSED", "SUCCESS"], kept: 300 },
    });
  });

  test("when a payment that was made is closed: it is not given up, and found paid", async () => {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "never");
    await bench.fault(kind, 1);
    expect(await bench.payments.closeOpen(orderId)).toBe("unavailable");
    expect(await bench.payments.closeOpen(orderId)).toBe("paid");
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("when money goes back: it goes back once, under one number, however often it is asked for", async () => {
    const orderId = await bench.lowered();
    await bench.control("/refunds", { settle: "manual" });
    await bench.fault(kind, 1);
    bench.payments.wake();
    const tried = await until(
      "it is tried",
      () => bench.refund(orderId),
      (r) => r.updateTime !== r.insertTime,
    );
    expect(await left()).toEqual([]);
    expect(tried).toMatchObject({ state: "pending", wxRefundId: null });
    const waiting = {
      ...PAID,
      money: 150,
      cash: 150,
      refunds: ["150 pending"],
      ledger: { wechat: 300, manager: 150, platform: 150 },
      wechat: { transactions: [done ? "REFUND" : "SUCCESS"], kept: 300 },
    };
    expect(await bench.books(orderId)).toEqual(waiting);
    bench.pass(seconds(30));
    bench.payments.wake();
    const { refundNo } = await until(
      "it is sent",
      () => bench.refund(orderId),
      (r) => r.wxRefundId !== null,
    );
    await bench.control("/settle-refund", { outRefundNo: refundNo });
    await until(
      "it is confirmed",
      () => bench.refund(orderId),
      (r) => r.state === "success",
    );
    expect(await bench.books(orderId)).toEqual({
      ...waiting,
      refunds: ["150 success"],
      ledger: { wechat: 150, manager: 150, platform: 0 },
      wechat: { transactions: ["REFUND"], kept: 150 },
    });
  });
});
