import { webcrypto } from "node:crypto";
import type { Server } from "node:http";
import { secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { createAdaptorServer } from "@hono/node-server";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PAY_NOTIFY_PATH, REFUND_NOTIFY_PATH, wechatNotify } from "../../cloud/api/wechatNotify.ts";
import type { Db } from "../../cloud/database/database.ts";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import { checkLedger } from "../../cloud/ledger/check.ts";
import { rebill } from "../../cloud/orders/bill.ts";
import { placeOrder } from "../../cloud/orders/place.ts";
import { scriptedGateways } from "../../cloud/orders/scriptedGateways.ts";
import { planStop } from "../../cloud/orders/stop.ts";
import { openAttempt } from "../../cloud/payments/attempts.ts";
import type { Payments } from "../../cloud/payments/payments.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import { wechatPay } from "../../cloud/payments/wechatPay.ts";
import { freeSandbox } from "../sandbox/fixture.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { until } from "./until.ts";

/** The real client of WeChat Pay and the payments of the cloud, against the sandbox over HTTP. */

const clock = systemClock;
const random = secureRandom((bytes) => webcrypto.getRandomValues(bytes));
const MANAGER = "13900000001";
const OPENID = "demo-user-1";

let sandbox: Sandbox;
let db: Db;
let closeDb: () => Promise<void>;
let payments: Payments;
let server: Server;
let people = 0;
let user = "";

beforeAll(async () => {
  sandbox = await freeSandbox();
  ({ db, close: closeDb } = await openDatabase({ url: "sqlite::memory:" }));
  await db
    .insertInto("device_info")
    .values({
      deviceCode: "PHONED01",
      version: 1,
      btName: "A1B2C3D4E5F6",
      jamCode: "JAMJAM",
      chargeFlag: 1,
      unitPrice: 150,
      manager: MANAGER,
      setupTime: 0,
      updateTime: 0,
      portTime: null,
      addTime: null,
      siteId: null,
      gatewayId: null,
      chargerSeenTime: null,
      chargerLostTime: null,
    })
    .execute();
  // The notify URL is known before the payments that listen behind it.
  const listening: { fetch: (request: Request) => Response | Promise<Response> } = {
    fetch: () => new Response(null, { status: 503 }),
  };
  server = createAdaptorServer({ fetch: (request) => listening.fetch(request) }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const { merchant, apps } = sandbox.credentials;
  const provider = wechatPay({
    clock,
    random,
    account: {
      baseUrl: sandbox.wireUrl,
      appId: apps.user.appid,
      mchId: merchant.mchid,
      serial: merchant.serial,
      privateKeyPem: merchant.privateKeyPem,
      apiV3Key: merchant.apiV3Key,
      publicKeyId: merchant.wechatPayPublicKeyId,
      keys: new Map([[merchant.wechatPayPublicKeyId, merchant.wechatPayPublicKeyPem]]),
      payNotifyUrl: origin + PAY_NOTIFY_PATH,
      refundNotifyUrl: origin + REFUND_NOTIFY_PATH,
    },
  });
  const log = pino({ level: "silent" });
  payments = await startPayments({ db, clock, random, log, provider, coinFen: 100 });
  listening.fetch = wechatNotify(payments).fetch;
});
afterAll(async () => {
  await payments?.stop();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
  await closeDb?.();
  await sandbox?.close();
});
/** Everybody has a user and an order of their own. */
beforeEach(async () => {
  people += 1;
  user = `138${String(10_000_000 + people)}`;
  await db
    .insertInto("user_info")
    .values({ user, userName: "用户", setupTime: 0, professionId: null })
    .execute();
  await db.deleteFrom("live_order").execute();
});

async function charging(): Promise<string> {
  const gateways = scriptedGateways({ db, clock });
  const order = { user, deviceCode: "PHONED01", port: 1, unitPrice: 150, unit: 2, money: 300, plateNo: "" };
  return await transaction(db, async (tx) => {
    const placed = await placeOrder(tx, order, { at: clock.now(), gateways });
    if (placed.kind !== "placed") throw new Error(placed.reason);
    await planStop(tx, gateways, { orderId: placed.orderId, user, at: clock.now() });
    return placed.orderId;
  });
}
async function open(orderId: string, channel: "jsapi" | "h5" = "jsapi") {
  const request = { orderId, user, money: 300, pmoney: 0, cash: 300, channel, openId: OPENID };
  const opened = await transaction(db, (tx) => openAttempt(tx, request, { at: clock.now(), random }));
  if (opened.kind !== "opened") throw new Error(opened.kind);
  const prepared = await payments.prepare({ ...opened.attempt, clientIp: "127.0.0.1" });
  return { number: opened.attempt.outTradeNo, prepared };
}
async function ready(orderId: string, channel: "jsapi" | "h5" = "jsapi") {
  const { number, prepared } = await open(orderId, channel);
  if (prepared.kind !== "ready") throw new Error(prepared.kind);
  return { number, content: JSON.parse(prepared.package) as Record<string, string> };
}
const order = (orderId: string) =>
  db.selectFrom("order_info").selectAll().where("orderId", "=", orderId).executeTakeFirstOrThrow();
const control = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(sandbox.controlUrl + path, init);
  const content = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(JSON.stringify(content));
  return content;
};
const payAs = (content: Record<string, string>, notify: string, outcome = "success") =>
  control("/pay", { ...content, outcome, notify });
