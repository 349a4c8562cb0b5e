import { seconds } from "@bluepower/protocol/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SESSIONS_MAX } from "../identity/sessions.ts";
import { type Scenario, scenario } from "./scenario.ts";
import { table } from "./table.ts";

const USER = "13800000001";
const MANAGER = "13900000001";

let s: Scenario;
beforeEach(async () => {
  s = await scenario({ table });
});
afterEach(() => s.close());

const one = (answer: { data: unknown }): Record<string, unknown> =>
  (answer.data as Record<string, unknown>[])[0] ?? {};
const logIn = async (openId: string, side: "user" | "manager" = "user"): Promise<{ session: string }> => ({
  session: String(one(await s.call(side, `${side}Login`, { jsCode: `code-${openId}` })).session),
});
const bind = (session: { session: string }, phone: string) =>
  s.call("user", "getUserPhone", { ...session, code: phone });
const name = (session: { session: string }, user: string) =>
  s.call("user", "getUserInfo", { ...session, user });

describe("login", () => {
  test("a session is 14 letters and digits that nobody can work out, and several live", async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => logIn("o1")));
    const texts = sessions.map((x) => x.session);
    expect(new Set(texts).size).toBe(3);
    for (const text of texts) expect(text).toMatch(/^[0-9A-Za-z]{14}$/);
    expect((await s.rows()).wx_info).toHaveLength(3);
  });

  test("the session key of WeChat leaves the server in no answer", async () => {
    const answer = await s.call("user", "userLogin", { jsCode: "code-o1" });
    expect(Object.keys(one(answer))).toEqual(["session"]);
    expect((await s.rows()).wx_info?.[0]).toMatchObject({ sessionKey: "key-of-o1", side: "user" });
  });

  test.each([
    ["bad", { code: 4, reason: "LOGIN_REFUSED" }],
    ["busy", { code: 999, reason: "WECHAT_UNAVAILABLE" }],
  ])("a code that WeChat answers with %s opens nothing", async (jsCode, expected) => {
    const before = await s.rows();
    expect(await s.call("user", "userLogin", { jsCode })).toMatchObject(expected);
    expect(await s.rows()).toEqual(before);
  });

  test("a session of one side is none on the other", async () => {
    const session = await logIn("o1");
    await bind(session, USER);
    expect(await s.call("manager", "getManagerInfo", { ...session, manager: USER })).toMatchObject({
      code: 4,
    });
  });

  test("of more than a hundred sessions of one openid the one used longest ago ends, nobody else's", async () => {
    const others = await logIn("o2");
    const first = await logIn("o1");
    await bind(first, USER);
    for (let i = 1; i < SESSIONS_MAX; i++) {
      if (i % 50 === 0) await s.clock.advance(seconds(60));
      await logIn("o1");
    }
    expect(await name(first, USER)).toMatchObject({ code: 0 });
    const newest = await logIn("o1");
    expect(await name(first, USER)).toMatchObject({ code: 4, reason: "SESSION" });
    expect(await name(newest, USER)).toMatchObject({ code: 0 });
    expect(await bind(others, "13800000002")).toMatchObject({ code: 0 });
    expect((await s.rows()).wx_info).toHaveLength(SESSIONS_MAX + 1);
  });

  test("60 logins a minute and address", async () => {
    const body = (): string => JSON.stringify(s.signed("user", { jsCode: "code-o1" }));
    for (let i = 0; i < 60; i++) expect((await s.send("user", "userLogin", body())).status).toBe(200);
    expect((await s.send("user", "userLogin", body())).status).toBe(429);
  });
});

