import { randomBytes } from "node:crypto";
import { type Clock, type Millis, millis, seconds } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { encryptForMiniProgram } from "./cipher.ts";
import { APP_NAMES, type AppName, type Credentials } from "./credentials.ts";
import type { Store } from "./store.ts";

interface Code {
  app: AppName;
  openid: string;
  /** Of a phone code. */
  phone?: string;
  /** Uptime after which it is no code any more. */
  until: number;
  used: boolean;
}

/** A login code and a phone code are good once, for five minutes. */
const CODE_LIFETIME = seconds(300);
/** Codes that nobody uses are kept up to this number; the oldest goes first. */
const CODES_MAX = 10_000;
const TOKEN_LIFETIME = seconds(7200);

export type CodeUse = { kind: "good"; openid: string; phone?: string } | { kind: "unknown" | "used" };
export type TokenState = "good" | "expired";

/** WeChat's knowledge of people: who they are to which app, their codes, consents, and the apps' tokens. */
export interface People {
  /** Undefined for an appid that is none of ours. */
  appOf(appid: string): AppName | undefined;
  mintLoginCode(app: AppName, openid: string): string;
  useLoginCode(app: AppName, code: string): CodeUse;
  /** The phone number in both ways: as encryptedData under the person's session key, and as a code. */
  mintPhone(app: AppName, openid: string, phone: string): { encryptData: string; iv: string; code: string };
  usePhoneCode(app: AppName, code: string): CodeUse;
  sessionKey(app: AppName, openid: string): string;
  /** The next login gets another session key, and what was encrypted before cannot be read with it. */
  renewSessionKey(app: AppName, openid: string): void;
  knows(app: AppName, openid: string): boolean;
  /** Known to the other app and not to this one. */
  belongsElsewhere(app: AppName, openid: string): boolean;
  token(app: AppName, renew: boolean): { accessToken: string; expiresIn: number };
  checkToken(token: string): { app: AppName; state: TokenState } | undefined;
  /** One consent is one message. */
  consent(app: AppName, openid: string, template: string, times: number): number;
  useConsent(app: AppName, openid: string, template: string): boolean;
}

export function people(of: { credentials: Credentials; store: Store; clock: Clock; random: Random }): People {
  const { credentials, clock, random } = of;
  const sessionKeys = of.store.table<string>("session key");
  const consents = of.store.table<number>("consent");
  const loginCodes = new Map<string, Code>();
  const phoneCodes = new Map<string, Code>();
  const tokens = new Map<string, { app: AppName; until: Millis }>();
  const currentToken = new Map<AppName, string>();

  const mint = (codes: Map<string, Code>, length: number, code: Omit<Code, "until" | "used">): string => {
    for (const [name, old] of codes) {
      if (old.until > clock.uptime() && codes.size < CODES_MAX) break;
      codes.delete(name);
    }
    const name = text(random, length, BASE62);
    codes.set(name, { ...code, until: clock.uptime() + CODE_LIFETIME, used: false });
    return name;
  };
  const use = (codes: Map<string, Code>, app: AppName, name: string): CodeUse => {
    const code = codes.get(name);
    if (code === undefined || code.app !== app || code.until <= clock.uptime()) return { kind: "unknown" };
    if (code.used) return { kind: "used" };
    code.used = true;
    return { kind: "good", openid: code.openid, ...(code.phone !== undefined && { phone: code.phone }) };
  };
  const sessionKey = (app: AppName, openid: string): string => {
    const kept = sessionKeys.get(`${app}/${openid}`);
    if (kept !== undefined) return kept;
    const made = randomBytes(16).toString("base64");
    sessionKeys.set(`${app}/${openid}`, made);
    return made;
  };
  const knows = (app: AppName, openid: string): boolean => sessionKeys.get(`${app}/${openid}`) !== undefined;

  return {
    appOf: (appid) => APP_NAMES.find((app) => credentials.apps[app].appid === appid),
    mintLoginCode: (app, openid) => mint(loginCodes, 32, { app, openid }),
    useLoginCode: (app, code) => use(loginCodes, app, code),
    mintPhone(app, openid, phone) {
      const watermark = { timestamp: Math.floor(clock.now() / 1000), appid: credentials.apps[app].appid };
      const iv = randomBytes(16).toString("base64");
      const plaintext = JSON.stringify({
        phoneNumber: phone,
        purePhoneNumber: phone,
        countryCode: "86",
        watermark,
      });
      return {
        encryptData: encryptForMiniProgram({ sessionKey: sessionKey(app, openid), iv, plaintext }),
        iv,
        code: mint(phoneCodes, 64, { app, openid, phone }),
      };
    },
    usePhoneCode: (app, code) => use(phoneCodes, app, code),
    sessionKey,
    renewSessionKey: (app, openid) => sessionKeys.set(`${app}/${openid}`, randomBytes(16).toString("base64")),
    knows,
    belongsElsewhere: (app, openid) => !knows(app, openid) && APP_NAMES.some((other) => knows(other, openid)),
    token(app, renew) {
      const current = currentToken.get(app);
      const left = current === undefined ? 0 : (tokens.get(current)?.until ?? 0) - clock.uptime();
      if (current !== undefined && left > 0 && !renew) {
        return { accessToken: current, expiresIn: Math.ceil(left / 1000) };
      }
      // A token that was renewed by force is invalid at once, one that ran out is remembered as expired.
      for (const [name, { app: owner, until }] of tokens) {
        if (owner === app && (renew || until + TOKEN_LIFETIME < clock.uptime())) tokens.delete(name);
      }
      const made = text(random, 136, `${BASE62}_-`);
      tokens.set(made, { app, until: millis(clock.uptime() + TOKEN_LIFETIME) });
      currentToken.set(app, made);
      return { accessToken: made, expiresIn: TOKEN_LIFETIME / 1000 };
    },
    checkToken(name) {
      const token = tokens.get(name);
      return token && { app: token.app, state: token.until > clock.uptime() ? "good" : "expired" };
    },
    consent(app, openid, template, times) {
      const key = `${app}/${openid}/${template}`;
      const left = (consents.get(key) ?? 0) + times;
      consents.set(key, left);
      return left;
    },
    useConsent(app, openid, template) {
      const key = `${app}/${openid}/${template}`;
      const left = consents.get(key) ?? 0;
      if (left < 1) return false;
      consents.set(key, left - 1);
      return true;
    },
  };
}
