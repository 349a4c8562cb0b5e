import { createDecipheriv } from "node:crypto";
import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AppName } from "./credentials.ts";
import { call, freeSandbox, get, jsapiBody, post, requestPayment } from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await freeSandbox();
});
afterAll(() => sandbox.close());

const control = (path: string, body: unknown) => post(sandbox.controlUrl + path, body);
const loginCode = async (app: AppName, openid: string): Promise<string> =>
  String((await control("/login-code", { app, openid })).body.jsCode);

function jscode2session(
  code: string,
  more: { app?: AppName; secret?: string; grant?: string; at?: Sandbox } = {},
) {
  const at = more.at ?? sandbox;
  const { appid, secret } = at.credentials.apps[more.app ?? "user"];
  const query = new URLSearchParams({
    appid,
    secret: more.secret ?? secret,
    js_code: code,
    grant_type: more.grant ?? "authorization_code",
  });
  return get(`${at.wireUrl}/sns/jscode2session?${query}`);
}

async function token(app: AppName, force_refresh = false): Promise<string> {
  const { appid, secret } = sandbox.credentials.apps[app];
  const { body } = await post(`${sandbox.wireUrl}/cgi-bin/stable_token`, {
    grant_type: "client_credential",
    appid,
    secret,
    force_refresh,
  });
  expect(body.expires_in).toBeLessThanOrEqual(7200);
  return String(body.access_token);
}

const withToken = async (path: string, body: unknown, of: { app?: AppName; token?: string } = {}) =>
  (await post(`${sandbox.wireUrl}${path}?access_token=${of.token ?? (await token(of.app ?? "user"))}`, body))
    .body;

function decrypted(encryptData: string, iv: string, sessionKey: string): unknown {
  const decipher = createDecipheriv(
    "aes-128-cbc",
    Buffer.from(sessionKey, "base64"),
    Buffer.from(iv, "base64"),
  );
  return JSON.parse(decipher.update(encryptData, "base64", "utf8") + decipher.final("utf8"));
}

describe("a login code", () => {
  test("names the person once and is 40163 after that", async () => {
    const code = await loginCode("user", "demo-user-1");
    expect(await jscode2session(code)).toMatchObject({
      openid: "demo-user-1",
      session_key: expect.stringMatching(/^.{22}==$/),
    });
    const again = await jscode2session(code);
    expect(again).toMatchObject({ errcode: 40163 });
    expect(again).not.toHaveProperty("session_key");
  });

  test("of the other app, of nobody, or with wrong credentials is refused and not used up", async () => {
    const code = await loginCode("manager", "demo-manager-1");
    expect(await jscode2session(code)).toMatchObject({ errcode: 40029 });
    expect(await jscode2session("nobody")).toMatchObject({ errcode: 40029 });
    expect(await jscode2session(code, { app: "manager", secret: "0" })).toMatchObject({ errcode: 40125 });
    expect(await jscode2session(code, { app: "manager", grant: "password" })).toMatchObject({
      errcode: 40002,
    });
    expect(await jscode2session(code, { app: "manager" })).toMatchObject({ openid: "demo-manager-1" });
  });

  test("is no code any more after five minutes", async () => {
    const clock = new SimulatedClock(instant(Date.now()));
    const slow = await freeSandbox({ clock });
    const { body } = await post(`${slow.controlUrl}/login-code`, { app: "user", openid: "demo-user-1" });
    await clock.advance(seconds(300));
    expect(await jscode2session(String(body.jsCode), { at: slow })).toMatchObject({ errcode: 40029 });
    await slow.close();
  });
});