describe("binding a phone number", () => {
  test("the first makes the user, without a name; a later login is bound already", async () => {
    const first = await logIn("o1");
    expect(await name(first, USER)).toMatchObject({ code: 4 });
    expect(await bind(first, USER)).toMatchObject({ code: 0, data: [{ phone: USER }] });
    expect(await name(first, USER)).toMatchObject({
      data: [{ userName: "", professionName: "", pmoney: 0, order: 0 }],
    });
    expect(await name(await logIn("o1"), USER)).toMatchObject({ code: 0 });
    expect((await s.rows()).user_info).toHaveLength(1);
    expect((await s.rows()).audit_log).toEqual([]);
  });

  test("once more by the same openid ends nothing", async () => {
    const sessions = [await logIn("o1"), await logIn("o1")];
    for (const session of sessions) await bind(session, USER);
    for (const session of sessions) expect(await name(session, USER)).toMatchObject({ code: 0 });
    expect((await s.rows()).audit_log).toEqual([]);
  });

  test("the old way needs the session key of this login", async () => {
    const session = await logIn("o1");
    const old = (iv: string) => s.call("user", "getUserPhone", { ...session, encryptData: USER, iv });
    expect(await old("key-of-o2")).toMatchObject({ code: 4, reason: "PHONE_REFUSED" });
    expect((await s.rows()).user_info).toEqual([]);
    expect(await old("key-of-o1")).toMatchObject({ code: 0, data: [{ phone: USER }] });
  });

  test("to another openid: the former one's sessions end, which is audited; others' go on", async () => {
    const former = [await logIn("o1"), await logIn("o1")];
    await bind(former[0] ?? { session: "" }, USER);
    const bystander = await logIn("o3");
    await bind(bystander, "13800000003");
    for (const one of former) expect(await name(one, USER)).toMatchObject({ code: 0 });
    const now = await logIn("o2");
    await bind(now, USER);
    for (const one of former) expect(await name(one, USER)).toMatchObject({ code: 4, reason: "SESSION" });
    expect(await name(now, USER)).toMatchObject({ code: 0 });
    expect(await name(bystander, "13800000003")).toMatchObject({ code: 0 });
    expect(await name(await logIn("o1"), USER)).toMatchObject({ code: 4 });
    expect((await s.rows()).audit_log).toMatchObject([
      { who: `user:${USER}`, what: "phone.rebound", object: USER },
    ]);
    expect((await s.rows()).user_info).toHaveLength(2);
  });

  test("the same phone number on the manager's side is another account with sessions of its own", async () => {
    const user = await logIn("o1");
    await bind(user, USER);
    const manager = await logIn("m1", "manager");
    await s.call("manager", "getManagerPhone", { ...manager, code: USER });
    expect(await name(user, USER)).toMatchObject({ code: 0 });
  });

  test.each([
    [{}, "either code, or encryptData and iv"],
    [{ encryptData: "x" }, "either code, or encryptData and iv"],
    [{ code: USER, iv: "x" }, "either code, or encryptData and iv"],
    [{ code: "with blank" }, "code: 1 to 128 visible ASCII characters"],
  ])("%j: %s", async (own: Record<string, string>, says) => {
    const session = await logIn("o1");
    const answer = await s.call("user", "getUserPhone", { ...session, ...own });
    expect(answer).toMatchObject({ code: 3, reason: "PARAMETER" });
    expect(answer.message).toContain(says);
  });

  test("WeChat out of reach: nothing is bound", async () => {
    const session = await logIn("o1");
    const before = await s.rows();
    expect(await bind(session, "busy")).toMatchObject({ code: 999, reason: "WECHAT_UNAVAILABLE" });
    expect(await bind(session, "bad")).toMatchObject({ code: 4, reason: "PHONE_REFUSED" });
    expect(await s.rows()).toEqual(before);
  });
});

