/** One file because the methods of an order and of its payment share one scene: a user, a charger, a payer. */
import { minutes, phone } from "@bluepower/protocol/units";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit } from "../../audit/audit.ts";
import { transaction } from "../../database/open.ts";
import { confirmNumber } from "../../identity/numbers.ts";
import { post } from "../../ledger/ledger.ts";
import { type ScriptedGateways, scriptedGateways } from "../../orders/scriptedGateways.ts";
import type { Payments } from "../../payments/payments.ts";
import { type ScriptedPay, scriptedPay } from "../../payments/scriptedPay.ts";
import { startPayments } from "../../payments/start.ts";
import { reasons } from "../reasons.ts";
import { paymentsLater, type Scenario, START, scenario } from "../scenario.ts";
import { wechatNotify } from "../wechatNotify.ts";
import cancelPowerOrder from "./cancelPowerOrder.ts";
import getOrderPay from "./getOrderPay.ts";
import getPowerOrder from "./getPowerOrder.ts";
import newPowerOrder from "./newPowerOrder.ts";
import payPowerOrder from "./payPowerOrder.ts";
import queryOrderPay from "./queryOrderPay.ts";
import stopPowerOrder from "./stopPowerOrder.ts";

const USER = "13800000001";
const OTHER = "13800000002";
const MANAGER = "13900000001";

let s: Scenario;
let gateways: ScriptedGateways;
let pay: ScriptedPay;
let payments: Payments;
let me: { user: string; session: string };
let other: { user: string; session: string };

beforeEach(async () => {
  s = await scenario({
    table: [
      newPowerOrder,
      stopPowerOrder,
      cancelPowerOrder,
      getPowerOrder,
      getOrderPay,
      payPowerOrder,
      queryOrderPay,
    ],
    cloud: ({ db, clock }) => {
      gateways = scriptedGateways({ db, clock });
      pay = scriptedPay(clock);
      return { gateways, payments: paymentsLater(pay, () => payments) };
    },
  });
  const { db, clock, random, log } = s.cloud;
  payments = await startPayments({ db, clock, random, log, provider: pay, coinFen: 100 });
  me = { user: USER, ...(await s.person("user", USER)) };
  other = { user: OTHER, ...(await s.person("user", OTHER)) };
  await db.updateTable("user_info").set({ userName: "用户" }).execute();
  await db.insertInto("site").values({ name: "yard", zone: "Asia/Shanghai" }).execute();
  await db
    .insertInto("gateway")
    .values({ id: "gw-1", siteId: 1, tokenHash: "", setupTime: START, seenTime: null })
    .execute();
  await db.insertInto("manager_info").values({ manager: MANAGER, setupTime: START, approved: 1 }).execute();
  for (const [deviceCode, btName, gatewayId] of [
    ["GATED001", "A1B2C3D4E5F6", "gw-1"],
    ["PHONED01", "0123456789AB", null],
  ] as const) {
    await db
      .insertInto("device_info")
      .values({
        deviceCode,
        btName,
        gatewayId,
        deviceName: "一号",
        version: 1,
        jamCode: "JAMJAM",
        chargeFlag: 1,
        unitPrice: 150,
        manager: MANAGER,
        setupTime: START,
        updateTime: START,
        portTime: null,
        addTime: null,
        siteId: 1,
        chargerSeenTime: null,
        chargerLostTime: null,
      })
      .execute();
  }
  gateways.answer = (body) => {
    switch (body.kind) {
      case "start":
        return { kind: "started", minutes: body.minutes };
      case "stop":
        return { kind: "stopped", minutes: minutes(1) };
      case "cancel":
        return { kind: "cancelled" };
      case "blink":
        return { kind: "done" };
    }
  };
});
afterEach(async () => {
  expect(await audit(s.db)).toEqual([]);
  await payments.stop();
  await s.close();
});

