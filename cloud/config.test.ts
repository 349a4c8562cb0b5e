import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@bluepower/protocol/random";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Config, readConfig } from "./config.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "bluepower-config-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

const read = (env: Record<string, string> = {}) =>
  readConfig({ DATA_DIR: dataDir, ...env }, seededRandom(JSON.stringify(env)));
function good(env: Record<string, string> = {}): Config {
  const made = read(env);
  if ("problem" in made) throw new Error(made.problem);
  return made.config;
}
const problem = (env: Record<string, string>): string => {
  const made = read(env);
  return "problem" in made ? made.problem : "";
};

const sandbox = {
  merchant: {
    mchid: "1900000001",
    serial: "5A",
    privateKeyPem: "pem",
    apiV3Key: "k".repeat(32),
    wechatPayPublicKeyId: "PUB_KEY_ID_1",
    wechatPayPublicKeyPem: "pem",
  },
  apps: { user: { appid: "wx1", secret: "s1" }, manager: { appid: "wx2", secret: "s2" } },
  sms: { accessKeyId: "a", accessKeySecret: "b", signName: "c", templateCode: "d" },
};
async function sandboxFile(content: unknown = sandbox): Promise<string> {
  const file = join(dataDir, "credentials.json");
  await writeFile(file, JSON.stringify(content));
  return file;
}

test("several public keys of WeChat Pay hold at once; the first is asked for", async () => {
  const files: Record<string, string> = {};
  for (const [name, content] of Object.entries({ own: "pem", api: "k".repeat(32), new: "two", old: "one" })) {
    files[name] = join(dataDir, name);
    await writeFile(files[name], content);
  }
  const env = {
    ...{ WECHAT_PAY_MCHID: "1900000001", WECHAT_PAY_SERIAL: "5A", WECHAT_PAY_PUBLIC_KEY_ID: "ID_2,ID_1" },
    WECHAT_PAY_PRIVATE_KEY_FILE: files.own ?? "",
    WECHAT_PAY_API_V3_KEY_FILE: files.api ?? "",
  };
  const both = `${files.new},${files.old}`;
  expect(good({ ...env, WECHAT_PAY_PUBLIC_KEY_FILE: both }).pay.merchant).toMatchObject({
    ...{ wechatPayPublicKeyId: "ID_2", wechatPayPublicKeyPem: "two", otherKeys: { ID_1: "one" } },
  });
  expect(problem({ ...env, WECHAT_PAY_PUBLIC_KEY_FILE: files.new ?? "" })).toContain("list as many");
});

describe("the environment", () => {
  test("nothing set: the defaults of the page, the real hosts, no WeChat account", () => {
    expect(good()).toMatchObject({
      host: "0.0.0.0",
      port: 8085,
      mqttPort: 1883,
      databaseUrl: `sqlite:${join(dataDir, "cloud.db")}`,
      authMode: "session",
      zone: "Asia/Shanghai",
      coinFen: 100,
      cashoutPpm: 6000,
      production: true,
      warnings: [],
      wechat: { apiUrl: "https://api.weixin.qq.com", apps: { user: null, manager: null } },
      pay: { apiUrl: "https://api.mch.weixin.qq.com", merchant: null },
    });
  });

  test.each([
    [{ PORT: "http" }, "PORT is a whole number from 1 to 65535"],
    [{ MQTT_PORT: "70000" }, "MQTT_PORT is"],
    [{ SITE_TIME_ZONE: "Mars/North" }, "SITE_TIME_ZONE is an IANA time zone"],
    [{ AUTH_MODE: "none" }, "AUTH_MODE is one of session, documented"],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL is one of"],
    [{ COIN_FEN: "0" }, "COIN_FEN is"],
    [{ CASHOUT_RATE: "1.5" }, "CASHOUT_RATE is"],
    [{ TRUST_PROXY: "yes" }, "TRUST_PROXY is"],
    [{ MQTT_URL: "http://x" }, "MQTT_URL is"],
    [{ DATABASE_URL: "mysql://u:secret@h/d" }, "DATABASE_URL is"],
    [{ TLS_CERT_FILE: "/c.pem" }, "TLS_CERT_FILE and TLS_KEY_FILE"],
    [{ USER_APP_ID: "x".repeat(32) }, "USER_APP_ID, USER_APP_KEY and USER_JAM_CODE"],
    [{ WECHAT_USER_APP_ID: "wx1" }, "WECHAT_USER_SECRET: missing"],
    [{ WECHAT_PAY_MCHID: "1" }, "WECHAT_PAY_SERIAL, "],
    [{ CREDENTIALS_FILE: "/nowhere" }, "CREDENTIALS_FILE names a file"],
    [{ PUBLIC_URL: "power" }, "PUBLIC_URL is"],
    [{ WECHAT_PAY_URL: "http://127.0.0.1:8086" }, "WECHAT_PAY_URL is a public https URL"],
    [{ WECHAT_API_URL: "https://localhost" }, "WECHAT_API_URL is a public https URL"],
  ])("%j is refused and the variable named", (env, says) => {
    expect(problem(env)).toContain(says);
    expect(problem(env)).not.toContain("secret@");
  });

  test("an empty variable counts as absent", () => {
    expect(good({ PORT: "", MQTT_URL: "" })).toMatchObject({ port: 8085, mqttUrl: null });
  });
});