describe("names", () => {
  test("a user's, answered with both spellings of the sentence", async () => {
    const session = await s.person("user", USER);
    const own = { ...session, user: USER, userName: " 王小明 " };
    expect(await s.call("user", "reportUserName", own)).toEqual({
      code: 0,
      message: "成功",
      data: [{ result: 0, reason: "", cause: "" }],
    });
    expect(await name(session, USER)).toMatchObject({ data: [{ userName: "王小明" }] });
  });

  test.each(["", "   ", "a\nb", "x".repeat(33), "a\u2028b", "\ud800"])("%j is no name", async (userName) => {
    const session = await s.person("user", USER);
    const before = await s.rows();
    const body = { ...s.signed("user", { ...session, user: USER, userName }) };
    const answer = await (await s.send("user", "reportUserName", JSON.stringify(body))).json();
    expect(answer).toMatchObject({ code: 3, reason: "PARAMETER" });
    expect(await s.rows()).toEqual(before);
  });

  test("nobody names somebody else", async () => {
    const session = await s.person("user", USER);
    await s.person("user", "13800000002");
    const own = { ...session, user: "13800000002", userName: "x" };
    expect(await s.call("user", "reportUserName", own)).toMatchObject({ code: 4, reason: "SESSION" });
  });

  test("a manager who waits for approval logs in, has a name and nothing else", async () => {
    const manager = await logIn("m1", "manager");
    await s.call("manager", "getManagerPhone", { ...manager, code: MANAGER });
    const own = { ...manager, manager: MANAGER };
    expect(await s.call("manager", "reportManagerName", { ...own, managerName: "李" })).toMatchObject({
      code: 0,
    });
    expect(await s.call("manager", "getManagerInfo", own)).toMatchObject({ data: [{ managerName: "李" }] });
    expect((await s.rows()).manager_info).toMatchObject([{ manager: MANAGER, approved: 0 }]);
  });
});

describe("documented mode", () => {
  beforeEach(async () => {
    await s.close();
    s = await scenario({ table, config: { authMode: "documented" } });
  });

  test("a call without a session is taken as the person it names, when there is one", async () => {
    await s.person("user", USER);
    expect(await s.call("user", "getUserInfo", { user: USER })).toMatchObject({ code: 0 });
    expect(await s.call("user", "getUserInfo", { user: "13800000002" })).toMatchObject({ code: 4 });
    expect(await s.call("user", "reportUserName", { user: USER, userName: "王" })).toMatchObject({ code: 0 });
  });

  test("a call with a session is checked as always", async () => {
    const session = await s.person("user", USER);
    await s.person("user", "13800000002");
    expect(await s.call("user", "getUserInfo", { ...session, user: USER })).toMatchObject({ code: 0 });
    const wrong = { session: "x".repeat(14), user: USER };
    expect(await s.call("user", "getUserInfo", wrong)).toMatchObject({ code: 4 });
    expect(await s.call("user", "getUserInfo", { ...session, user: "13800000002" })).toMatchObject({
      code: 4,
    });
  });

  test("a phone number is bound only to a session, and a pending manager stays pending", async () => {
    await s.person("user", USER);
    const before = await s.rows();
    expect(await s.call("user", "getUserPhone", { code: "13800000002" })).toMatchObject({ code: 4 });
    const named = { user: USER, code: "13800000002" };
    expect(await s.call("user", "getUserPhone", named)).toMatchObject({ code: 4 });
    expect(await s.rows()).toEqual(before);
    await s.person("manager", MANAGER);
    expect(await s.call("manager", "getManagerInfo", { manager: MANAGER })).toMatchObject({ code: 0 });
  });

  test("who names an order that does not exist gets what the owner of another would get", async () => {
    expect(await s.call("user", "cancelPowerOrder", { orderId: "90001234567890" })).toMatchObject({
      code: 5,
      reason: "NOT_YOURS",
    });
  });
});

describe("time", () => {
  test("getSystemTime is open and answers year, month, day in this order", async () => {
    expect(await s.call("user", "getSystemTime")).toMatchObject({
      code: 0,
      data: [{ time: "20261122103000" }],
    });
    await s.clock.advance(seconds(61));
    expect(await s.call("user", "getSystemTime")).toMatchObject({ data: [{ time: "20261122103101" }] });
  });
});