describe("a phone number", () => {
  const mint = async (openid: string, app: AppName = "user") =>
    (await control("/phone", { app, openid, phone: "13580006666" })).body as {
      encryptData: string;
      iv: string;
      code: string;
    };

  test("can be read with the session key of the login", async () => {
    const { session_key } = await jscode2session(await loginCode("user", "reader"));
    const { encryptData, iv } = await mint("reader");
    expect(decrypted(encryptData, iv, String(session_key))).toMatchObject({
      phoneNumber: "13580006666",
      purePhoneNumber: "13580006666",
      countryCode: "86",
      watermark: { appid: sandbox.credentials.apps.user.appid },
    });
  });

  test("cannot be read with a session key that was renewed", async () => {
    const { session_key } = await jscode2session(await loginCode("user", "renewed"));
    await control("/expire-session", { app: "user", openid: "renewed" });
    const { encryptData, iv } = await mint("renewed");
    expect(() => decrypted(encryptData, iv, String(session_key))).toThrow();
    const { session_key: next } = await jscode2session(await loginCode("user", "renewed"));
    expect(decrypted(encryptData, iv, String(next))).toMatchObject({ phoneNumber: "13580006666" });
  });

  test("is given for its code once, to the app it is for", async () => {
    const { code } = await mint("coder");
    const path = "/wxa/business/getuserphonenumber";
    expect(await withToken(path, { code }, { app: "manager" })).toMatchObject({ errcode: 40029 });
    expect(await withToken(path, { code })).toMatchObject({
      errcode: 0,
      phone_info: {
        purePhoneNumber: "13580006666",
        watermark: { appid: sandbox.credentials.apps.user.appid },
      },
    });
    expect(await withToken(path, { code })).toMatchObject({ errcode: 40029 });
  });
});

describe("an access token", () => {
  test("stays the same until it is renewed by force, which ends it", async () => {
    const first = await token("user");
    expect(await token("user")).toBe(first);
    expect(await token("manager")).not.toBe(first);
    const second = await token("user", true);
    expect(second).not.toBe(first);
    const path = "/wxa/sec/order/is_trade_managed";
    const { appid } = sandbox.credentials.apps.user;
    expect(await withToken(path, { appid }, { token: first })).toMatchObject({ errcode: 40001 });
    expect(await withToken(path, { appid }, { token: second })).toMatchObject({
      errcode: 0,
      is_trade_managed: true,
    });
    expect(await withToken(path, { appid }, { token: "" })).toMatchObject({ errcode: 41001 });
  });

  test("is refused to a wrong secret", async () => {
    const { appid } = sandbox.credentials.apps.user;
    const { body } = await post(`${sandbox.wireUrl}/cgi-bin/stable_token`, {
      grant_type: "client_credential",
      appid,
      secret: "0",
    });
    expect(body).toMatchObject({ errcode: 40125 });
    expect(body).not.toHaveProperty("access_token");
  });
});

describe("a subscribe message", () => {
  const send = (touser: string, data: unknown, more: Record<string, unknown> = {}) =>
    withToken("/cgi-bin/message/subscribe/send", {
      touser,
      template_id: "TPL",
      page: "pages/order",
      data,
      ...more,
    });
  const good = { thing2: { value: "充电完成" }, time4: { value: "2026年11月22日 15:01" } };
  const messagesTo = async (to: string) =>
    ((await get(`${sandbox.controlUrl}/messages`)).messages as { to: string }[]).filter(
      (message) => message.to === to,
    );

  test("needs a consent for each and is in the box when the call has answered", async () => {
    await control("/subscribe", { app: "user", openid: "subscriber", templateId: "TPL" });
    expect(await send("subscriber", good)).toMatchObject({ errcode: 0 });
    expect(await messagesTo("subscriber")).toMatchObject([
      { kind: "subscribe", params: { thing2: "充电完成", time4: "2026年11月22日 15:01" }, template: "TPL" },
    ]);
    expect(await send("subscriber", good)).toMatchObject({ errcode: 43101 });
    expect(await messagesTo("subscriber")).toHaveLength(1);
  });

  test.each([
    { name: "21 characters in a thing", data: { thing1: { value: "电".repeat(21) } }, errcode: 47003 },
    { name: "Chinese in a character_string", data: { character_string1: { value: "电" } }, errcode: 47003 },
    { name: "six characters in a phrase", data: { phrase1: { value: "正在充电桩上" } }, errcode: 47003 },
    { name: "letters in a number", data: { number1: { value: "a" } }, errcode: 47003 },
    { name: "an ISO time", data: { time1: { value: "2026-11-22T15:01:00Z" } }, errcode: 47003 },
    { name: "a kind that does not exist", data: { text1: { value: "a" } }, errcode: 47003 },
    { name: "no data", data: {}, errcode: 47003 },
  ])("with $name is refused and costs no consent", async ({ name, data, errcode }) => {
    const openid = `limit-${Buffer.from(name).toString("hex").slice(0, 24)}`;
    const before = await control("/subscribe", { app: "user", openid, templateId: "TPL" });
    expect(await send(openid, data)).toMatchObject({ errcode });
    expect(await messagesTo(openid)).toHaveLength(0);
    const after = await control("/subscribe", { app: "user", openid, templateId: "TPL" });
    expect(after.body.left).toBe(Number(before.body.left) + 1);
  });

  test("to nobody or with a page that is none is refused", async () => {
    expect(await send("stranger", good)).toMatchObject({ errcode: 40003 });
    expect(await send("subscriber", good, { page: "/pages/order" })).toMatchObject({ errcode: 41030 });
  });
});

