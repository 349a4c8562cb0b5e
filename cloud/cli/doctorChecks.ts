import { createPrivateKey } from "node:crypto";
import { statfs } from "node:fs/promises";
import { type Clock, type Millis, seconds } from "@bluepower/protocol/clock";
import { BASE62, text } from "@bluepower/protocol/random";
import { type Config, readConfig } from "../config.ts";
import { openDatabase } from "../database/open.ts";
import type { Side } from "../database/schema.ts";
import { payAccount } from "../payAccount.ts";
import { textOf } from "../payments/json.ts";
import { payCaller } from "../payments/payCall.ts";
import { accountProblem, notifyProblem } from "../payments/wechatPay.ts";
import { weChat } from "../wechat/client.ts";
import { parseHttpDate } from "../wechat/httpDate.ts";
import type { Outside } from "./command.ts";

export interface Finding {
  check: string;
  /** `warn`: it works, and somebody should know. */
  state: "ok" | "warn" | "fail";
  /** What was found; never a secret. */
  says: string;
  /** What to do. */
  advice?: string;
}

const MIB = 1024 * 1024;
/** Below this the database stops writing within hours; above it there is time to make room. */
const DISK_FAIL = 200 * MIB;
const DISK_WARN = 1024 * MIB;
/** WeChat refuses what is five minutes off; a clock that drifts is set right long before. */
const SKEW_FAIL = seconds(60);
const SKEW_WARN = seconds(5);
const DEADLINE = seconds(5);

/** Everything that an installation needs, one finding for each; what cannot be looked at for want of another is left out. */
export async function examine(outside: Outside): Promise<Finding[]> {
  const read = readConfig(outside.env, outside.random);
  if ("problem" in read) {
    return [
      { check: "configuration", state: "fail", says: read.problem, advice: "set the variable that is named" },
    ];
  }
  const { config } = read;
  return [
    ...configuration(config),
    publicAddress(config),
    await database(config),
    await disk(config),
    await clockOf(config, outside.clock),
    await pay(config, outside),
    await miniProgram(config, "user", outside.clock),
    await miniProgram(config, "manager", outside.clock),
  ];
}

function configuration(config: Config): Finding[] {
  const check = "configuration";
  const account = payAccount(config);
  // A key that is none is a finding of WeChat Pay.
  const usable = account !== null && isPrivateKey(account.privateKeyPem);
  const problem = usable ? accountProblem(account, config.production) : undefined;
  if (problem !== undefined) {
    return [
      { check, state: "fail", says: problem, advice: "use the merchant's own key and WeChat's address" },
    ];
  }
  const warnings = config.warnings.map((says): Finding => ({ check, state: "warn", says }));
  return warnings.length > 0 ? warnings : [{ check, state: "ok", says: `data in ${config.dataDir}` }];
}

/** Where others reach this cloud: WeChat Pay with its word on payments, and phones that scan a charger. */
export function publicAddress(config: Pick<Config, "pay" | "wechat" | "publicUrl" | "production">): Finding {
  const check = "public address";
  const account = payAccount(config);
  const problem = account === null ? undefined : notifyProblem(account, config.production);
  const advice = "set PUBLIC_URL to the https address at which the cloud is reached from outside";
  if (problem !== undefined) return { check, state: "fail", says: problem, advice };
  const { publicUrl } = config;
  if (config.production && notifyProblem({ payNotifyUrl: publicUrl }, true) !== undefined) {
    return { check, state: "warn", says: `QR codes lead to ${publicUrl}`, advice };
  }
  return { check, state: "ok", says: publicUrl };
}

async function database(config: Config): Promise<Finding> {
  const check = "database";
  try {
    const { db, migrated, close } = await openDatabase({ url: config.databaseUrl });
    try {
      await db.selectFrom("setting").select("name").limit(1).execute();
    } finally {
      await close();
    }
    const says =
      migrated.length === 0 ? "the tables are up to date" : `brought up to date: ${migrated.join(", ")}`;
    return { check, state: "ok", says };
  } catch (error) {
    const advice = "look at DATABASE_URL and DATA_DIR, and whether the file may be written";
    return { check, state: "fail", says: said(error), advice };
  }
}

async function disk(config: Config): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(config.dataDir);
    return diskFinding(bavail * bsize);
  } catch (error) {
    return {
      check: "disk",
      state: "fail",
      says: said(error),
      advice: "make DATA_DIR a folder that can be read",
    };
  }
}

