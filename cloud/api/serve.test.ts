import { createHash } from "node:crypto";
import { seconds } from "@bluepower/protocol/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loopTable, type Seen } from "./loopTable.ts";
import { type Scenario, START, scenario } from "./scenario.ts";

const USER = "13800000001";
const OTHER = "13800000002";
const MANAGER = "13900000001";

let seen: Seen;
let s: Scenario;
let session: string;
beforeEach(async () => {
  seen = { ran: [], gate: Promise.resolve() };
  s = await scenario({ table: loopTable(seen) });
  ({ session } = await s.person("user", USER));
});
afterEach(() => s.close());

const now = (): number => Math.floor(s.clock.now() / 1000);
/** A refusal runs nothing and changes nothing. */
async function refused(answer: () => Promise<unknown>): Promise<unknown> {
  const before = await s.rows();
  const got = await answer();
  expect(seen.ran).toEqual([]);
  expect(await s.rows()).toEqual(before);
  return got;
}

describe("what never reaches a method", () => {
  const status = async (body: string, headers = {}, method = "getEcho"): Promise<number> =>
    (await s.send("user", method, body, headers)).status;

  test("a GET is 405 and says what is allowed, an unknown method 404", async () => {
    const path = "/oapi/bluepower_user/1_0/getEcho";
    const answer = await s.app.request(path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await status("{}", {}, "getNothing")).toBe(404);
    expect((await s.app.request("/oapi/bluepower_user/1_0/getNothing")).status).toBe(404);
    expect(await status("{}", {}, "getShop")).toBe(404);
  });

  test.each([
    [{ "content-encoding": "gzip" }, 415],
    [{ "content-encoding": "identity" }, 200],
    [{ "content-type": "application/json; charset=gbk" }, 415],
    [{ "content-type": 'application/json;charset="UTF-8"' }, 200],
    [{ "content-type": "application/x-www-form-urlencoded; charset=utf8" }, 200],
  ])("%j: HTTP %i", async (headers, expected) => {
    expect(await status("{}", headers)).toBe(expected);
  });

  test("another content type is 415, a parameter of the type is not minded", async () => {
    expect(await status("{}", { "content-type": "text/plain" })).toBe(415);
    expect(await status("{}", { "content-type": "application/json; charset=UTF-8" })).toBe(200);
    expect(await status("a=1", { "content-type": "application/x-www-form-urlencoded" })).toBe(200);
  });

  test("a body over 64 KiB is 413, also when it does not say its length", async () => {
    const longest = `{"a":"${"x".repeat(64 * 1024 - 8)}"}`;
    expect(longest).toHaveLength(64 * 1024);
    expect(await status(longest)).toBe(200);
    expect(await status(`${longest} `)).toBe(413);
    expect(await status(`${longest} `, { "content-length": String(64 * 1024 + 1) })).toBe(413);
  });
});