test("a mini-program code is an image, or JSON when the scene is too long", async () => {
  const ask = async (scene: string) =>
    await fetch(`${sandbox.wireUrl}/wxa/getwxacodeunlimit?access_token=${await token("user")}`, {
      method: "POST",
      body: JSON.stringify({ scene, page: "pages/device" }),
    });
  const image = await ask("DEMO0001");
  expect(image.headers.get("Content-Type")).toBe("image/png");
  expect(
    Buffer.from(await image.arrayBuffer())
      .subarray(1, 4)
      .toString(),
  ).toBe("PNG");
  const refused = await ask("x".repeat(33));
  expect(refused.headers.get("Content-Type")).toContain("application/json");
  expect(await refused.json()).toMatchObject({ errcode: 40169 });
});

test("shipping is told once, for a paid transaction, with the one who paid", async () => {
  const body = jsapiBody(sandbox.credentials);
  const order = await call(sandbox, "POST", "/v3/pay/transactions/jsapi", body);
  const payment = requestPayment(sandbox.credentials, order.body.prepay_id);
  const { body: paid } = await control("/pay", { ...payment, notify: "never" });
  const ship = (transaction_id: unknown, openid: string) =>
    withToken("/wxa/sec/order/upload_shipping_info", {
      order_key: { order_number_type: 2, transaction_id },
      logistics_type: 3,
      delivery_mode: 1,
      shipping_list: [{ item_desc: "充电" }],
      upload_time: "2026-11-22T15:01:02.000+08:00",
      payer: { openid },
    });
  const refund = async (): Promise<void> => {
    const amount = { refund: 150, total: 150, currency: "CNY" };
    const body = { transaction_id: paid.transaction_id, out_refund_no: "ship-1", amount };
    expect(await call(sandbox, "POST", "/v3/refund/domestic/refunds", body)).toMatchObject({ status: 200 });
  };
  expect(await ship("4200", "demo-user-1")).toMatchObject({ errcode: 10060001 });
  expect(await ship(paid.transaction_id, "demo-user-2")).toMatchObject({ errcode: 10060014 });
  expect(await ship(paid.transaction_id, "demo-user-1")).toMatchObject({ errcode: 0 });
  expect(await ship(paid.transaction_id, "demo-user-1")).toMatchObject({ errcode: 10060002 });
  await refund();
  expect(await ship(paid.transaction_id, "demo-user-1")).toMatchObject({ errcode: 10060004 });
});

describe("faults of the login", () => {
  const fault = (kind: string) => control("/fault", { on: "login", kind, times: 1 });

  test("500 and 429 leave the code good", async () => {
    const code = await loginCode("user", "demo-user-1");
    await fault("500");
    const query = new URLSearchParams({ js_code: code });
    expect((await fetch(`${sandbox.wireUrl}/sns/jscode2session?${query}`)).status).toBe(500);
    await fault("429");
    expect(await jscode2session(code)).toMatchObject({ errcode: 45011 });
    expect(await jscode2session(code)).toMatchObject({ openid: "demo-user-1" });
  });

  test("timeout-after-commit uses the code up", async () => {
    const code = await loginCode("user", "demo-user-1");
    await fault("timeout-after-commit");
    const { appid, secret } = sandbox.credentials.apps.user;
    const query = new URLSearchParams({ appid, secret, js_code: code, grant_type: "authorization_code" });
    const asked = fetch(`${sandbox.wireUrl}/sns/jscode2session?${query}`, {
      signal: AbortSignal.timeout(300),
    });
    await expect(asked).rejects.toThrow();
    expect(await jscode2session(code)).toMatchObject({ errcode: 40163 });
  });
});
