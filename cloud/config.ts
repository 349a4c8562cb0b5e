import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Random } from "@bluepower/protocol/random";
import { type App, type AppsFile, readApps } from "./apps.ts";
import type { Side } from "./database/schema.ts";

/** Everything the environment says (spec 6), read once. Secrets lie in `apps`, `wechat`, `pay`, `sms` and `metricsToken`. */
export interface Config {
  dataDir: string;
  host: string;
  port: number;
  tls: { certFile: string; keyFile: string } | null;
  /** Base of QR codes and notify URLs, without a slash at its end. */
  publicUrl: string;
  /** How many reverse proxies stand before the program; 0: X-Forwarded-For is not believed. */
  trustProxy: number;
  databaseUrl: string;
  mqttPort: number;
  /** An external broker instead of the embedded one. */
  mqttUrl: string | null;
  authMode: "session" | "documented";
  apps: Record<Side, App>;
  wechat: { apiUrl: string; apps: Record<Side, MiniProgram | null> };
  pay: { apiUrl: string; merchant: Merchant | null };
  sms: { apiUrl: string; account: SmsAccount | null };
  /** False where CREDENTIALS_FILE names a sandbox: only then are plain http and loopback allowed towards WeChat. */
  production: boolean;
  /** Fen for one coin. */
  coinFen: number;
  /** Parts of a million that a cash-out costs. */
  cashoutPpm: number;
  /** Keys under which bank card numbers are kept, one a line, the newest last; made at the first start where there is none. */
  bankKeyFile: string;
  /** A cash-out of more fen than this needs two people. */
  cashoutSecondFen: number;
  vipMonthFen: number;
  zone: string;
  metricsToken: string | null;
  logLevel: string;
  /** What an operator has to know at the start. */
  warnings: string[];
}

/** A mini-program at WeChat. */
export interface MiniProgram {
  appid: string;
  secret: string;
}

/** A merchant of WeChat Pay v3 in public-key mode. */
export interface Merchant {
  mchid: string;
  /** Serial number of the merchant's certificate. */
  serial: string;
  privateKeyPem: string;
  /** 32 characters. */
  apiV3Key: string;
  /** `PUB_KEY_ID_…` and the key under it. */
  wechatPayPublicKeyId: string;
  wechatPayPublicKeyPem: string;
  /** Other keys that hold too, by their serial, while WeChat Pay changes from one to another. */
  otherKeys?: Readonly<Record<string, string>>;
}