describe("documented mode", () => {
  test("production starts with it only when the risk is accepted, and warns", async () => {
    expect(problem({ AUTH_MODE: "documented" })).toContain("DOCUMENTED_MODE_RISK=accepted");
    expect(problem({ AUTH_MODE: "documented", DOCUMENTED_MODE_RISK: "yes" })).toContain("accepted");
    expect(good({ AUTH_MODE: "documented", DOCUMENTED_MODE_RISK: "accepted" }).warnings).toHaveLength(1);
    const file = await sandboxFile();
    expect(good({ AUTH_MODE: "documented", CREDENTIALS_FILE: file }).warnings).toHaveLength(1);
  });
});

describe("the sandbox", () => {
  test("its credentials are taken and its loopback addresses allowed", async () => {
    const file = await sandboxFile();
    const config = good({ CREDENTIALS_FILE: file, WECHAT_PAY_URL: "http://127.0.0.1:8086/" });
    expect(config).toMatchObject({
      production: false,
      wechat: { apps: sandbox.apps },
      pay: { apiUrl: "http://127.0.0.1:8086", merchant: sandbox.merchant },
      sms: { account: sandbox.sms },
    });
  });

  test("a damaged file is named with its member", async () => {
    const file = await sandboxFile({ ...sandbox, apps: { user: { appid: "wx1" } } });
    expect(problem({ CREDENTIALS_FILE: file })).toContain("apps.user.secret");
    await writeFile(file, "null");
    expect(problem({ CREDENTIALS_FILE: file })).toContain("CREDENTIALS_FILE: ");
    await writeFile(file, "{");
    expect(problem({ CREDENTIALS_FILE: file })).toContain("JSON");
  });
});

describe("the signed apps", () => {
  test("are made at random at the first start, readable by this account only, and stay", async () => {
    const first = good().apps;
    const file = join(dataDir, "apps.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(first.user.jamCode).toMatch(/^[0-9A-Za-z]{32}$/);
    expect(first.user).not.toEqual(first.manager);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(first);
    expect(good({ LOG_LEVEL: "warn" }).apps).toEqual(first);
  });

  test("variables win over the file", () => {
    const jam = "j".repeat(32);
    const fixed = { USER_APP_ID: "the-user-app", USER_APP_KEY: "the-user-key", USER_JAM_CODE: jam };
    expect(good(fixed).apps.user).toEqual({ appId: "the-user-app", appKey: "the-user-key", jamCode: jam });
    expect(problem({ ...fixed, USER_JAM_CODE: "short" })).toContain("USER_JAM_CODE");
  });

  test("a damaged file is not overwritten", async () => {
    await writeFile(join(dataDir, "apps.json"), "{");
    expect(problem({})).toContain("apps.json is damaged");
    expect(await readFile(join(dataDir, "apps.json"), "utf8")).toBe("{");
  });
});
