import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, instant, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freeSandbox } from "../../test/sandbox/fixture.ts";
import { clockFinding, diskFinding, type Finding, publicAddress } from "./doctorChecks.ts";
import { runCommand } from "./run.ts";

let sandbox: Awaited<ReturnType<typeof freeSandbox>>;
let folder: string;
/** Each run has nonces of its own. */
let runs = 0;
beforeAll(async () => {
  sandbox = await freeSandbox();
});
afterAll(() => sandbox?.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bluepower-doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Given {
  env?: Record<string, string>;
  merchant?: object;
  user?: object;
  clock?: Clock;
}

/** Runs the doctor of an installation against the sandbox, in which something is wrong. */
async function doctor(of: Given = {}, flags = "--json") {
  const { merchant, apps, sms } = sandbox.credentials;
  const file = join(folder, "credentials.json");
  const content = {
    merchant: { ...merchant, ...of.merchant },
    apps: { ...apps, user: { ...apps.user, ...of.user } },
    sms,
  };
  writeFileSync(file, JSON.stringify(content));
  const ran = { code: -1, out: "", err: [] as string[] };
  const wire = { WECHAT_API_URL: sandbox.wireUrl, WECHAT_PAY_URL: sandbox.wireUrl };
  const terminal = {
    env: { DATA_DIR: join(folder, "data"), CREDENTIALS_FILE: file, ...wire, ...of.env },
    out: (text: string) => {
      ran.out += text;
    },
    err: (text: string) => void ran.err.push(text),
    clock: of.clock ?? systemClock,
    random: seededRandom(`doctor ${++runs}`),
  };
  ran.code = await runCommand(
    ["doctor", ...flags.split(" ").filter((f) => f !== "")],
    terminal,
    async () => {},
  );
  expect(ran.err).toEqual([]);
  for (const secret of [merchant.apiV3Key, apps.user.secret, apps.manager.secret, "PRIVATE KEY"]) {
    expect(ran.out).not.toContain(secret);
  }
  return ran;
}

/** What is not well, by check. */
async function findings(of: Given): Promise<{ code: number; wrong: Record<string, Finding> }> {
  const { code, out } = await doctor(of);
  const all = (JSON.parse(out) as { findings: Finding[] }).findings;
  return { code, wrong: Object.fromEntries(all.filter((f) => f.state === "fail").map((f) => [f.check, f])) };
}

test("an installation that is well is, line by line", async () => {
  const { code, out } = await doctor({}, "");
  expect(code).toBe(0);
  expect(
    out
      .split("\n")
      .filter((l) => /^(ok|warn|fail) /.test(l))
      .map((l) => l.slice(6, 27).trim()),
  ).toEqual([
    ...["configuration", "public address", "database", "disk", "clock", "WeChat Pay"],
    ...["mini-program, user", "mini-program, manager"],
  ]);
  expect(JSON.parse((await doctor()).out)).toMatchObject({ ok: true });
});

test("a variable that is wrong is the only finding", async () => {
  const { code, wrong } = await findings({ env: { MQTT_PORT: "x" } });
  expect(code).toBe(1);
  expect(Object.keys(wrong)).toEqual(["configuration"]);
  expect(wrong.configuration?.says).toContain("MQTT_PORT is a whole number");
});

describe("only what is wrong fails, with what to do", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const strange = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const wechats = publicKey.export({ type: "spki", format: "pem" }).toString();
  const ahead = (ms: number): Clock => ({ ...systemClock, now: () => instant(systemClock.now() + ms) });
  test.each<[string, () => Given, string, RegExp]>([
    [
      "the merchant's key",
      () => ({ merchant: { privateKeyPem: strange } }),
      "WeChat Pay",
      /PRIVATE_KEY_FILE/,
    ],
    ["its form", () => ({ merchant: { privateKeyPem: "no key" } }), "WeChat Pay", /PRIVATE_KEY_FILE/],
    ["the serial", () => ({ merchant: { serial: "50" } }), "WeChat Pay", /WECHAT_PAY_SERIAL/],
    [
      "the public key",
      () => ({ merchant: { wechatPayPublicKeyPem: wechats } }),
      "WeChat Pay",
      /PUBLIC_KEY_FILE/,
    ],
    ["a secret", () => ({ user: { secret: "0".repeat(32) } }), "mini-program, user", /WECHAT_USER_SECRET/],
    ["the address of Pay", () => ({ env: { WECHAT_PAY_URL: "http://127.0.0.1:9" } }), "WeChat Pay", /URL/],
    ["the clock", () => ({ clock: ahead(120_000) }), "clock", /NTP/],
  ])("%s", async (_, given, check, advice) => {
    const { code, wrong } = await findings(given());
    expect(code).toBe(1);
    expect(Object.keys(wrong)).toEqual([check]);
    expect(wrong[check]?.advice).toMatch(advice);
  });

  test("the database", async () => {
    mkdirSync(join(folder, "data"));
    const { code, wrong } = await findings({ env: { DATABASE_URL: `sqlite:${folder}` } });
    expect([code, Object.keys(wrong)]).toEqual([1, ["database"]]);
  });
});

test("where real money is taken the public address is one that WeChat Pay can call", () => {
  const at = (publicUrl: string, production: boolean, merchant = true) =>
    publicAddress({
      ...{ publicUrl, production },
      pay: { apiUrl: "", merchant: merchant ? sandbox.credentials.merchant : null },
      wechat: { apiUrl: "", apps: sandbox.credentials.apps },
    }).state;
  const here = ["http://127.0.0.1:8085", "https://localhost", "http://power.example", "https://[::1]:8085"];
  expect(here.map((url) => at(url, true))).toEqual(here.map(() => "fail"));
  expect(here.map((url) => at(url, true, false))).toEqual(here.map(() => "warn"));
  expect(here.map((url) => at(url, false))).toEqual(here.map(() => "ok"));
  expect(at("https://power.example", true)).toBe("ok");
});

test("disk and clock are well, to be watched, or not", () => {
  const mib = 1024 * 1024;
  expect([100, 500, 5000].map((n) => diskFinding(n * mib).state)).toEqual(["fail", "warn", "ok"]);
  expect([0, 6000, -6000, 60_000, -60_000].map((n) => clockFinding(millis(n)).state)).toEqual([
    ...["ok", "warn", "warn", "fail", "fail"],
  ]);
});