describe("form (code 3)", () => {
  const answer = async (body: string): Promise<unknown> =>
    await refused(async () => await (await s.send("user", "getEcho", body)).json());

  test.each([
    ["[]", "the body is no JSON object"],
    ["{", "the body is no JSON object"],
    ['{"appId":"a","appId":"a"}', "appId is given twice"],
    ['{"appId":["a"]}', "appId is one text or number"],
    ["{}", "appId: missing"],
    ['{"appId":""}', "appId: missing"],
    ['{"appId":"a","appKey":null}', "appKey: missing"],
    ['{"appId":"a","appKey":"b","timestamp":1}', "signature: missing"],
    ['{"appId":"a","appKey":"b","timestamp":1e9,"signature":"x"}', "timestamp: UNIX seconds, plain digits"],
    ['{"appId":"a","appKey":"b","timestamp":"-1","signature":"x"}', "timestamp: UNIX seconds, plain digits"],
  ])("%s: %s", async (body, problem) => {
    expect(await answer(body)).toEqual({
      code: 3,
      message: `参数错误：${problem}`,
      reason: "PARAMETER",
      data: [],
    });
  });

  test("bytes that are no UTF-8", async () => {
    const path = "/oapi/bluepower_user/1_0/getEcho";
    const body = new Uint8Array([0x7b, 0xff, 0x7d]);
    const got = await s.app.request(path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect(await got.json()).toMatchObject({ code: 3, message: "参数错误：the body is no UTF-8 text" });
  });
});

describe("app, timestamp, signature, in this order", () => {
  const send = async (body: Record<string, unknown>): Promise<unknown> =>
    await refused(async () => await (await s.send("user", "getEcho", JSON.stringify(body))).json());

  test("an unknown app and the app of the other side are code 4, before anything else is looked at", async () => {
    const good = s.signed("user", { user: USER, session });
    for (const wrong of [
      { ...good, appId: "someone" },
      { ...good, appKey: "wrong" },
      { ...s.signed("manager", { user: USER, session }) },
      { ...good, appKey: "wrong", timestamp: 5, signature: "x" },
    ]) {
      expect(await send(wrong)).toMatchObject({ code: 4, reason: "APP_UNKNOWN", data: [] });
    }
  });

  test.each([
    [-301, 1],
    [-300, 0],
    [300, 0],
    [301, 1],
  ])("a timestamp %i s from the server's clock: code %i", async (off, code) => {
    const answer = await s.call("user", "getEcho", { session }, { timestamp: now() + off });
    expect(answer).toMatchObject({ code });
    if (code === 1) expect(answer).toMatchObject({ reason: "TIMESTAMP", serverTime: now(), data: [] });
    else expect(answer).not.toHaveProperty("serverTime");
  });

  test("an old timestamp is said before a wrong signature", async () => {
    expect(await send({ ...s.signed("user", {}, { timestamp: 1 }), signature: "x" })).toMatchObject({
      code: 1,
    });
  });

  test("a wrong signature is said before a wrong session and wrong parameters", async () => {
    const body = { ...s.signed("user", { session: "none", bad: 1 }), signature: "AAAAAAAAAAAAAAAAAAAAAA==" };
    expect(await send(body)).toMatchObject({ code: 2, reason: "SIGNATURE", data: [] });
  });

  test("every parameter is signed: a changed, an added and a removed one are code 2", async () => {
    const good = s.signed("user", { session, unit: 3 });
    const { unit: _, ...less } = good;
    for (const body of [{ ...good, unit: 4 }, { ...good, money: 1 }, less, { ...good, unit: "03" }]) {
      expect(await send(body)).toMatchObject({ code: 2 });
    }
  });
});

describe("the signature", () => {
  /** Signed by hand, as the document says: sorted by ASCII, joined, the jam code at the end. */
  const own = (text: string): Buffer =>
    createHash("md5").update(`${text}24bD5w1af2bC616fc677cAe6If44F3q5`).digest();
  const code = async (body: string, headers = {}): Promise<number> =>
    ((await (await s.send("user", "getEcho", body, headers)).json()) as { code: number }).code;
  const at = START / 1000;
  const parameters = (more: string): string => `appIduser-app-idappKeyuser-app-key${more}`;

  test("a number counts as its literal is written; upper case before lower case", async () => {
    const signature = own(parameters(`money1.50session${session}timestamp${at}unit3`)).toString("base64");
    const rest = `"appId":"user-app-id","appKey":"user-app-key","session":"${session}","timestamp":${at},"unit":3`;
    expect(await code(`{${rest},"money":1.50,"signature":"${signature}"}`)).toBe(0);
    expect(await code(`{${rest},"money":"1.50","signature":"${signature}"}`)).toBe(0);
    expect(await code(`{${rest},"money":1.5,"signature":"${signature}"}`)).toBe(2);
  });

  test("both base64 forms are taken, hexadecimal digits are not", async () => {
    const hash = own(parameters(`session${session}timestamp${at}`));
    const body = (signature: string): string =>
      `{"appId":"user-app-id","appKey":"user-app-key","session":"${session}","timestamp":"${at}","signature":"${signature}"}`;
    expect(await code(body(hash.toString("base64")))).toBe(0);
    expect(await code(body(Buffer.from(hash.toString("hex")).toString("base64")))).toBe(0);
    expect(await code(body(hash.toString("hex")))).toBe(2);
  });

  test("null enters neither by name nor by value; an empty text enters by its name and counts as absent", async () => {
    const signature = own(parameters(`moneysession${session}timestamp${at}`)).toString("base64");
    const body = `{"appId":"user-app-id","appKey":"user-app-key","session":"${session}","timestamp":${at},"unit":null,"money":"","signature":"${signature}"}`;
    expect(await code(body)).toBe(0);
  });

  test("a form body is signed by its decoded values", async () => {
    const signature = own(parameters(`session${session}timestamp${at}unit12`)).toString("base64");
    const body = new URLSearchParams({
      appId: "user-app-id",
      appKey: "user-app-key",
      session,
      timestamp: String(at),
      unit: "12",
      signature,
    });
    expect(await code(String(body), { "content-type": "application/x-www-form-urlencoded" })).toBe(0);
  });
});

describe("identity (code 4)", () => {
  const SESSION = { code: 4, reason: "SESSION", data: [] };
  const read = async (own: Record<string, string>, method = "getEcho"): Promise<unknown> =>
    await refused(() => s.call("user", method, own));

  test("no session, an unknown one, one of the other side, one without a phone number", async () => {
    const manager = await s.person("manager", MANAGER);
    await s.person("user", OTHER);
    for (const own of [{}, { user: USER }, { session: "" }, { session: "x".repeat(14) }, manager]) {
      expect(await read(own)).toMatchObject(SESSION);
    }
    await s.db.updateTable("wx_info").set({ phone: null }).where("session", "=", session).execute();
    expect(await read({ session })).toMatchObject(SESSION);
  });

  test("a session for another's number is refused, before the parameters are looked at", async () => {
    await s.person("user", OTHER);
    expect(await read({ session, user: OTHER, unit: "bad" })).toMatchObject(SESSION);
    expect(await read({ session, user: OTHER }, "openTime")).toMatchObject(SESSION);
    expect(await read({ session, userFrom: OTHER })).toMatchObject(SESSION);
  });

  test("an open method takes no session, a good one, and neither a bad one nor a bare phone number", async () => {
    expect(await s.call("user", "openTime")).toMatchObject({ code: 0, data: [{ phone: "nobody" }] });
    expect(await s.call("user", "openTime", { session })).toMatchObject({ data: [{ phone: USER }] });
    expect(await read({ session: "x".repeat(14) }, "openTime")).toMatchObject(SESSION);
    expect(await read({ user: USER }, "openTime")).toMatchObject(SESSION);
  });

  test("a session lives thirty days from its last use", async () => {
    for (let i = 0; i < 3; i++) {
      await s.clock.advance(seconds(20 * 24 * 3600));
      expect(await s.call("user", "getEcho", { session })).toMatchObject({ code: 0 });
    }
    seen.ran = [];
    await s.clock.advance(seconds(30 * 24 * 3600 + 1));
    expect(await read({ session })).toMatchObject(SESSION);
  });

  test("on the manager's side `user` is the method's own parameter", async () => {
    const manager = await s.person("manager", MANAGER);
    await s.db.updateTable("manager_info").set({ approved: 1 }).execute();
    expect(await s.call("manager", "getShop", { ...manager, user: USER, manager: MANAGER })).toMatchObject({
      data: [{ phone: MANAGER }],
    });
  });
});

describe("permission (code 5)", () => {
  test("a manager waits for approval", async () => {
    const manager = await s.person("manager", MANAGER);
    const pending = await refused(() => s.call("manager", "getShop", manager));
    expect(pending).toMatchObject({ code: 5, reason: "MANAGER_PENDING" });
    // Before the method's own parameters are looked at.
    const unknown = await refused(() => s.call("manager", "getShop", { ...manager, colour: "red" }));
    expect(unknown).toMatchObject({ code: 5, reason: "MANAGER_PENDING" });
    await s.db.updateTable("manager_info").set({ approved: 1 }).execute();
    expect(await s.call("manager", "getShop", manager)).toMatchObject({ code: 0 });
  });
});

describe("the method's own parameters (code 3)", () => {
  test.each([
    [{ unit: "0" }, "unit: a whole number from 1 to 12"],
    [{ unit: 13 }, "unit: a whole number from 1 to 12"],
    [{ unit: "1.0" }, "unit: a whole number from 1 to 12"],
    [{ unit: "1e1" }, "unit: a whole number from 1 to 12"],
    [{ unit: "٣" }, "unit: a whole number from 1 to 12"],
    [{ unit: true }, "unit: a text or a number"],
    [{ money: "1.505" }, "money: yuan from 0 to 999.99 with at most two decimals"],
    [{ money: -1 }, "money: yuan"],
    [{ money: "NaN" }, "money: yuan"],
    [{ money: 1000 }, "money: yuan"],
    [{ money: "01" }, "money: yuan"],
    [{ deviceCode: "DEMO0001 " }, "deviceCode: 8 letters or digits"],
    [{ deviceCode: "DEMО0001" }, "deviceCode: 8 letters or digits"],
    [{ colour: "red" }, "colour: unknown to getEcho"],
    [{ __proto__x: "a" }, "__proto__x: unknown to getEcho"],
    [{ "a\nb": "x" }, "a parameter: unknown to getEcho"],
    [{ manager: MANAGER }, "manager: unknown to getEcho"],
    [{ userFrom: USER }, "userFrom: unknown to getEcho"],
  ])("%j: %s", async (own: Record<string, string | number | boolean>, says) => {
    const answer = await refused(() => s.call("user", "getEcho", { session, ...own }));
    expect(answer).toMatchObject({ code: 3, reason: "PARAMETER", data: [] });
    expect((answer as { message: string }).message).toContain(says);
  });

  test("the same value as a number and as a text, and yuan come back as yuan", async () => {
    for (const money of [1.5, "1.5", "1.50"]) {
      expect(await s.call("user", "getEcho", { session, money, unit: "12" })).toMatchObject({
        data: [{ money: 1.5 }],
      });
    }
  });
});

describe("answers", () => {
  test("what the output schema does not name does not leave the server", async () => {
    const answer = await s.call("user", "getEcho", { session });
    expect(answer).toEqual({ code: 0, message: "成功", data: [{ phone: USER, money: 0 }] });
  });

  test("an answer that breaks its schema is 999, and the change is undone", async () => {
    const before = await s.rows();
    const own = { session, name: "a", outcome: "wrong answer" };
    expect(await s.call("user", "putSetting", own)).toMatchObject({
      code: 999,
      reason: "INTERNAL",
      data: [],
    });
    expect(await s.rows()).toEqual(before);
  });

  test("a crash is 999, says nothing of itself, is logged and undone", async () => {
    const before = await s.rows();
    const answer = await s.call("user", "putSetting", { session, name: "a", outcome: "crash" });
    expect(answer).toEqual({ code: 999, message: "系统繁忙，请稍后再试", reason: "INTERNAL", data: [] });
    expect(s.lines.join()).toContain("disk full");
    expect(await s.rows()).toEqual(before);
  });

  test("a reason of code 0 is ResultInfo with result 1, and the change is undone", async () => {
    const before = await s.rows();
    expect(await s.call("user", "putSetting", { session, name: "a", outcome: "result 1" })).toEqual({
      code: 0,
      message: "正在充电，不能取消",
      reason: "ORDER_RUNNING",
      data: [{ result: 1, reason: "正在充电，不能取消" }],
    });
    expect(await s.rows()).toEqual(before);
  });

  test("one log line a call, without session, signature, key and whole phone number", async () => {
    s.lines.length = 0;
    const body = s.signed("user", { session, user: USER });
    await s.send("user", "getEcho", JSON.stringify(body));
    expect(s.lines).toHaveLength(1);
    const line = s.lines.join();
    expect(JSON.parse(line)).toMatchObject({ method: "getEcho", code: "0", phone: "138****0001" });
    for (const secret of [session, body.signature, body.appKey, USER]) expect(line).not.toContain(secret);
  });
});
