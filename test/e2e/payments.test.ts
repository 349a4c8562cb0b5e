import { seconds } from "@bluepower/protocol/clock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOTIFY, type Notify } from "../sandbox/settlement.ts";
import { type PayBench, payBench } from "./payBench.ts";
import { until } from "./until.ts";

/** Payments and refunds against the sandbox, over HTTP: every way in which they are told, broken off and asked for. */

let bench: PayBench;
beforeAll(async () => {
  bench = await payBench();
});
afterAll(() => bench?.stop());

/** One payment of 300 fen, once, on both sides. */
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
/** What has been made and nobody has learned of yet. */
const UNKNOWN = {
  ...PAID,
  payState: "paying",
  cash: 0,
  attempts: ["open"],
  ledger: { wechat: 0, manager: 0, platform: 0 },
};
/** Half of it has gone back. */
const LOWERED = {
  ...PAID,
  money: 150,
  cash: 150,
  refunds: ["150 success"],
  ledger: { wechat: 150, manager: 150, platform: 0 },
  wechat: { transactions: ["REFUND"], kept: 150 },
};

interface Telling {
  /** Whether each delivery was believed; what is not believed is answered with 400 and told once. */
  told: ("taken" | "given up")[];
}
/** Every way in which the sandbox tells of a payment or a refund. */
const TELLINGS: Record<Notify, Telling> = {
  once: { told: ["taken"] },
  twice: { told: ["taken", "taken"] },
  late: { told: ["taken"] },
  never: { told: [] },
  tampered: { told: ["given up"] },
  "wrong-serial": { told: ["given up"] },
  "old-timestamp": { told: ["given up"] },
  signtest: { told: ["given up"] },
};

/** Waits until the sandbox is done with so many notifications since; all that were not believed were answered with 400. */
async function tellings(since: number, told: Telling["told"]): Promise<void> {
  const all = await until("it is told", bench.finished, (list) => list.length >= since + told.length);
  const mine = all.slice(since);
  expect(mine.map((n) => n.state)).toEqual(told);
  for (const { state, deliveries } of mine) {
    expect(deliveries).toMatchObject([{ result: state === "taken" ? 204 : 400 }]);
  }
}

describe.each(NOTIFY)("told %s", (notify) => {
  const { told } = TELLINGS[notify];
  const believed = told.includes("taken");

  test("a payment is paid once: by what is believed, else by asking", async () => {
    const orderId = await bench.charging();
    const since = (await bench.finished()).length;
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, notify);
    await tellings(since, told);
    expect(await bench.books(orderId)).toEqual(believed ? PAID : UNKNOWN);
    expect(await bench.payments.result("order", orderId)).toBe("paid");
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("once more, a payment that is known changes nothing", async () => {
    const orderId = await bench.charging();
    const { number, content } = await bench.ready(orderId);
    await bench.payAs(content, "never");
    expect(await bench.payments.result("order", orderId)).toBe("paid");
    const since = (await bench.finished()).length;
    await bench.control("/notify", { outTradeNo: number, notify });
    await tellings(since, told);
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("a refund is confirmed once: by what is believed, else by asking again", async () => {
    const { orderId, refundNo } = await sentBack();
    const since = (await bench.finished()).length;
    await bench.control("/settle-refund", { outRefundNo: refundNo, outcome: "SUCCESS", notify });
    await tellings(since, told);
    expect(await bench.books(orderId)).toEqual(
      believed
        ? LOWERED
        : {
            ...LOWERED,
            refunds: ["150 pending"],
            // The manager has given it up; the platform keeps it until it is known to have left.
            ledger: { wechat: 300, manager: 150, platform: 150 },
          },
    );
    bench.pass(seconds(30));
    bench.payments.wake();
    await until(
      "it is confirmed",
      () => bench.refund(orderId),
      (r) => r.state === "success",
    );
    expect(await bench.books(orderId)).toEqual(LOWERED);
  });
});

/** Half of a bill on its way back, which is settled by hand. */
async function sentBack(): Promise<{ orderId: string; refundNo: string }> {
  const orderId = await bench.lowered();
  await bench.control("/refunds", { settle: "manual" });
  bench.payments.wake();
  const { refundNo } = await until(
    "it is sent",
    () => bench.refund(orderId),
    (r) => r.wxRefundId !== null,
  );
  return { orderId, refundNo };
}

describe("a payment", () => {
  test("is first told when asking has found it: taken, and paid once", async () => {
    const orderId = await bench.charging();
    const since = (await bench.finished()).length;
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "late");
    await bench.payments.result("order", orderId);
    await tellings(since, ["taken"]);
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("that the payer breaks off stays open, and is closed by the next one", async () => {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "once", "fail");
    expect(await bench.payments.result("order", orderId)).toBe("pending");
    expect(await bench.payments.closeOpen(orderId)).toBe("none");
    await expect(bench.payAs(content, "once")).rejects.toThrow("closed");
    const again = await bench.ready(orderId);
    await bench.payAs(again.content, "once");
    await bench.paid(orderId);
    expect(await bench.books(orderId)).toEqual({
      ...PAID,
      attempts: ["failed", "paid"],
      wechat: { transactions: ["CLOSED", "SUCCESS"], kept: 300 },
    });
  });

  test("that was made is found when it is to be closed", async () => {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId);
    await bench.payAs(content, "never");
    expect(await bench.payments.closeOpen(orderId)).toBe("paid");
    expect(await bench.books(orderId)).toEqual(PAID);
  });

  test("on an H5 page", async () => {
    const orderId = await bench.charging();
    const { content } = await bench.ready(orderId, "h5");
    const url = new URL(String(content.h5_url));
    const page = await fetch(url);
    expect(await page.text()).toContain("3.00");
    const prepayId = url.searchParams.get("prepay_id") ?? "";
    const form = new URLSearchParams({ prepay_id: prepayId, action: "pay", redirect_url: "" });
    const done = await fetch(new URL("/h5/pay", url), { method: "POST", body: form });
    expect(done.status).toBe(200);
    await bench.paid(orderId);
    expect(await bench.books(orderId)).toEqual(PAID);
  });
});

describe("a refund", () => {
  test("goes back by itself and is confirmed by WeChat's notification", async () => {
    await bench.control("/refunds", { settle: "auto" });
    const orderId = await bench.lowered();
    bench.payments.wake();
    await until(
      "it is confirmed",
      () => bench.refund(orderId),
      (r) => r.state === "success",
    );
    expect(await bench.books(orderId)).toEqual(LOWERED);
  });

  test.each(["ABNORMAL", "CLOSED"])(
    "that ends %s is the operator's, and the money the platform's",
    async (outcome) => {
      const { orderId, refundNo } = await sentBack();
      expect((await bench.refund(orderId)).state).toBe("pending");
      await bench.control("/settle-refund", { outRefundNo: refundNo, outcome });
      await until(
        "it has failed",
        () => bench.refund(orderId),
        (r) => r.state === "failed",
      );
      // It is not asked for again by itself.
      bench.pass(seconds(30));
      bench.payments.wake();
      expect(await bench.books(orderId)).toEqual({
        ...LOWERED,
        refunds: ["150 failed"],
        ledger: { wechat: 300, manager: 150, platform: 150 },
        wechat: { transactions: ["REFUND"], kept: 300 },
      });
    },
  );
});
