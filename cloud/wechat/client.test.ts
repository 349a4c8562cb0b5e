import { createCipheriv } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { weChat } from "./client.ts";
import { decryptUserData } from "./userData.ts";
import type { WeChat } from "./wechat.ts";

const NOW = 1_795_314_600;
const APP = { appid: "wx-user", secret: "the-secret" };
const PHONE = "13580006666";

let clock: SimulatedClock;
let server: Server;
let client: WeChat;
let asked: { url: URL; body: unknown }[];
let answers: Record<string, (() => unknown)[]>;
beforeEach(async () => {
  clock = new SimulatedClock(instant(NOW * 1000));
  asked = [];
  answers = {};
  server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    const body = await textOf(request);
    asked.push({ url, body: body === "" ? undefined : JSON.parse(body) });
    const answer = answers[url.pathname]?.shift()?.();
    if (answer === undefined) return void response.destroy();
    if (typeof answer === "number") response.writeHead(answer);
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  client = weChat({ apiUrl: `http://127.0.0.1:${port}`, apps: { user: APP, manager: null }, clock });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const LOGIN = "/sns/jscode2session";
const TOKEN = "/cgi-bin/stable_token";
const NUMBER = "/wxa/business/getuserphonenumber";
const token =
  (value: string, expires = 7200) =>
  () => ({ access_token: value, expires_in: expires });
const info = (more = {}) => ({
  phoneNumber: `+86${PHONE}`,
  purePhoneNumber: PHONE,
  countryCode: "86",
  watermark: { appid: APP.appid, timestamp: NOW },
  ...more,
});
const number =
  (more = {}) =>
  () => ({ errcode: 0, errmsg: "ok", phone_info: info(more) });

describe("login", () => {
  test("the code and the app's credentials are sent, openid and session key come back", async () => {
    answers[LOGIN] = [() => ({ openid: "o1", session_key: "k1", unionid: "u" })];
    expect(await client.login("user", "c+1")).toEqual({ kind: "ok", openId: "o1", sessionKey: "k1" });
    expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toEqual({
      appid: "wx-user",
      secret: "the-secret",
      js_code: "c+1",
      grant_type: "authorization_code",
    });
  });

  test.each([
    [40029, "refused"],
    [40163, "refused"],
    [40226, "refused"],
    [-1, "unavailable"],
    [45011, "unavailable"],
    [40125, "unavailable"],
  ])("errcode %i is %s, and the detail has no secret", async (errcode, kind) => {
    answers[LOGIN] = [() => ({ errcode, errmsg: "the-secret" })];
    expect(await client.login("user", "c")).toEqual({ kind, detail: `errcode ${errcode}` });
  });

  test.each([
    ["a 500", () => 500],
    ["a 429", () => 429],
    ["a cut connection", () => undefined],
    ["no JSON", () => "<html>"],
    ["null", () => "null"],
    ["an answer without an openid", () => ({ session_key: "k" })],
  ])("%s is unavailable, and the detail has no secret", async (_name, answer) => {
    answers[LOGIN] = [answer];
    const got = await client.login("user", "the-code");
    expect(got.kind).toBe("unavailable");
    expect(JSON.stringify(got)).not.toMatch(/the-secret|the-code/);
  });

  test("no answer is unavailable after five seconds", async () => {
    let arrived: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    server.removeAllListeners("request");
    server.on("request", () => arrived());
    const got = client.login("user", "c");
    await waiting;
    await clock.advance(seconds(5));
    expect(await got).toEqual({ kind: "unavailable", detail: "jscode2session: no answer within 5 s" });
    expect(clock.pending()).toEqual([]);
  });

  test("without credentials nothing is asked", async () => {
    expect(await client.login("manager", "c")).toMatchObject({ kind: "unavailable" });
    expect(await client.phoneByCode("manager", "c")).toMatchObject({ kind: "unavailable" });
    expect(client.phoneByData("manager", "", "", "")).toEqual({ kind: "refused" });
    expect(asked).toEqual([]);
  });
});

describe("phone number by code", () => {
  test("one token serves many calls, also at the same time, until shortly before it expires", async () => {
    answers[TOKEN] = [token("t1"), token("t2")];
    answers[NUMBER] = [1, 2, 3].map(() => number());
    const both = await Promise.all([client.phoneByCode("user", "a"), client.phoneByCode("user", "b")]);
    expect(both).toEqual([1, 2].map(() => ({ kind: "ok", phone: PHONE })));
    expect(asked.filter((a) => a.url.pathname === TOKEN)).toHaveLength(1);
    expect(asked.at(0)?.body).toEqual({
      grant_type: "client_credential",
      appid: "wx-user",
      secret: "the-secret",
      force_refresh: false,
    });
    await clock.advance(seconds(7200 - 299));
    await client.phoneByCode("user", "c");
    expect(asked.at(-1)).toMatchObject({ body: { code: "c" } });
    expect(asked.at(-1)?.url.searchParams.get("access_token")).toBe("t2");
  });

  test.each([40001, 42001])(
    "token refused with %i: a new one, once more, and no third time",
    async (errcode) => {
      answers[TOKEN] = [token("t1"), token("t2"), token("t3"), token("t4")];
      answers[NUMBER] = [() => ({ errcode }), number()];
      expect(await client.phoneByCode("user", "a")).toEqual({ kind: "ok", phone: PHONE });
      answers[NUMBER] = [() => ({ errcode }), () => ({ errcode }), number()];
      expect(await client.phoneByCode("user", "a")).toEqual({
        kind: "unavailable",
        detail: `errcode ${errcode}`,
      });
    },
  );

  test("a token that cannot be had is asked for again by the next call", async () => {
    answers[TOKEN] = [() => 500, token("t1")];
    answers[NUMBER] = [number()];
    expect(await client.phoneByCode("user", "a")).toMatchObject({ kind: "unavailable" });
    expect(await client.phoneByCode("user", "a")).toMatchObject({ kind: "ok" });
  });

  test("a bad code is refused", async () => {
    answers[TOKEN] = [token("t1")];
    answers[NUMBER] = [() => ({ errcode: 40029 })];
    expect(await client.phoneByCode("user", "a")).toEqual({ kind: "refused", detail: "errcode 40029" });
  });

  test.each([
    ["of another app", { watermark: { appid: "wx-other", timestamp: NOW } }],
    ["that is old", { watermark: { appid: APP.appid, timestamp: NOW - 601 } }],
    ["of another country", { countryCode: 852, purePhoneNumber: PHONE }],
    ["that is no mobile number", { purePhoneNumber: "02112345678" }],
    ["that is missing", { purePhoneNumber: undefined }],
  ])("a number %s is refused", async (_name, more) => {
    answers[TOKEN] = [token("t1")];
    answers[NUMBER] = [number(more)];
    expect(await client.phoneByCode("user", "a")).toMatchObject({ kind: "refused" });
  });

  test("the country code may be a number", async () => {
    answers[TOKEN] = [token("t1")];
    answers[NUMBER] = [number({ countryCode: 86 })];
    expect(await client.phoneByCode("user", "a")).toMatchObject({ kind: "ok" });
  });
});

describe("phone number by encrypted data", () => {
  const sessionKey = Buffer.alloc(16, 7).toString("base64");
  const iv = Buffer.alloc(16, 9).toString("base64");
  const encrypted = (content: unknown): string => {
    const cipher = createCipheriv(
      "aes-128-cbc",
      Buffer.from(sessionKey, "base64"),
      Buffer.from(iv, "base64"),
    );
    return Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()]).toString("base64");
  };

  test("is decrypted with the session key", () => {
    expect(client.phoneByData("user", sessionKey, encrypted(info()), iv)).toEqual({
      kind: "ok",
      phone: PHONE,
    });
  });

  test("everything that can be wrong is refused alike", () => {
    const other = Buffer.alloc(16, 8).toString("base64");
    const good = encrypted(info());
    for (const [key, data, vector] of [
      [other, good, iv],
      ["", good, iv],
      [sessionKey, good.slice(0, 24), iv],
      [sessionKey, "!!!!", iv],
      [sessionKey, good, "short"],
      [sessionKey, encrypted("text"), iv],
      [sessionKey, encrypted(info({ watermark: { appid: "wx-other", timestamp: NOW } })), iv],
      [sessionKey, encrypted(info({ watermark: { appid: APP.appid, timestamp: NOW - 601 } })), iv],
    ] as const) {
      expect(client.phoneByData("user", key, data, vector)).toEqual({ kind: "refused" });
    }
  });

  test("the sample that WeChat publishes", () => {
    const sample = {
      sessionKey: "tiihtNczf5v6AKRyjwEUhQ==",
      iv: "r7BXXKkLb8qrSNn05n0qiA==",
      encryptData:
        "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==",
    };
    expect(decryptUserData(sample)).toMatchObject({
      openId: "oGZUI0egBJY1zhBYw2KhdUfwVJJE",
      nickName: "Band",
      watermark: { appid: "wx4f4bc4dec97d474b", timestamp: 1477314187 },
    });
  });
});