const fault = (kind: string, times: number) => control("/fault", { on: "pay", kind, times });
interface Notification {
  state: string;
  deliveries: { result: number | string }[];
  event: unknown;
}
/** Every notification that the sandbox has finished with, since the count given. */
const finished = async (): Promise<Notification[]> => {
  const { notifications } = await control("/notifications");
  return (notifications as Notification[]).filter((n) => n.state !== "waiting");
};
const paid = (orderId: string) =>
  until(
    "the bill is paid",
    () => order(orderId),
    (o) => o.payState === "paid",
  );
const noViolations = async () => {
  const found = (await checkLedger(db)) as { rule: string }[];
  // The ports are shared here, so their slots are no matter of this test.
  expect(found.filter((v) => v.rule !== "slots")).toEqual([]);
};

describe("by jsapi", () => {
  test("the phone's payment is told once and pays the bill", async () => {
    const orderId = await charging();
    const { content } = await ready(orderId);
    await payAs(content, "once");
    expect(await paid(orderId)).toMatchObject({ cash: 300, pmoney: 0 });
    await noViolations();
  });

  test("told twice at once: taken twice, paid once", async () => {
    const orderId = await charging();
    const before = (await finished()).length;
    const { number, content } = await ready(orderId);
    await payAs(content, "twice");
    await until("both are taken", finished, (all) => all.length === before + 2);
    expect((await finished()).slice(before).map((n) => n.state)).toEqual(["taken", "taken"]);
    expect((await order(orderId)).payState).toBe("paid");
    expect(await db.selectFrom("refund_info").selectAll().where("outTradeNo", "=", number).execute()).toEqual(
      [],
    );
    await noViolations();
  });

  test("never told: asking finds it", async () => {
    const orderId = await charging();
    const { content } = await ready(orderId);
    expect(await payments.result(orderId)).toBe("pending");
    await payAs(content, "never");
    await until(
      "it is known",
      () => payments.result(orderId),
      (r) => r === "paid",
    );
    expect((await order(orderId)).payState).toBe("paid");
  });

  test("told late, after asking has found it: taken, and paid once", async () => {
    const orderId = await charging();
    const before = (await finished()).length;
    const { content } = await ready(orderId);
    await payAs(content, "late");
    await payments.result(orderId);
    await until("it is taken", finished, (all) => all.length === before + 1);
    expect(await paid(orderId)).toMatchObject({ cash: 300 });
    await noViolations();
  });

  test.each(["tampered", "wrong-serial", "old-timestamp", "signtest"])(
    "a notification that is %s is refused; asking finds the payment",
    async (kind) => {
      const orderId = await charging();
      const before = (await finished()).length;
      const { content } = await ready(orderId);
      await payAs(content, kind);
      await until("it is given up", finished, (all) => all.length === before + 1);
      expect((await finished()).at(-1)).toMatchObject({ state: "given up", deliveries: [{ result: 400 }] });
      expect((await order(orderId)).payState).toBe("paying");
      expect(await payments.result(orderId)).toBe("paid");
    },
  );

  test("a payment that the payer breaks off stays open, and is closed by the next one", async () => {
    const orderId = await charging();
    const { content } = await ready(orderId);
    await payAs(content, "once", "fail");
    expect(await payments.result(orderId)).toBe("pending");
    expect(await payments.closeOpen(orderId)).toBe("none");
    await expect(payAs(content, "once")).rejects.toThrow("closed");
    const again = await ready(orderId);
    await payAs(again.content, "once");
    await paid(orderId);
    await noViolations();
  });

  test("a payment that was made is found when it is to be closed", async () => {
    const orderId = await charging();
    const { content } = await ready(orderId);
    await payAs(content, "never");
    expect(await payments.closeOpen(orderId)).toBe("paid");
    expect((await order(orderId)).payState).toBe("paid");
  });
});