/** What so many free bytes mean. */
export function diskFinding(free: number): Finding {
  const says = `${Math.floor(free / MIB)} MiB are free`;
  const advice = "make room where DATA_DIR lies";
  if (free < DISK_FAIL) return { check: "disk", state: "fail", says, advice };
  return free < DISK_WARN
    ? { check: "disk", state: "warn", says, advice }
    : { check: "disk", state: "ok", says };
}

async function clockOf(config: Config, clock: Clock): Promise<Finding> {
  const check = "clock";
  const abort = new AbortController();
  const timer = clock.after(DEADLINE, "date of WeChat", () => abort.abort());
  try {
    const answer = await fetch(config.wechat.apiUrl, { redirect: "manual", signal: abort.signal });
    await answer.body?.cancel();
    const there = parseHttpDate(answer.headers.get("Date") ?? "");
    if (there === undefined) return { check, state: "warn", says: "WeChat has not said what time it is" };
    return clockFinding((clock.now() - there) as Millis);
  } catch {
    const advice = "look at WECHAT_API_URL, name resolution and the firewall";
    return { check, state: "fail", says: "WeChat cannot be reached", advice };
  } finally {
    timer.cancel();
  }
}

/** What a clock that is so far ahead of WeChat's means; a header has whole seconds. */
export function clockFinding(ahead: Millis): Finding {
  const off = Math.abs(ahead);
  const says = `${Math.round(off / 1000)} s ${ahead < 0 ? "behind" : "ahead of"} WeChat's`;
  const advice = "have the clock set by NTP: WeChat refuses what is five minutes off";
  if (off >= SKEW_FAIL) return { check: "clock", state: "fail", says, advice };
  return off >= SKEW_WARN
    ? { check: "clock", state: "warn", says, advice }
    : { check: "clock", state: "ok", says };
}

/** An echo proves merchant number, certificate serial, private key and WeChat Pay's public key, without money. */
async function pay(config: Config, { clock, random }: Outside): Promise<Finding> {
  const check = "WeChat Pay";
  const account = payAccount(config);
  if (account === null) {
    const advice = "set WECHAT_PAY_MCHID and what belongs to it, and WECHAT_USER_APP_ID";
    return { check, state: "warn", says: "not configured: nothing can be paid in cash", advice };
  }
  if (!isPrivateKey(account.privateKeyPem)) {
    const advice = "WECHAT_PAY_PRIVATE_KEY_FILE names the PEM of the merchant's private key";
    return { check, state: "fail", says: "the merchant's private key is none", advice };
  }
  const message = text(random, 16, BASE62);
  const caller = payCaller({ account, clock, random });
  const answer = await caller.call("POST", "/v3/security/echo", { echo_message: message });
  if (answer.kind === "ok" && textOf(answer.body, "echo_message") === message) {
    return { check, state: "ok", says: "an echo came back, signed on both sides" };
  }
  const says = answer.kind === "ok" ? "the echo is another one" : answer.detail;
  return { check, state: "fail", says, advice: payAdvice(says) };
}

function isPrivateKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    // What is said of it may repeat a part of it.
    return false;
  }
}

function payAdvice(says: string): string {
  if (says.includes("SIGNERROR")) {
    return "look at WECHAT_PAY_MCHID, WECHAT_PAY_SERIAL and WECHAT_PAY_PRIVATE_KEY_FILE: they belong together";
  }
  if (says.includes("Wechatpay-")) {
    return "look at WECHAT_PAY_PUBLIC_KEY_ID and WECHAT_PAY_PUBLIC_KEY_FILE, and at the clock";
  }
  return "look at WECHAT_PAY_URL, the firewall, and what the merchant platform says";
}

async function miniProgram(config: Config, side: Side, clock: Clock): Promise<Finding> {
  const check = `mini-program, ${side}`;
  const names = `WECHAT_${side.toUpperCase()}_APP_ID and WECHAT_${side.toUpperCase()}_SECRET`;
  const { apiUrl, apps } = config.wechat;
  const proven = await weChat({ apiUrl, apps, clock }).proveCredentials(side);
  if (proven === null) {
    return {
      check,
      state: "warn",
      says: "not configured: nobody can log in by WeChat",
      advice: `set ${names}`,
    };
  }
  if (proven.kind === "ok") return { check, state: "ok", says: "a token is to be had" };
  const { detail } = proven;
  return {
    check,
    state: "fail",
    says: detail,
    advice: ADVICE[detail.split(" ").at(-1) ?? ""] ?? `look at ${names}`,
  };
}

/** By errcode of stable_token. */
const ADVICE: Readonly<Record<string, string>> = {
  "40164": "put this machine's address on the mini-program's list of allowed addresses",
  "45011": "too many tokens were asked for: wait a minute",
};

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));
