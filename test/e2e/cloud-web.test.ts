import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, millis } from "@bluepower/protocol/clock";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { secondLimit } from "../../cloud/cashout/secondLimit.ts";
import { type Config, readConfig } from "../../cloud/config.ts";
import { openDatabase } from "../../cloud/database/open.ts";
import { type RunningCloud, startCloud } from "../../cloud/serve.ts";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { freePorts } from "./ports.ts";
import { type Answer, one } from "./site.ts";

/** The serving program in this process, over real HTTP, with the sandbox as WeChat. */
let folder: string;
let sandbox: Sandbox;
let cloud: RunningCloud;
let config: Config;
let origin: string;
const lines: string[] = [];
/** A call that the sandbox never answers is given up after a second and a half, instead of after five. */
const hurried: Clock = {
  ...systemClock,
  after: (delay, label, then) =>
    systemClock.after(label.startsWith("wechat ") ? millis(1500) : delay, label, then),
};
const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-web-"));
  sandbox = await startSandbox({ wirePort: 0, controlPort: 0, dataDir: folder });
  const [port = 0, mqttPort = 0] = await freePorts(2);
  const read = readConfig(
    {
      DATA_DIR: folder,
      HOST: "127.0.0.1",
      PORT: String(port),
      MQTT_PORT: String(mqttPort),
      CREDENTIALS_FILE: join(folder, "sandbox/credentials.json"),
      WECHAT_API_URL: sandbox.wireUrl,
      WECHAT_PAY_URL: sandbox.wireUrl,
      METRICS_TOKEN: "the-metrics-token",
      TRUST_PROXY: "1",
    },
    seededRandom("web"),
  );
  if ("problem" in read) throw new Error(read.problem);
  config = read.config;
  origin = `http://127.0.0.1:${port}`;
  cloud = await startCloud({ config, log, clock: hurried, random: seededRandom("cloud") });
});
afterAll(async () => {
  await cloud.close();
  await sandbox.close();
  await rm(folder, { recursive: true });
});

let second = 0;
async function call(side: "user" | "manager", method: string, own: Record<string, string>): Promise<Answer> {
  const { appId, appKey, jamCode } = config.apps[side];
  const timestamp = Math.floor(Date.now() / 1000) - 200 + second++;
  const parameters = new Map(Object.entries({ appId, appKey, timestamp: String(timestamp), ...own }));
  const body = { ...Object.fromEntries(parameters), signature: httpSignature(parameters, jamCode) };
  return (await post(`${origin}/oapi/bluepower_${side}/1_0/${method}`, body)) as Answer;
}
async function post(url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.status === 204 ? undefined : await answer.json();
}
const control = async (path: string, body: unknown): Promise<Record<string, string>> =>
  (await post(`${sandbox.controlUrl}${path}`, body)) as Record<string, string>;
/** Sessions of an openid, in the database of the cloud that runs. */
async function loginsOf(openId: string): Promise<number> {
  const { db, close } = await openDatabase({ url: config.databaseUrl });
  const rows = await db.selectFrom("wx_info").select("id").where("openId", "=", openId).execute();
  await close();
  return rows.length;
}
async function session(app: "user" | "manager", openid: string): Promise<string> {
  const { jsCode = "" } = await control("/login-code", { app, openid });
  return String(one(await call(app, `${app}Login`, { jsCode })).session);
}