const order = { deviceCode: "GATED001", port: 1, unitPrice: "1.50", unit: 2, money: "3.00" };
const newOrder = (own = {}, who = me) => s.call("user", "newPowerOrder", { ...who, ...order, ...own });
const first = (answer: { data: unknown }) => (answer.data as Record<string, unknown>[])[0] ?? {};
async function charging(own = {}): Promise<string> {
  const answer = await newOrder(own);
  expect(answer).toMatchObject({ code: 0, data: [{ state: "charging" }] });
  return String(first(answer).orderId);
}
const payment = (orderId: string, own = {}) =>
  s.call("user", "payPowerOrder", { ...me, orderId, money: "3.00", pmoney: 0, cash: "3.00", ...own });
const ofOrder = (method: string, orderId: string, who = me) => s.call("user", method, { ...who, orderId });
const attempts = () => s.db.selectFrom("order_pay_info").selectAll().orderBy("id").execute();
const giveCoins = (coins: number) =>
  transaction(s.db, (tx) =>
    post(tx, {
      id: `gift ${coins}`,
      from: "opening",
      to: `user_coins:${USER}`,
      amount: coins * 100,
      reason: "TEST",
      at: START,
    }),
  );

describe("newPowerOrder", () => {
  test("answers the order once the charger has confirmed", async () => {
    const orderId = await charging();
    expect(orderId).toMatch(/^90001\d{9}$/);
    expect(first(await ofOrder("getPowerOrder", orderId))).toEqual({
      orderId,
      deviceCode: "GATED001",
      deviceName: "一号",
      port: 1,
      unitPrice: 1.5,
      unit: 2,
      money: 3,
      orderTime: "2026-11-22 10:30:00",
      pmoney: 0,
      cash: 0,
      payTime: "",
      state: "charging",
      payState: "unpaid",
      startTime: "2026-11-22 10:30:00",
      endTime: "",
      minutes: null,
    });
  });

  test("a repeat of the call answers the order as it stands by then, and starts nothing", async () => {
    const timestamp = Math.floor(START / 1000);
    const call = () => s.call("user", "newPowerOrder", { ...me, ...order }, { timestamp });
    gateways.answer = () => ({ kind: "no_answer" });
    const opened = await call();
    expect(opened).toMatchObject({ data: [{ state: "starting" }] });
    gateways.answer = (body) => ({
      kind: "started",
      minutes: body.kind === "start" ? body.minutes : minutes(1),
    });
    expect(await call()).toMatchObject({
      code: 0,
      data: [{ orderId: first(opened).orderId, state: "charging" }],
    });
    expect(await call()).toMatchObject({ data: [{ state: "charging" }] });
    expect(await s.db.selectFrom("order_info").select("id").execute()).toHaveLength(1);
    expect(await s.db.selectFrom("command").select("id").execute()).toHaveLength(1);
  });

  test("two identical calls at once are one order", async () => {
    const body = JSON.stringify(s.signed("user", { ...me, ...order }));
    const answers = await Promise.all([1, 2].map(() => s.send("user", "newPowerOrder", body)));
    const [a, b] = await Promise.all(answers.map((r) => r.json()));
    expect(a).toEqual(b);
    expect(await s.db.selectFrom("order_info").select("id").execute()).toHaveLength(1);
    expect(gateways.sent).toHaveLength(1);
  });

  test.each([
    ["port_busy", 6, "PORT_BUSY"],
    ["port_damaged", 6, "PORT_DAMAGED"],
    ["charger_unreachable", 999, "CHARGER_UNREACHABLE"],
    ["charger_misconfigured", 999, "CHARGER_MISCONFIGURED"],
    ["time_unknown", 999, "DEVICE_OFFLINE"],
  ] as const)(
    "the charger's %s is code %d %s, again when the call is repeated",
    async (reason, code, word) => {
      gateways.answer = () => ({ kind: "failed", reason, detail: "" });
      const timestamp = Math.floor(START / 1000);
      const call = () => s.call("user", "newPowerOrder", { ...me, ...order }, { timestamp });
      expect(await call()).toMatchObject({ code, reason: word, data: [] });
      expect(await call()).toMatchObject({ code, reason: word, data: [] });
      expect((await ofOrder("getOrderPay", "")).code).toBe(3);
      expect((await s.call("user", "getOrderPay", me)).data).toEqual([]);
    },
  );

  test.each([
    ["a port that a charger does not have", { port: 5 }, 3, "PARAMETER"],
    ["no units", { unit: 0, money: 0 }, 3, "UNIT_RANGE"],
    ["more units than a charge can have", { unit: 13, money: "19.50" }, 3, "UNIT_RANGE"],
    ["another price", { unitPrice: "1.40", money: "2.80" }, 3, "PRICE_CHANGED"],
    ["another sum", { money: "2.99" }, 3, "AMOUNT_MISMATCH"],
    ["a thousandth of a yuan", { money: "3.000" }, 3, "PARAMETER"],
    ["an unknown charger", { deviceCode: "NOBODY01" }, 3, "DEVICE_UNKNOWN"],
    ["a number plate that is none", { plateNo: "ABC" }, 3, "PARAMETER"],
  ])("%s: nothing is written", async (_, own, code, reason) => {
    const before = await s.rows();
    expect(await newOrder(own)).toMatchObject({ code, reason, data: [] });
    expect(await s.rows()).toEqual(before);
  });

  test("an offline gateway is said at once, without an order", async () => {
    gateways.offline.add("gw-1");
    expect(await newOrder()).toMatchObject({ code: 999, reason: "DEVICE_OFFLINE", data: [] });
    expect(await s.db.selectFrom("order_info").select("id").execute()).toEqual([]);
  });

  test("a taken port, and a bill that waits", async () => {
    const orderId = await charging();
    expect(await newOrder({}, other)).toMatchObject({ code: 6, reason: "PORT_BUSY" });
    expect(await newOrder({ port: 2 })).toMatchObject({ code: 5, reason: "ORDER_UNPAID" });
    expect(await s.call("user", "getOrderPay", me)).toMatchObject({
      data: [{ orderId, money: 3, state: "charging" }],
    });
    expect((await s.call("user", "getOrderPay", other)).data).toEqual([]);
  });

  test("a number plate is kept", async () => {
    const orderId = await charging({ plateNo: "京A12345" });
    const row = await s.db
      .selectFrom("order_info")
      .select("plateNo")
      .where("orderId", "=", orderId)
      .execute();
    expect(row).toEqual([{ plateNo: "京A12345" }]);
  });
});

