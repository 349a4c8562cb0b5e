/** For tests: the interface on a database in memory with simulated time, called as a client calls it, without sockets. */
import { type Instant, instant } from "@bluepower/protocol/clock";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { isPhone } from "@bluepower/protocol/units";
import type { Hono } from "hono";
import { sql } from "kysely";
import { pino } from "pino";
import type { App } from "../apps.ts";
import type { BankCards } from "../cashout/bankCards.ts";
import type { Cloud } from "../cloud.ts";
import type { Config } from "../config.ts";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import type { Side } from "../database/schema.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { bindPhone, openSession } from "../identity/sessions.ts";
import type { Payments } from "../payments/payments.ts";
import type { WeChat } from "../wechat/wechat.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import type { Answer } from "./envelope.ts";
import { createApi } from "./serve.ts";

/** 2026-11-22 10:30:00 in Shanghai. */
export const START: Instant = instant(1_795_314_600_000);

const apps: Record<Side, App> = {
  user: { appId: "user-app-id", appKey: "user-app-key", jamCode: "24bD5w1af2bC616fc677cAe6If44F3q5" },
  manager: { appId: "manager-app-id", appKey: "manager-app-key", jamCode: "m".repeat(32) },
};

export const testConfig: Config = {
  dataDir: "/nowhere",
  host: "127.0.0.1",
  port: 8085,
  tls: null,
  publicUrl: "http://127.0.0.1:8085",
  trustProxy: 0,
  databaseUrl: "sqlite::memory:",
  mqttPort: 1883,
  mqttUrl: null,
  authMode: "session",
  apps,
  wechat: { apiUrl: "http://127.0.0.1:1", apps: { user: null, manager: null } },
  pay: { apiUrl: "http://127.0.0.1:1", merchant: null },
  sms: { apiUrl: "http://127.0.0.1:1", account: null },
  production: false,
  coinFen: 100,
  cashoutPpm: 6000,
  bankKeyFile: "/nowhere",
  cashoutSecondFen: 200_000,
  vipMonthFen: 1000,
  zone: "Asia/Shanghai",
  metricsToken: null,
  logLevel: "silent",
  warnings: [],
};

/** Login codes are `code-OPENID`, phone codes the phone number; `busy` is answered as WeChat being out of reach. */
const scriptedWeChat: WeChat = {
  async login(_side, jsCode) {
    if (jsCode === "busy") return { kind: "unavailable", detail: "busy" };
    const openId = /^code-(.+)$/.exec(jsCode)?.[1];
    if (openId === undefined) return { kind: "refused", detail: "bad code" };
    return { kind: "ok", openId, sessionKey: `key-of-${openId}` };
  },
  async phoneByCode(_side, code) {
    if (code === "busy") return { kind: "unavailable", detail: "busy" };
    return isPhone(code) ? { kind: "ok", phone: code } : { kind: "refused", detail: "bad code" };
  },
  phoneByData(_side, sessionKey, encryptData, iv) {
    return iv === sessionKey && isPhone(encryptData)
      ? { kind: "ok", phone: encryptData }
      : { kind: "refused" };
  },
};

/** Sealed with nothing. */
export const openCards: BankCards = { seal: (card) => `sealed ${card}`, open: (sealed) => sealed.slice(7) };

const absent = (): never => {
  throw new Error("not part of this scenario");
};

export const idleGateways: Gateways = {
  insertCommand: absent,
  send: absent,
  touchDesired: async () => {},
  publishDesired: () => {},
  online: () => false,
};

type Own = Readonly<Record<string, string | number | boolean | null>>;

export interface Scenario {
  cloud: Cloud;
  db: Db;
  clock: SimulatedClock;
  app: Hono;
  /** Lines of the log. */
  lines: string[];
  /** A signed call, each with a timestamp of its own unless one is given. */
  call(side: Side, method: string, own?: Own, options?: { timestamp?: number }): Promise<Answer>;
  /** Sends a body as it is. */
  send(side: Side, method: string, body: string, headers?: Record<string, string>): Promise<Response>;
  /** The body of a signed call. */
  signed(side: Side, own?: Own, options?: { timestamp?: number }): Record<string, unknown>;
  /** Somebody who has logged in with this phone number: what their calls carry. */
  person(side: Side, phone: string, openId?: string): Promise<{ session: string }>;
  /** Every row of every table, to show that nothing has changed. */
  rows(): Promise<Record<string, unknown[]>>;
  close(): Promise<void>;
}

export async function scenario(of: {
  table: readonly AnyEndpoint[];
  config?: Partial<Config>;
  cloud?: (base: Pick<Cloud, "clock" | "random" | "log" | "config" | "db">) => Partial<Cloud>;
}): Promise<Scenario> {
  const { db, close } = await openDatabase({ url: "sqlite::memory:" });
  const clock = new SimulatedClock(START);
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const base = { clock, random: seededRandom("scenario"), log, config: { ...testConfig, ...of.config }, db };
  const parts = { gateways: idleGateways, wechat: scriptedWeChat, cards: openCards, ...of.cloud?.(base) };
  const cloud: Cloud = {
    ...base,
    get payments(): never {
      return absent();
    },
    ...parts,
  };
  const app = createApi(cloud, of.table);
  // Two calls that differ in nothing are one: each gets a second of its own.
  let second = 0;

  const signed: Scenario["signed"] = (side, own = {}, options) => {
    const { appId, appKey, jamCode } = cloud.config.apps[side];
    second = (second + 1) % 250;
    const timestamp = options?.timestamp ?? Math.floor(clock.now() / 1000) - 250 + second;
    const body = { appId, appKey, timestamp, ...own };
    const parameters = new Map<string, string>();
    for (const [name, value] of Object.entries(body)) if (value !== null) parameters.set(name, String(value));
    return { ...body, signature: httpSignature(parameters, jamCode) };
  };
  const send: Scenario["send"] = async (side, method, body, headers) =>
    await app.request(`/oapi/bluepower_${side}/1_0/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });

  return {
    cloud,
    db,
    clock,
    app,
    lines,
    close,
    signed,
    send,
    async call(side, method, own, options) {
      const answer = await send(side, method, JSON.stringify(signed(side, own, options)));
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
      return (await answer.json()) as Answer;
    },
    async person(side, phone, openId = `openid-${phone}`) {
      const now = clock.now();
      if (!isPhone(phone)) throw new Error(phone);
      return await transaction(db, async (tx) => {
        const { session } = await openSession(tx, {
          side,
          openId,
          sessionKey: "",
          random: cloud.random,
          now,
        });
        await bindPhone(tx, { side, openId, phone, now });
        return { session };
      });
    },
    async rows() {
      const tables = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(
        db,
      );
      const content: Record<string, unknown[]> = {};
      for (const { name } of tables.rows) {
        content[name] = (await sql`select * from ${sql.table(name)}`.execute(db)).rows;
      }
      return content;
    },
  };
}

/** For a cloud whose payments start when its database is there. */
export const paymentsLater = (provider: Payments["provider"], started: () => Payments): Payments => ({
  provider,
  prepare: (attempt) => started().prepare(attempt),
  closeOpen: (subject) => started().closeOpen(subject),
  result: (purpose, subject) => started().result(purpose, subject),
  notified: (about, headers, body) => started().notified(about, headers, body),
  wake: () => started().wake(),
  stop: () => started().stop(),
});
