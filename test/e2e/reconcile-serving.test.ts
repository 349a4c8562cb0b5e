import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type Instant, instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Config, readConfig } from "../../cloud/config.ts";
import { openDatabase } from "../../cloud/database/open.ts";
import { spanOf } from "../../cloud/reconciliation/billDay.ts";
import { startCloud } from "../../cloud/serve.ts";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { freePorts } from "./ports.ts";
import { until } from "./until.ts";

/** The serving program begins on the morning after a day on which the two sides do not say the same. */
const DAY = 20261122;
const at = (hours: number): Instant => instant(spanOf(DAY).from + hours * 3_600_000);
let now = at(12);
const clock: Clock = { ...systemClock, now: () => now };
let folder: string;
let sandbox: Sandbox;
let config: Config;
const lines: string[] = [];
const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-bills-"));
  sandbox = await startSandbox({ wirePort: 0, controlPort: 0, dataDir: folder, clock });
  const [port = 0, mqttPort = 0] = await freePorts(2);
  const env = {
    DATA_DIR: folder,
    HOST: "127.0.0.1",
    PORT: String(port),
    MQTT_PORT: String(mqttPort),
    CREDENTIALS_FILE: join(folder, "sandbox/credentials.json"),
    WECHAT_API_URL: sandbox.wireUrl,
    WECHAT_PAY_URL: sandbox.wireUrl,
  };
  const read = readConfig(env, seededRandom("bills"));
  if ("problem" in read) throw new Error(read.problem);
  config = read.config;
  const outside = { outTradeNo: "OUTSIDE01", total: 500, openid: "demo-user-1" };
  await fetch(`${sandbox.controlUrl}/outside-payment`, { method: "POST", body: JSON.stringify(outside) });
  const { db, close } = await openDatabase({ url: config.databaseUrl });
  await db
    .insertInto("wx_payment")
    .values({
      ...{ outTradeNo: "P-1", purpose: "coins", subject: "P1", user: "13800000001", description: "" },
      ...{ channel: "jsapi", openId: "o", cash: 100, state: 1, wxPayid: "4200", payTime: now },
      ...{ insertTime: now, expireTime: now },
    })
    .execute();
  await close();
});
afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true });
});

/** A run of the program until its metrics have so many open differences; what it has said of bills. */
async function run(open: number, seed: string): Promise<object[]> {
  lines.length = 0;
  const cloud = await startCloud({ config, log, clock, random: seededRandom(seed) });
  try {
    await until(
      "the differences are counted",
      async () => await (await fetch(`http://127.0.0.1:${cloud.port}/metrics`)).text(),
      (text) => text.includes(`\nbluepower_bill_differences_open ${open}\n`),
    );
  } finally {
    await cloud.close();
  }
  return lines.map((line) => JSON.parse(line)).filter((line) => String(line.event).startsWith("bill."));
}

test("it compares the day once, says what is open in its log and its metrics, and remembers", async () => {
  expect(await run(0, "a")).toEqual([]);
  now = at(34);
  expect(await run(2, "b")).toMatchObject([
    { level: 50, event: "bill.differs", day: "2026-11-22", payments: 1, refunds: 0, open: 2 },
  ]);
  expect(await run(2, "c")).toEqual([]);
});