describe("stopPowerOrder and cancelPowerOrder", () => {
  test("a charge is stopped, once", async () => {
    const orderId = await charging();
    expect(await ofOrder("stopPowerOrder", orderId)).toMatchObject({ code: 0, data: [{ result: 0 }] });
    expect(await ofOrder("stopPowerOrder", orderId)).toMatchObject({
      code: 0,
      reason: "ORDER_ENDED",
      data: [{ result: 1, reason: reasons.ORDER_ENDED.sentence }],
    });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({
      state: "finished",
      minutes: 1,
      money: 3,
    });
  });

  test("a charger that is not in reach: the stop is on its way", async () => {
    const orderId = await charging();
    gateways.answer = () => ({ kind: "unreachable", detail: "" });
    expect(await ofOrder("stopPowerOrder", orderId)).toMatchObject({ code: 0, reason: "STOP_PENDING" });
  });

  test("an order that has not begun is cancelled, one that runs is not", async () => {
    gateways.answer = (body) => (body.kind === "cancel" ? { kind: "cancelled" } : { kind: "no_answer" });
    const opened = await newOrder();
    const orderId = String(first(opened).orderId);
    expect(await ofOrder("cancelPowerOrder", orderId)).toMatchObject({ code: 0, data: [{ result: 0 }] });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({ state: "cancelled" });
    gateways.answer = () => ({ kind: "started", minutes: minutes(60) });
    const running = await charging({ port: 2 });
    expect(await ofOrder("cancelPowerOrder", running)).toMatchObject({ code: 0, reason: "ORDER_RUNNING" });
  });

  test("without a gateway a cancel closes the open payment first, and is refused when that cannot be confirmed", async () => {
    const orderId = await charging({ deviceCode: "PHONED01" });
    await s.db
      .insertInto("port_report")
      .values({ deviceCode: "PHONED01", port: 1, user: USER, value: 0, insertTime: START })
      .execute();
    await payment(orderId);
    pay.faults.close.push("down");
    expect(await ofOrder("cancelPowerOrder", orderId)).toMatchObject({ code: 0, reason: "PAYMENT_OPEN" });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({
      state: "charging",
      payState: "paying",
    });
    expect(await ofOrder("cancelPowerOrder", orderId)).toMatchObject({ code: 0, data: [{ result: 0 }] });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({
      state: "cancelled",
      payState: "unpaid",
    });
    expect([...pay.transactions.values()]).toMatchObject([{ state: "closed" }]);
  });

  test("a cancel that finds the payment made is refused: the order is paid", async () => {
    const orderId = await charging({ deviceCode: "PHONED01" });
    await s.db
      .insertInto("port_report")
      .values({ deviceCode: "PHONED01", port: 1, user: USER, value: 0, insertTime: START })
      .execute();
    await payment(orderId);
    pay.pay((await attempts())[0]?.outTradeNo ?? "");
    expect(await ofOrder("cancelPowerOrder", orderId)).toMatchObject({ code: 5, reason: "ORDER_PAID" });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({
      state: "charging",
      payState: "paid",
    });
  });
});