describe("login with WeChat", () => {
  test("the old way: encrypted data, then a name", async () => {
    const own = { session: await session("user", "o-old") };
    const { encryptData = "", iv = "" } = await control("/phone", {
      app: "user",
      openid: "o-old",
      phone: "13800000011",
    });
    expect(await call("user", "getUserPhone", { ...own, encryptData, iv })).toMatchObject({
      code: 0,
      data: [{ phone: "13800000011" }],
    });
    const person = { ...own, user: "13800000011" };
    expect(await call("user", "reportUserName", { ...person, userName: "王 小明" })).toMatchObject({
      code: 0,
    });
    expect(one(await call("user", "getUserInfo", person))).toEqual({
      userName: "王 小明",
      professionName: "",
      pmoney: 0,
      order: 0,
    });
  });

  test("the new way: a code, which is good once", async () => {
    const own = { session: await session("user", "o-new") };
    const { code = "" } = await control("/phone", { app: "user", openid: "o-new", phone: "13800000012" });
    expect(await call("user", "getUserPhone", { ...own, code })).toMatchObject({
      data: [{ phone: "13800000012" }],
    });
    expect(await call("user", "getUserPhone", { ...own, code })).toMatchObject({
      code: 4,
      reason: "PHONE_REFUSED",
    });
  });

  test("a login code is good once and for its own app", async () => {
    const { jsCode = "" } = await control("/login-code", { app: "user", openid: "o" });
    expect(await call("manager", "managerLogin", { jsCode })).toMatchObject({
      code: 4,
      reason: "LOGIN_REFUSED",
    });
    expect(await call("user", "userLogin", { jsCode })).toMatchObject({ code: 0 });
    expect(await call("user", "userLogin", { jsCode })).toMatchObject({ code: 4, reason: "LOGIN_REFUSED" });
  });

  test.each([
    ["500", { code: 0 }],
    ["429", { code: 0 }],
    // WeChat has used the code up, though nobody was told.
    ["timeout-after-commit", { code: 4, reason: "LOGIN_REFUSED" }],
  ])(
    "a login that WeChat answers with %s: 999, nobody is logged in, and a later one succeeds",
    async (kind, again) => {
      const { jsCode = "" } = await control("/login-code", { app: "user", openid: "o-fault" });
      await control("/fault", { on: "login", kind, times: 1 });
      const before = await loginsOf("o-fault");
      expect(await call("user", "userLogin", { jsCode })).toMatchObject({
        code: 999,
        reason: "WECHAT_UNAVAILABLE",
        data: [],
      });
      expect(await loginsOf("o-fault")).toBe(before);
      expect(await call("user", "userLogin", { jsCode })).toMatchObject(again);
      await session("user", "o-fault");
    },
  );

  test.each([
    ["500", "13800000021"],
    ["429", "13800000022"],
    ["timeout-after-commit", "13800000023"],
  ])(
    "a phone code that WeChat answers with %s: 999, nobody has the number, and a later code succeeds",
    async (kind, phone) => {
      const own = { session: await session("user", `o-phone-${kind}`) };
      const fresh = () => control("/phone", { app: "user", openid: `o-phone-${kind}`, phone });
      const { code = "" } = await fresh();
      await control("/fault", { on: "login", kind, times: 1 });
      expect(await call("user", "getUserPhone", { ...own, code })).toMatchObject({
        code: 999,
        reason: "WECHAT_UNAVAILABLE",
        data: [],
      });
      expect(await call("user", "getUserInfo", { ...own, user: phone })).toMatchObject({ code: 4 });
      const { code: later = "" } = await fresh();
      expect(await call("user", "getUserPhone", { ...own, code: later })).toMatchObject({
        data: [{ phone }],
      });
    },
  );
});