export interface SmsAccount {
  accessKeyId: string;
  accessKeySecret: string;
  signName: string;
  templateCode: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const WECHAT_API = "https://api.weixin.qq.com";
const WECHAT_PAY = "https://api.mch.weixin.qq.com";
const SMS = "https://dysmsapi.aliyuncs.com";

/** A variable that cannot be used; the message names it and says what is allowed. */
class Wrong extends Error {}
const wrong = (message: string): never => {
  throw new Wrong(message);
};

/**
 * Reads the environment; a problem is one line that names the variable. The signed apps are taken from
 * `DATA_DIR/apps.json`, which is made (0600) when it is not there, unless variables name them.
 */
export function readConfig(env: Environment, random: Random): { config: Config } | { problem: string } {
  try {
    return { config: read(env, random) };
  } catch (error) {
    if (error instanceof Wrong) return { problem: error.message };
    throw error;
  }
}

function read(env: Environment, random: Random): Config {
  const dataDir = resolve(text(env, "DATA_DIR") ?? "./data");
  const sandbox = sandboxCredentials(env);
  const production = sandbox === null;
  const tls = tlsFiles(env);
  const port = portNumber(env, "PORT", 8085);
  const zone = text(env, "SITE_TIME_ZONE") ?? "Asia/Shanghai";
  if (!knownZone(zone)) wrong(`SITE_TIME_ZONE is an IANA time zone such as Asia/Shanghai, not "${zone}"`);
  const authMode = oneOf(env, "AUTH_MODE", ["session", "documented"]);
  const warnings: string[] = [];
  if (authMode === "documented") {
    if (production && text(env, "DOCUMENTED_MODE_RISK") !== "accepted") {
      wrong(
        "AUTH_MODE=documented lets anyone who has the app key act for anyone: set DOCUMENTED_MODE_RISK=accepted, or leave AUTH_MODE at session",
      );
    }
    warnings.push(
      "AUTH_MODE=documented: calls without a session are taken as the person they name; anyone who has the app key can act for anyone",
    );
  }
  const fixed = readAppsOf(env);
  return {
    dataDir,
    host: text(env, "HOST") ?? "0.0.0.0",
    port,
    tls,
    publicUrl: url(env, "PUBLIC_URL", `${tls === null ? "http" : "https"}://127.0.0.1:${port}`, false),
    trustProxy: proxies(env),
    databaseUrl: databaseUrl(env, dataDir),
    mqttPort: portNumber(env, "MQTT_PORT", tls === null ? 1883 : 8883),
    mqttUrl: mqttUrl(env),
    authMode,
    apps: named(() => readApps({ dataDir, fixed, random })),
    wechat: {
      apiUrl: url(env, "WECHAT_API_URL", WECHAT_API, production),
      apps: sandbox?.apps ?? { user: miniProgram(env, "USER"), manager: miniProgram(env, "MANAGER") },
    },
    pay: {
      apiUrl: url(env, "WECHAT_PAY_URL", WECHAT_PAY, production),
      merchant: sandbox?.merchant ?? merchant(env),
    },
    sms: { apiUrl: url(env, "SMS_URL", SMS, production), account: sandbox?.sms ?? smsAccount(env) },
    production,
    coinFen: whole(env, "COIN_FEN", 100, 1, 100_000),
    cashoutPpm: rate(env),
    bankKeyFile: resolve(text(env, "BANK_KEY_FILE") ?? join(dataDir, "bank.key")),
    cashoutSecondFen: whole(env, "CASHOUT_SECOND_FEN", 200_000, 0, 999_999_999),
    vipMonthFen: whole(env, "VIP_MONTH_FEN", 1000, 0, 1_000_000),
    zone,
    metricsToken: text(env, "METRICS_TOKEN") ?? null,
    logLevel: oneOf(env, "LOG_LEVEL", ["info", "trace", "debug", "warn", "error", "fatal", "silent"]),
    warnings,
  };
}

/** An empty variable counts as absent. */
function text(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

function whole(env: Environment, name: string, fallback: number, low: number, high: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const n = Number(value);
  if (!/^[0-9]{1,9}$/.test(value) || n < low || n > high) {
    wrong(`${name} is a whole number from ${low} to ${high}, not "${value}"`);
  }
  return n;
}

const portNumber = (env: Environment, name: string, fallback: number): number =>
  whole(env, name, fallback, 1, 65_535);

/** The first word is the default. */
function oneOf<const T extends string>(env: Environment, name: string, words: readonly [T, ...T[]]): T {
  const value = text(env, name) ?? words[0];
  return words.find((w) => w === value) ?? wrong(`${name} is one of ${words.join(", ")}, not "${value}"`);
}

function url(env: Environment, name: string, fallback: string, onlyPublic: boolean): string {
  const value = text(env, name) ?? fallback;
  if (!URL.canParse(value)) wrong(`${name} is a URL such as ${fallback}, not "${value}"`);
  const parsed = new URL(value);
  const loopback = /^(localhost|127\.[0-9.]+|\[::1\]|0\.0\.0\.0)$/.test(parsed.hostname);
  if (onlyPublic && (parsed.protocol !== "https:" || loopback)) {
    wrong(`${name} is a public https URL, unless CREDENTIALS_FILE names a sandbox; not "${value}"`);
  }
  if (!["http:", "https:"].includes(parsed.protocol) || parsed.search !== "" || parsed.hash !== "") {
    wrong(`${name} is an http or https URL without a query, not "${value}"`);
  }
  return value.replace(/\/+$/, "");
}

function databaseUrl(env: Environment, dataDir: string): string {
  const value = text(env, "DATABASE_URL") ?? `sqlite:${join(dataDir, "cloud.db")}`;
  // The value may hold a password, so it is not repeated.
  if (!/^sqlite:./.test(value)) wrong("DATABASE_URL is sqlite:FILE");
  return value;
}

function mqttUrl(env: Environment): string | null {
  const value = text(env, "MQTT_URL");
  if (value === undefined) return null;
  if (!URL.canParse(value) || !/^mqtts?:$/.test(new URL(value).protocol)) {
    wrong("MQTT_URL is a URL such as mqtt://broker.example:1883");
  }
  return value;
}

function proxies(env: Environment): number {
  const value = text(env, "TRUST_PROXY");
  if (value === undefined || value === "false") return 0;
  if (value === "true") return 1;
  if (!/^[0-9]$/.test(value)) {
    wrong(`TRUST_PROXY is the number of reverse proxies before the program, 0 to 9, not "${value}"`);
  }
  return Number(value);
}

function tlsFiles(env: Environment): Config["tls"] {
  const certFile = text(env, "TLS_CERT_FILE");
  const keyFile = text(env, "TLS_KEY_FILE");
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined || keyFile === undefined) {
    return wrong("TLS_CERT_FILE and TLS_KEY_FILE are set together");
  }
  return { certFile, keyFile };
}

function rate(env: Environment): number {
  const value = text(env, "CASHOUT_RATE") ?? "0.006";
  if (!/^0(\.[0-9]{1,6})?$/.test(value)) {
    wrong(`CASHOUT_RATE is a part of one from 0 to below 1 with at most six decimals, not "${value}"`);
  }
  return Math.round(Number(value) * 1_000_000);
}

function knownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function readAppsOf(env: Environment): Partial<AppsFile> {
  const fixed: Partial<AppsFile> = {};
  for (const [side, prefix] of [
    ["user", "USER"],
    ["manager", "MANAGER"],
  ] as const) {
    const values = ["APP_ID", "APP_KEY", "JAM_CODE"].map((n) => text(env, `${prefix}_${n}`));
    const [appId, appKey, jamCode] = values;
    if (values.every((v) => v === undefined)) continue;
    if (appId === undefined || appKey === undefined || jamCode === undefined) {
      return wrong(`${prefix}_APP_ID, ${prefix}_APP_KEY and ${prefix}_JAM_CODE are set together`);
    }
    fixed[side] = { appId, appKey, jamCode };
  }
  return fixed;
}

/** A group of variables that belong together: all of them or none. */
function group<const K extends string>(env: Environment, names: Record<K, string>): Record<K, string> | null {
  const entries = Object.entries<string>(names).map(([key, name]) => ({ key, name, value: text(env, name) }));
  if (entries.every((e) => e.value === undefined)) return null;
  const missing = entries.filter((e) => e.value === undefined).map((e) => e.name);
  if (missing.length > 0) {
    wrong(`${missing.join(", ")}: missing; set together ${Object.values(names).join(", ")}`);
  }
  return Object.fromEntries(entries.map((e) => [e.key, e.value ?? ""])) as Record<K, string>;
}

function miniProgram(env: Environment, prefix: "USER" | "MANAGER"): MiniProgram | null {
  const appid = `WECHAT_${prefix}_APP_ID`;
  return group(env, { appid, secret: `WECHAT_${prefix}_SECRET` });
}

function smsAccount(env: Environment): SmsAccount | null {
  return group(env, {
    accessKeyId: "SMS_ACCESS_KEY_ID",
    accessKeySecret: "SMS_ACCESS_KEY_SECRET",
    signName: "SMS_SIGN_NAME",
    templateCode: "SMS_TEMPLATE_CODE",
  });
}

function merchant(env: Environment): Merchant | null {
  const names = {
    mchid: "WECHAT_PAY_MCHID",
    serial: "WECHAT_PAY_SERIAL",
    privateKeyPem: "WECHAT_PAY_PRIVATE_KEY_FILE",
    apiV3Key: "WECHAT_PAY_API_V3_KEY_FILE",
    wechatPayPublicKeyId: "WECHAT_PAY_PUBLIC_KEY_ID",
    wechatPayPublicKeyPem: "WECHAT_PAY_PUBLIC_KEY_FILE",
  };
  const found = group(env, names);
  if (found === null) return null;
  const ids = found.wechatPayPublicKeyId.split(",");
  const files = found.wechatPayPublicKeyPem.split(",");
  if (ids.length !== files.length) {
    wrong(
      `${names.wechatPayPublicKeyId} and ${names.wechatPayPublicKeyPem} list as many, separated by commas`,
    );
  }
  const [first = "", ...others] = files.map((path) => file(names.wechatPayPublicKeyPem, path));
  const made: Merchant = {
    ...found,
    privateKeyPem: file(names.privateKeyPem, found.privateKeyPem),
    apiV3Key: file(names.apiV3Key, found.apiV3Key).trim(),
    wechatPayPublicKeyId: ids[0] ?? "",
    wechatPayPublicKeyPem: first,
    otherKeys: Object.fromEntries(others.map((pem, n) => [ids[n + 1], pem])),
  };
  if (made.apiV3Key.length !== 32) wrong(`${names.apiV3Key} names a file with 32 characters`);
  return made;
}

function file(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return wrong(`${name} names a file that can be read: ${reasonOf(error)}`);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function sandboxCredentials(
  env: Environment,
): { merchant: Merchant; apps: Record<Side, MiniProgram>; sms: SmsAccount } | null {
  const path = text(env, "CREDENTIALS_FILE");
  if (path === undefined) return null;
  const content = file("CREDENTIALS_FILE", path);
  const texts = <const K extends string>(of: unknown, at: string, keys: readonly K[]): Record<K, string> => {
    for (const key of keys) {
      const value = typeof of === "object" && of !== null ? (of as Record<string, unknown>)[key] : undefined;
      if (typeof value !== "string" || value === "") wrong(`CREDENTIALS_FILE: ${at}.${key} is a text`);
    }
    return of as Record<K, string>;
  };
  const parsed = named(() => JSON.parse(content), "CREDENTIALS_FILE names a JSON file") as Record<
    "merchant" | "apps" | "sms",
    unknown
  > | null;
  const apps = (parsed?.apps ?? {}) as Record<Side, unknown>;
  return {
    merchant: texts(parsed?.merchant, "merchant", [
      "mchid",
      "serial",
      "privateKeyPem",
      "apiV3Key",
      "wechatPayPublicKeyId",
      "wechatPayPublicKeyPem",
    ]),
    apps: {
      user: texts(apps.user, "apps.user", ["appid", "secret"]),
      manager: texts(apps.manager, "apps.manager", ["appid", "secret"]),
    },
    sms: texts(parsed?.sms, "sms", ["accessKeyId", "accessKeySecret", "signName", "templateCode"]),
  };
}

function named<T>(work: () => T, prefix?: string): T {
  try {
    return work();
  } catch (error) {
    return wrong(prefix === undefined ? reasonOf(error) : `${prefix}: ${reasonOf(error)}`);
  }
}