describe("payPowerOrder and queryOrderPay", () => {
  test("by WeChat: the phone gets its package, the notification pays the bill", async () => {
    const orderId = await charging();
    const call = s.signed("user", { ...me, orderId, money: "3.00", pmoney: 0, cash: "3.00" });
    const sent = JSON.stringify(call);
    const answer = (await (await s.send("user", "payPowerOrder", sent)).json()) as { data: unknown };
    expect(JSON.parse(String(first(answer).package))).toMatchObject({ signType: "RSA", paySign: "s" });
    expect(await ofOrder("queryOrderPay", orderId)).toMatchObject({
      code: 0,
      reason: "PENDING",
      data: [{ result: 1 }],
    });
    const number = (await attempts())[0]?.outTradeNo ?? "";
    pay.pay(number);
    const app = wechatNotify(s.cloud.payments);
    const { body } = pay.told(number);
    const told = await app.request("/wechat/notify/pay", { method: "POST", body });
    expect([told.status, await told.text()]).toEqual([204, ""]);
    expect(await ofOrder("queryOrderPay", orderId)).toMatchObject({
      code: 0,
      data: [{ result: 0, reason: "" }],
    });
    expect(await payment(orderId)).toMatchObject({ code: 5, reason: "ORDER_PAID" });
    expect(await s.send("user", "payPowerOrder", sent).then((r) => r.json())).toMatchObject({
      reason: "ORDER_PAID",
    });
    expect(first(await ofOrder("getPowerOrder", orderId))).toMatchObject({ payState: "paid", cash: 3 });
    expect((await s.call("user", "getOrderPay", me)).data).toEqual([]);
    expect((await app.request("/wechat/notify/pay", { method: "POST", body })).status).toBe(204);
    const said = s.lines.filter((line) => line.includes(`order ${orderId} is paid: 3.00 yuan by WeChat`));
    expect(said).toHaveLength(1);
    expect(s.lines.join()).not.toContain(USER);
  });

  test("a notification that is not believed is 400 in WeChat's form, one that is too large 413", async () => {
    const app = wechatNotify(s.cloud.payments);
    const refused = await app.request("/wechat/notify/pay", {
      method: "POST",
      body: "{}",
      headers: { forged: "1" },
    });
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: "FAIL" }]);
    const large = await app.request("/wechat/notify/refund", { method: "POST", body: "x".repeat(65 * 1024) });
    expect(large.status).toBe(413);
  });

  test("a repeat of the call answers the same payment; another call closes it and opens a new one", async () => {
    const orderId = await charging();
    const timestamp = Math.floor(START / 1000);
    const own = { ...me, orderId, money: "3.00", pmoney: 0, cash: "3.00" };
    const once = await s.call("user", "payPowerOrder", own, { timestamp });
    expect(await s.call("user", "payPowerOrder", own, { timestamp })).toEqual(once);
    expect(await attempts()).toHaveLength(1);
    expect((await payment(orderId)).code).toBe(0);
    expect(await s.call("user", "payPowerOrder", own, { timestamp })).toMatchObject({
      reason: "WECHAT_UNAVAILABLE",
    });
    expect(await attempts()).toMatchObject([{ state: 2, failReason: "REPLACED" }, { state: 0 }]);
    const closed = s.db.selectFrom("wx_payment").select("closed").where("state", "=", 2);
    expect(await closed.execute()).toEqual([{ closed: 1 }]);
  });

  test("by coins: package is empty; with both: the coins are held", async () => {
    await giveCoins(5);
    const orderId = await charging();
    expect(await payment(orderId, { pmoney: 1, cash: "2.00" })).toMatchObject({ code: 0 });
    expect(
      (await s.db.selectFrom("user_info").select("pmoney").where("user", "=", USER).execute())[0],
    ).toEqual({ pmoney: 4 });
    expect(await payment(orderId, { pmoney: 3, cash: 0 })).toMatchObject({
      code: 0,
      data: [{ package: "" }],
    });
    expect(
      (await s.db.selectFrom("user_info").select("pmoney").where("user", "=", USER).execute())[0],
    ).toEqual({ pmoney: 2 });
    expect(await ofOrder("queryOrderPay", orderId)).toMatchObject({ data: [{ result: 0 }] });
  });

  test("on an H5 page, by somebody who has no openid", async () => {
    await s.db.updateTable("wx_info").set({ openId: "" }).execute();
    const orderId = await charging();
    const answer = await payment(orderId, { channel: "h5" });
    expect(JSON.parse(String(first(answer).package))).toHaveProperty("h5_url");
  });

  test("WeChat is down: 999, nothing is paid, and it can be tried again", async () => {
    const orderId = await charging();
    pay.faults.create.push("down", "down");
    expect(await payment(orderId)).toMatchObject({ code: 999, reason: "WECHAT_UNAVAILABLE", data: [] });
    pay.faults.close.push("down");
    expect(await payment(orderId)).toMatchObject({ code: 999, reason: "WECHAT_UNAVAILABLE" });
    expect((await payment(orderId)).code).toBe(0);
  });

  test("a payment that failed is said to have failed", async () => {
    const orderId = await charging();
    expect(await ofOrder("queryOrderPay", orderId)).toMatchObject({
      reason: "FAILED",
      data: [{ result: 1 }],
    });
    pay.faults.create.push("refuse");
    await payment(orderId);
    expect(await ofOrder("queryOrderPay", orderId)).toMatchObject({ reason: "FAILED" });
  });

  test.each([
    ["too few coins", { pmoney: 1, cash: "2.00" }, 5, "COINS_SHORT"],
    ["a sum that is not the bill's", { money: "2.00", cash: "2.00" }, 3, "AMOUNT_MISMATCH"],
    ["parts that are not the sum", { cash: "2.99" }, 3, "AMOUNT_MISMATCH"],
    ["another channel", { channel: "app" }, 3, "PARAMETER"],
    ["less than no coins", { pmoney: -1 }, 3, "PARAMETER"],
  ])("%s: nothing is written", async (_, own, code, reason) => {
    const orderId = await charging();
    const before = await s.rows();
    expect(await payment(orderId, own)).toMatchObject({ code, reason, data: [] });
    expect({ ...(await s.rows()), wx_info: [] }).toEqual({ ...before, wx_info: [] });
    expect(pay.calls).toEqual([]);
  });

  test("an order that has not begun cannot be paid", async () => {
    gateways.answer = () => ({ kind: "no_answer" });
    const orderId = String(first(await newOrder()).orderId);
    expect(await payment(orderId)).toMatchObject({ code: 5, reason: "ORDER_NOT_STARTED" });
  });
});