describe("the other pages", () => {
  const get = (path: string, headers: Record<string, string> = {}) => fetch(origin + path, { headers });

  test("/healthz, /openapi.json and /docs answer; the page forbids scripts; others are 404", async () => {
    expect(await (await get("/healthz")).json()).toEqual({ status: "ok" });
    expect(await (await get("/openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
    const docs = await get("/docs");
    expect(docs.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await docs.text()).toContain("newPowerOrder");
    expect((await get("/nothing")).status).toBe(404);
  });

  test("/metrics: the machine itself may, through a proxy only the token", async () => {
    const text = await (await get("/metrics")).text();
    expect(text).toContain('bluepower_calls_total{side="user",method="userLogin",code="0"}');
    expect(text).toMatch(/^bluepower_gateways_connected 0$/m);
    const proxied = { "x-forwarded-for": "203.0.113.9" };
    expect((await get("/metrics", proxied)).status).toBe(403);
    expect((await get("/metrics", { ...proxied, authorization: "Bearer wrong" })).status).toBe(403);
    expect((await get("/metrics", { ...proxied, authorization: "Bearer the-metrics-token" })).status).toBe(
      200,
    );
  });

  test("behind a proxy the rate of logins holds for the address that the proxy saw, not for what a client claims", async () => {
    const login = async (forwarded: string): Promise<number> => {
      const answer = await fetch(`${origin}/oapi/bluepower_user/1_0/userLogin`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": forwarded },
        body: "{}",
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    for (let i = 0; i < 60; i++) expect(await login(`10.0.0.${i}, 203.0.113.7`)).toBe(200);
    expect(await login("10.0.0.99, 203.0.113.7")).toBe(429);
    expect(await login("203.0.113.7, 203.0.113.8")).toBe(200);
  });

  test("a body that is too long is refused before it is read to its end", async () => {
    const answer = await fetch(`${origin}/oapi/bluepower_user/1_0/getSystemTime`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "x".repeat(70_000),
    });
    expect(answer.status).toBe(413);
  });

  test("no log line holds a secret", () => {
    const all = lines.join("");
    // The calls that carry secrets are there to be read.
    for (const method of ["userLogin", "getUserPhone"]) expect(all).toContain(`"method":"${method}"`);
    const { user, manager } = config.apps;
    const { merchant, apps } = sandbox.credentials;
    const secrets = [
      user.appKey,
      user.jamCode,
      manager.jamCode,
      merchant.apiV3Key,
      apps.user.secret,
      "13800000011",
    ];
    for (const secret of secrets) expect(all).not.toContain(secret);
  });
});

describe("the start", () => {
  test("takes no real money where WeChat Pay cannot tell of it", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const merchant = { ...sandbox.credentials.merchant, privateKeyPem };
    const real = {
      ...{ ...config, production: true, databaseUrl: `sqlite:${join(folder, "real.db")}` },
      pay: { apiUrl: "https://api.mch.weixin.qq.com", merchant },
    };
    const [port = 0, mqttPort = 0] = await freePorts(2);
    const started = startCloud({
      ...{ config: { ...real, port, mqttPort }, log, clock: systemClock, random: seededRandom("real") },
    });
    await expect(started).rejects.toThrow("PUBLIC_URL must be https, not http://127.0.0.1");
  });

  test("a port that is taken is named with its variable, and everything that was started is closed", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const [mqttPort = 0] = await freePorts(1);
    const other = { ...config, port, mqttPort, databaseUrl: `sqlite:${join(folder, "other.db")}` };
    const start = () => startCloud({ config: other, log, clock: systemClock, random: seededRandom("other") });
    await expect(start()).rejects.toThrow(`port ${port} is taken: set PORT`);
    await new Promise((resolve) => taken.close(resolve));
    const second = await start();
    await second.close();
  });

  test("above what a cash-out needs two people is kept for those who approve, and a change is written down", async () => {
    const url = `sqlite:${join(folder, "limit.db")}`;
    for (const cashoutSecondFen of [200_000, 200_000, 50_000]) {
      const [port = 0, mqttPort = 0] = await freePorts(2);
      const other = { ...config, port, mqttPort, databaseUrl: url, cashoutSecondFen };
      const random = seededRandom("limit");
      await (await startCloud({ config: other, log, clock: systemClock, random })).close();
    }
    const { db, close } = await openDatabase({ url });
    expect(await secondLimit(db, { unserved: 1 })).toBe(50_000);
    const changes = db.selectFrom("audit_log").select(["who", "detail"]).where("what", "=", "setting.change");
    expect(await changes.execute()).toEqual([{ who: "cloud", detail: "from 200000 to 50000 fen" }]);
    await close();
  });
});
