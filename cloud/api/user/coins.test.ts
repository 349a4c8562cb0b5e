/** Coins are bought at WeChat and given to others: one file because both end in the same account. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit } from "../../audit/audit.ts";
import { managerScene, OTHER, type Scene, USER } from "../managerScene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(async () => {
  expect(await audit(scene.s.db)).toEqual([]);
  await scene.close();
});

const as = (method: string, own = {}, who = USER) => scene.as(who, method, own);
const done = { code: 0, data: [{ result: 0, reason: "" }] };
const pending = { code: 0, reason: "PENDING", data: [{ result: 1, reason: "支付处理中" }] };
const failed = { code: 0, reason: "FAILED", data: [{ result: 1, reason: "支付失败" }] };

describe("a purchase", () => {
  async function buy(pmoney = 5, own = {}): Promise<{ payId: string; number: string }> {
    const answer = await as("newPmoneyCharge", { pmoney, ...own });
    expect(answer).toMatchObject({ code: 0 });
    const [{ payId }] = answer.data as [{ payId: string }];
    const row = scene.s.db.selectFrom("pmoney_charge_pay").select("outTradeNo").where("payId", "=", payId);
    return { payId, number: (await row.executeTakeFirstOrThrow()).outTradeNo };
  }
  const tell = (number: string) => {
    const { headers, body } = scene.pay.told(number);
    return scene.payments.notified("transaction", headers, body);
  };
  const query = (payId: string, who = USER) => as("queryPmoneyPay", { payId }, who);
  const bought = async () => (await as("getPmoneyCharge", { startIndex: 0, pageSize: 10 })).data;

  test("credits its coins when WeChat tells of it, once however often it tells", async () => {
    const { payId, number } = await buy();
    expect(payId).toMatch(/^P0001[0-9]{6}$/);
    expect(scene.pay.transactions.get(number)).toMatchObject({ amount: 500, openId: `openid-${USER}` });
    expect([await query(payId), await scene.coins(USER)]).toMatchObject([pending, 0]);
    expect(await bought()).toEqual({ totalCount: 0, abstractList: [] });
    scene.pay.pay(number);
    await tell(number);
    await tell(number);
    expect([await query(payId), await scene.coins(USER)]).toMatchObject([done, 5]);
    expect(await query(payId)).toMatchObject(done);
    expect(await bought()).toEqual({
      totalCount: 1,
      abstractList: [{ payId, pmoney: 5, payTime: "2026-11-22 10:30:00" }],
    });
    expect(await as("getUserInfo")).toMatchObject({ data: [{ pmoney: 5 }] });
    expect(await scene.s.db.selectFrom("ledger_transfer").selectAll().execute()).toMatchObject([
      { fromAccount: "wechat_clearing", toAccount: `user_coins:${USER}`, amount: 500, reason: "COINS" },
    ]);
  });

  test("that WeChat never tells of is credited by a question, which is asked once in two seconds", async () => {
    const { payId, number } = await buy();
    scene.pay.pay(number);
    const asked = () => scene.pay.calls.filter((call) => call === `query ${number}`).length;
    scene.pay.faults.query.push("down");
    expect([await query(payId), await query(payId), asked()]).toMatchObject([pending, pending, 1]);
    await scene.s.clock.advance(2000 as never);
    expect([await query(payId), asked(), await scene.coins(USER)]).toMatchObject([done, 2, 5]);
    await tell(number);
    expect(await scene.coins(USER)).toBe(5);
  });

  test("that nobody pays is closed after 15 minutes and has failed", async () => {
    const { payId, number } = await buy();
    await scene.s.clock.advance((16 * 60_000) as never);
    expect(scene.pay.transactions.get(number)?.state).toBe("closed");
    expect([await query(payId), await scene.coins(USER)]).toMatchObject([failed, 0]);
    expect(await bought()).toMatchObject({ totalCount: 0 });
  });

  test("whose money comes late is credited all the same", async () => {
    const { payId, number } = await buy();
    await scene.s.clock.advance((16 * 60_000) as never);
    const late = scene.pay.transactions.get(number);
    if (late !== undefined) late.state = "open";
    scene.pay.pay(number);
    await tell(number);
    expect([await query(payId), await scene.coins(USER)]).toMatchObject([done, 5]);
    expect(await bought()).toMatchObject({ totalCount: 1 });
    expect(await scene.s.db.selectFrom("refund_info").selectAll().execute()).toEqual([]);
  });

  test("is two when it is asked for twice, one when the signed call is repeated", async () => {
    const timestamp = Math.floor(scene.s.clock.now() / 1000);
    const same = () => scene.as(USER, "newPmoneyCharge", { pmoney: 1 }, { timestamp });
    const [first, ...more] = await Promise.all([same(), same(), same()]);
    expect(more).toEqual([first, first]);
    expect(await same()).toEqual(first);
    const other = await buy(1);
    expect(first?.data).not.toMatchObject([{ payId: other.payId }]);
    const stored = scene.s.db.selectFrom("pmoney_charge_pay").selectAll();
    expect(await stored.execute()).toHaveLength(2);
  });

  test("of a browser is paid by h5; by jsapi only somebody with an openid can pay", async () => {
    const { session } = await scene.s.person("user", "13800000003", "");
    const who = { user: "13800000003", session, pmoney: 1 };
    expect(await as("newPmoneyCharge", who)).toMatchObject({ code: 5, reason: "NO_OPENID", data: [] });
    const answer = await as("newPmoneyCharge", { ...who, channel: "h5" });
    expect(answer).toMatchObject({ data: [{ package: expect.stringContaining('{"h5_url":"https://') }] });
  });

  test("is not opened when WeChat is down, and is nobody else's to ask about", async () => {
    scene.pay.faults.create.push("down", "down", "down");
    const answer = await as("newPmoneyCharge", { pmoney: 1 });
    expect(answer).toMatchObject({ code: 999, reason: "WECHAT_UNAVAILABLE" });
    const { payId } = await buy();
    const not = { code: 5, reason: "NOT_YOURS", data: [] };
    expect([await query(payId, OTHER), await query("P0001000000")]).toMatchObject([not, not]);
  });

  test.each([0, 1000, -1, "1.0", "1.5"])("of %s coins is code 3", async (pmoney) => {
    expect(await as("newPmoneyCharge", { pmoney })).toMatchObject({ code: 3, reason: "PARAMETER" });
    expect(scene.pay.calls).toEqual([]);
  });
});

describe("a gift", () => {
  const give = (pmoney: number, own = {}, who = USER) =>
    as("newPmoneyGift", { userTo: OTHER, pmoney, ...own }, who);
  const both = async () => [await scene.coins(USER), await scene.coins(OTHER)];
  const gifts = async (who = USER) => (await as("getPmoneyGift", { startIndex: 0, pageSize: 10 }, who)).data;
  beforeEach(() => scene.giveCoins(USER, 3));

  test("moves coins and is in both lists, each with the other's number and name", async () => {
    expect(await give(2)).toMatchObject(done);
    expect(await both()).toEqual([1, 2]);
    const row = {
      giftId: expect.stringMatching(/^G0102[0-9]{6}$/),
      pmoney: 2,
      giftTime: "2026-11-22 10:30:00",
    };
    expect([await gifts(), await gifts(OTHER)]).toEqual([
      { totalCount: 1, abstractList: [{ ...row, fromTo: 0, user: OTHER, name: "乙" }] },
      { totalCount: 1, abstractList: [{ ...row, fromTo: 1, user: USER, name: "甲" }] },
    ]);
    expect(await give(1, { userTo: USER }, OTHER)).toMatchObject(done);
    expect(await gifts()).toMatchObject({ totalCount: 2, abstractList: [{ fromTo: 1 }, { fromTo: 0 }] });
  });

  test("never goes below zero, also not when two are given at once; identical calls are one", async () => {
    const before = await scene.s.rows();
    expect(await give(4)).toMatchObject({ code: 5, reason: "COINS_SHORT", data: [] });
    expect(await scene.s.rows()).toEqual(before);
    const answers = await Promise.all([give(2), give(2), give(2)]);
    expect(answers.map((a) => a.reason ?? "done").sort()).toEqual(["COINS_SHORT", "COINS_SHORT", "done"]);
    expect(await both()).toEqual([1, 2]);
    const timestamp = Math.floor(scene.s.clock.now() / 1000);
    const own = { userTo: OTHER, pmoney: 1 };
    const same = () => scene.as(USER, "newPmoneyGift", own, { timestamp });
    expect(await Promise.all([same(), same()])).toMatchObject([done, done]);
    expect(await both()).toEqual([0, 3]);
  });

  test("does not take what is held for a payment", async () => {
    const order = { deviceCode: "PHONED01", port: 1, unitPrice: "1.50", unit: 2, money: "3.00" };
    const [{ orderId }] = (await as("newPowerOrder", order)).data as [{ orderId: string }];
    expect(await as("payPowerOrder", { orderId, money: 3, pmoney: 2, cash: 1 })).toMatchObject({ code: 0 });
    expect(await give(2)).toMatchObject({ reason: "COINS_SHORT" });
    expect(await give(1)).toMatchObject(done);
  });

  test("to oneself, to nobody known, of nothing, or in another's name is refused and changes nothing", async () => {
    const before = await scene.s.rows();
    expect(await give(1, { userTo: USER })).toMatchObject({ code: 3, reason: "PARAMETER" });
    expect(await give(1, { userTo: "13800000099" })).toMatchObject({ code: 3, reason: "USER_UNKNOWN" });
    expect(await give(0)).toMatchObject({ code: 3 });
    expect(await give(1, { userFrom: OTHER, userTo: USER })).toMatchObject({ code: 4, reason: "SESSION" });
    expect(await scene.s.rows()).toEqual(before);
  });

  test("from a number that has moved to another openid waits until somebody has confirmed the person", async () => {
    const { session } = await scene.s.person("user", USER, "openid-another");
    const answer = await give(1, { session });
    expect(answer).toMatchObject({ code: 5, reason: "PHONE_UNCONFIRMED", data: [] });
    expect(await both()).toEqual([3, 0]);
    expect(await as("newPmoneyCharge", { session, pmoney: 1 })).toMatchObject({ code: 0 });
  });
});

test("trades: what is listed can be had, and nothing else", async () => {
  const list = await as("getProfessionList", { user: null });
  expect(list.data).toContainEqual({ professionId: 2, professionName: "钢筋工" });
  expect(await as("reportUserProfession", { professionId: 2 })).toMatchObject(done);
  expect(await as("getUserInfo")).toMatchObject({ data: [{ professionName: "钢筋工" }] });
  expect(await as("reportUserProfession", { professionId: 999 })).toMatchObject({ code: 3 });
  expect(await as("getUserInfo")).toMatchObject({ data: [{ professionName: "钢筋工" }] });
});