describe("a phone number that another openid has bound", () => {
  const coins = { pmoney: 3, cash: 0 };
  const pmoney = async () =>
    (await s.db.selectFrom("user_info").select("pmoney").where("user", "=", USER).executeTakeFirst())?.pmoney;
  const confirm = () =>
    transaction(s.db, (tx) =>
      confirmNumber(tx, { side: "user", phone: phone(USER) }, { who: "operator", at: START }),
    );

  test("spends no coins and pays no bill from before until the operator has confirmed that it is the same person", async () => {
    await giveCoins(5);
    expect(await confirm()).toBe("already");
    const orderId = await charging();
    me = { user: USER, ...(await s.person("user", USER, "another")) };
    expect(await payment(orderId, coins)).toMatchObject({ code: 5, reason: "PHONE_UNCONFIRMED", data: [] });
    expect(await payment(orderId, { pmoney: 1, cash: "2.00" })).toMatchObject({
      reason: "PHONE_UNCONFIRMED",
    });
    expect(await payment(orderId)).toMatchObject({ code: 5, reason: "PHONE_UNCONFIRMED", data: [] });
    expect([await pmoney(), await attempts(), pay.calls]).toEqual([5, [], []]);
    expect([await confirm(), await confirm()]).toEqual(["confirmed", "already"]);
    expect((await payment(orderId, coins)).code).toBe(0);
    expect(await pmoney()).toBe(2);
    expect((await s.rows()).audit_log).toMatchObject([
      { what: "phone.rebound", object: USER },
      { who: "operator", what: "user.confirm", object: USER },
    ]);
  });

  test("pays its own bills in cash, with none of the former one's coins", async () => {
    await giveCoins(5);
    me = { user: USER, ...(await s.person("user", USER, "another")) };
    await s.clock.advance(1000 as never);
    const orderId = await charging();
    expect(await payment(orderId, coins)).toMatchObject({ code: 5, reason: "PHONE_UNCONFIRMED" });
    expect((await payment(orderId)).code).toBe(0);
    expect(await pmoney()).toBe(5);
  });

  test("also when the former one has left it for another number long before", async () => {
    await giveCoins(5);
    await s.person("user", "13800000009", `openid-${USER}`);
    me = { user: USER, ...(await s.person("user", USER, "another")) };
    const orderId = await charging();
    expect(await payment(orderId, coins)).toMatchObject({ code: 5, reason: "PHONE_UNCONFIRMED" });
    await s.person("user", USER, "another");
    expect((await s.rows()).audit_log).toMatchObject([{ what: "phone.rebound", object: USER }]);
  });

  test("and bound back to the former one is theirs as before", async () => {
    await giveCoins(5);
    await s.person("user", USER, "another");
    me = { user: USER, ...(await s.person("user", USER)) };
    expect((await payment(await charging(), coins)).code).toBe(0);
  });
});

test("another person's order is as one that does not exist, in every method", async () => {
  const orderId = await charging();
  const before = await s.db.selectFrom("order_info").selectAll().execute();
  for (const id of [orderId, "90000000000000"]) {
    for (const method of ["getPowerOrder", "stopPowerOrder", "cancelPowerOrder", "queryOrderPay"]) {
      expect(await ofOrder(method, id, other)).toMatchObject({ code: 5, reason: "NOT_YOURS", data: [] });
    }
    expect(await payment(id, other)).toMatchObject({ code: 5, reason: "NOT_YOURS" });
  }
  expect(await s.db.selectFrom("order_info").selectAll().execute()).toEqual(before);
  expect(gateways.sent.map((c) => c.kind)).toEqual(["start"]);
});