test("on an H5 page", async () => {
  const orderId = await charging();
  const { content } = await ready(orderId, "h5");
  const url = new URL(String(content.h5_url));
  const page = await fetch(url);
  expect(await page.text()).toContain("3.00");
  const prepayId = url.searchParams.get("prepay_id") ?? "";
  const form = new URLSearchParams({ prepay_id: prepayId, action: "pay", redirect_url: "" });
  const done = await fetch(new URL("/h5/pay", url), { method: "POST", body: form });
  expect(done.status).toBe(200);
  await paid(orderId);
  await noViolations();
});

describe("when WeChat Pay", () => {
  test.each(["500", "429", "bad-signature"])(
    "answers once with %s the payment is made all the same",
    async (kind) => {
      const orderId = await charging();
      await fault(kind, 1);
      const { content } = await ready(orderId);
      await payAs(content, "once");
      await paid(orderId);
    },
  );

  test.each(["500", "429", "bad-signature"])(
    "answers with %s for a while nothing is paid or lost, and it can be tried again",
    async (kind) => {
      const orderId = await charging();
      await fault(kind, 3);
      const { prepared } = await open(orderId);
      expect(prepared).toEqual({ kind: "unavailable" });
      expect(await payments.result(orderId)).toBe("pending");
      expect((await control("/fault")).waiting).toEqual([]);
      expect(await payments.closeOpen(orderId)).toBe("none");
      const { content } = await ready(orderId);
      await payAs(content, "once");
      await paid(orderId);
      await noViolations();
    },
  );

  test("makes the payment and its answer never comes: the same payment is asked for again", async () => {
    const orderId = await charging();
    await fault("timeout-after-commit", 1);
    const { number, content } = await ready(orderId);
    const { transactions } = (await control("/transactions")) as { transactions: { out_trade_no: string }[] };
    expect(transactions.filter((t) => t.out_trade_no.startsWith(orderId)).map((t) => t.out_trade_no)).toEqual(
      [number],
    );
    await payAs(content, "once");
    await paid(orderId);
  }, 15_000);
});

describe("money that goes back", () => {
  const lowered = async () => {
    const orderId = await charging();
    const { content } = await ready(orderId);
    await payAs(content, "once");
    const bill = await paid(orderId);
    await transaction(db, (tx) => rebill(tx, bill, 1, clock.now()));
    return orderId;
  };
  const refund = (orderId: string) =>
    db.selectFrom("refund_info").selectAll().where("orderId", "=", orderId).executeTakeFirstOrThrow();

  test("is refunded by itself and confirmed by WeChat's notification", async () => {
    const orderId = await lowered();
    payments.wake();
    await until(
      "it is confirmed",
      () => refund(orderId),
      (r) => r.state === "success",
    );
    expect(await order(orderId)).toMatchObject({ money: 150, cash: 150, unit: 1 });
    const { transactions } = (await control("/transactions")) as {
      transactions: { out_trade_no: string; refunds: { status: string; amount: { refund: number } }[] }[];
    };
    const mine = transactions.find((t) => t.out_trade_no.startsWith(orderId));
    expect(mine?.refunds).toMatchObject([{ status: "SUCCESS", amount: { refund: 150 } }]);
    await noViolations();
  });

  test("that WeChat cannot give back is the operator's", async () => {
    await control("/refunds", { settle: "manual" });
    const orderId = await lowered();
    payments.wake();
    const sent = await until(
      "it is sent",
      () => refund(orderId),
      (r) => r.wxRefundId !== null,
    );
    expect(sent.state).toBe("pending");
    await control("/settle-refund", { outRefundNo: sent.refundNo, outcome: "ABNORMAL" });
    await until(
      "it has failed",
      () => refund(orderId),
      (r) => r.state === "failed",
    );
    await control("/refunds", { settle: "auto" });
    await noViolations();
  });
});
