import { type Clock, type Millis, seconds } from "@bluepower/protocol/clock";
import { isPhone, type Phone } from "@bluepower/protocol/units";
import { decode, integer, is, object, type Shape, string } from "@bluepower/protocol/uplink/shape";
import type { MiniProgram } from "../config.ts";
import type { Side } from "../database/schema.ts";
import { decryptUserData } from "./userData.ts";
import type { WeChat, WeChatBusiness } from "./wechat.ts";

/** A person waits at a login page; WeChat answers in a tenth of a second. */
const DEADLINE = seconds(5);
/** A token is fetched anew before it expires, so that no call takes one that expires on its way. */
const TOKEN_MARGIN = seconds(300);
/** A phone number is handed over at once after the user has agreed; an old one may be a recording. */
const PHONE_AGE_MS = 10 * 60_000;

/** Codes that speak of what the user brought: bad code, used code, high-risk account, missing code. Others are ours or WeChat's. */
const USERS_FAULT = [40029, 40163, 40226, 41008];
/** What WeChat takes of the description of a delivery. */
const ITEM_MAX = 120;
const TOKEN_FAULT = [40001, 40014, 42001];

type Unavailable = { kind: "unavailable"; detail: string };
type Call = { kind: "ok"; body: Record<string, unknown> } | { kind: "error"; errcode: number } | Unavailable;

const session = object({ openid: string(64), session_key: string(64) });
const token = object({ access_token: string(1024), expires_in: integer });
const watermark = object({ appid: string(64), timestamp: integer });
const countryCode = is(
  (v): v is string | number => typeof v === "string" || typeof v === "number",
  "a country code",
);
const managed = object({
  is_trade_managed: is((v): v is boolean => typeof v === "boolean", "true or false"),
});
const phoneInfo = object({ purePhoneNumber: string(32), countryCode, watermark });

/**
 * WeChat's server interface for the two mini-programs. Without an app's credentials its calls are `unavailable`. Details hold
 * errcodes and never a key, a token or a code.
 */
export function weChat(of: {
  apiUrl: string;
  apps: Record<Side, MiniProgram | null>;
  clock: Clock;
}): WeChat & WeChatBusiness {
  const { apps, clock } = of;
  const tokens = new Map<Side, { value: Promise<string | Unavailable>; until: Millis }>();
  const missing = (side: Side): Unavailable => ({
    kind: "unavailable",
    detail: `no WeChat app is configured for the ${side} side`,
  });

  async function call(path: string, query: Record<string, string>, content?: unknown): Promise<Call> {
    const what = path.split("/").at(-1) ?? path;
    const abort = new AbortController();
    const timer = clock.after(DEADLINE, `wechat ${what}`, () => abort.abort());
    try {
      const response = await fetch(`${of.apiUrl}${path}?${new URLSearchParams(query)}`, {
        method: content === undefined ? "GET" : "POST",
        redirect: "error",
        signal: abort.signal,
        ...(content === undefined
          ? {}
          : { body: JSON.stringify(content), headers: { "Content-Type": "application/json" } }),
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        return { kind: "unavailable", detail: `${what}: HTTP ${response.status}` };
      }
      const body: unknown = await response.json();
      if (typeof body !== "object" || body === null)
        return { kind: "unavailable", detail: `${what}: no object` };
      const { errcode = 0 } = body as { errcode?: unknown };
      if (errcode !== 0) return { kind: "error", errcode: Number(errcode) };
      return { kind: "ok", body: body as Record<string, unknown> };
    } catch (error) {
      // The message of a failed fetch may repeat the address, which holds secrets.
      const reason = abort.signal.aborted ? `no answer within ${DEADLINE / 1000} s` : nameOf(error);
      return { kind: "unavailable", detail: `${what}: ${reason}` };
    } finally {
      timer.cancel();
    }
  }

  const failed = (errcode: number): { kind: "refused" | "unavailable"; detail: string } => ({
    kind: USERS_FAULT.includes(errcode) ? "refused" : "unavailable",
    detail: `errcode ${errcode}`,
  });

  function read<T>(shape: Shape<T>, body: unknown): { kind: "read"; value: T } | Unavailable {
    const decoded = decode(shape, body);
    if ("problem" in decoded)
      return { kind: "unavailable", detail: `an answer of WeChat: ${decoded.problem}` };
    return { kind: "read", value: decoded.value };
  }

  /** One token an app, fetched by the first that needs it; all that come meanwhile wait with it. */
  async function accessToken(side: Side, app: MiniProgram): Promise<string | Unavailable> {
    const kept = tokens.get(side);
    if (kept !== undefined && clock.uptime() < kept.until) return await kept.value;
    const fetching = fetchToken(side, app);
    tokens.set(side, { value: fetching, until: (clock.uptime() + DEADLINE) as Millis });
    const value = await fetching;
    if (typeof value !== "string") tokens.delete(side);
    return value;
  }

  async function fetchToken(side: Side, app: MiniProgram): Promise<string | Unavailable> {
    const answer = await call(
      "/cgi-bin/stable_token",
      {},
      { grant_type: "client_credential", appid: app.appid, secret: app.secret, force_refresh: false },
    );
    if (answer.kind === "error")
      return { kind: "unavailable", detail: `stable_token: errcode ${answer.errcode}` };
    if (answer.kind === "unavailable") return answer;
    const got = read(token, answer.body);
    if (got.kind === "unavailable") return got;
    const life = Math.max(seconds(got.value.expires_in) - TOKEN_MARGIN, DEADLINE);
    tokens.set(side, {
      value: Promise.resolve(got.value.access_token),
      until: (clock.uptime() + life) as Millis,
    });
    return got.value.access_token;
  }

  /** A call under a token; one that WeChat does not take any more is fetched anew, once. */
  async function tokenCall(side: Side, app: MiniProgram, path: string, content: unknown): Promise<Call> {
    for (let attempt = 1; ; attempt++) {
      const access = await accessToken(side, app);
      if (typeof access !== "string") return access;
      const answer = await call(path, { access_token: access }, content);
      if (answer.kind !== "error" || !TOKEN_FAULT.includes(answer.errcode) || attempt === 2) return answer;
      tokens.delete(side);
    }
  }

  /** The number, when it is a Chinese mobile number, was given to this app, and lately. */
  function checkedPhone(info: unknown, app: MiniProgram): Phone | undefined {
    const got = read(phoneInfo, info);
    if (got.kind === "unavailable") return undefined;
    const { purePhoneNumber, countryCode: country, watermark: mark } = got.value;
    if (String(country) !== "86" || mark.appid !== app.appid) return undefined;
    if (Math.abs(clock.now() - mark.timestamp * 1000) > PHONE_AGE_MS) return undefined;
    return isPhone(purePhoneNumber) ? purePhoneNumber : undefined;
  }

  return {
    async login(side, jsCode) {
      const app = apps[side];
      if (app === null) return missing(side);
      const answer = await call("/sns/jscode2session", {
        appid: app.appid,
        secret: app.secret,
        js_code: jsCode,
        grant_type: "authorization_code",
      });
      if (answer.kind === "unavailable") return answer;
      if (answer.kind === "error") return failed(answer.errcode);
      const got = read(session, answer.body);
      if (got.kind === "unavailable") return got;
      return { kind: "ok", openId: got.value.openid, sessionKey: got.value.session_key };
    },

    async phoneByCode(side, code) {
      const app = apps[side];
      if (app === null) return missing(side);
      const answer = await tokenCall(side, app, "/wxa/business/getuserphonenumber", { code });
      if (answer.kind === "unavailable") return answer;
      if (answer.kind === "error") return failed(answer.errcode);
      const phone = checkedPhone(answer.body.phone_info, app);
      return phone === undefined ? { kind: "refused", detail: "no usable number" } : { kind: "ok", phone };
    },

    phoneByData(side, sessionKey, encryptData, iv) {
      const app = apps[side];
      if (app === null) return { kind: "refused" };
      const phone = checkedPhone(decryptUserData({ sessionKey, encryptData, iv }), app);
      return phone === undefined ? { kind: "refused" } : { kind: "ok", phone };
    },

    async proveCredentials(side) {
      const app = apps[side];
      if (app === null) return null;
      const token = await fetchToken(side, app);
      return typeof token === "string" ? { kind: "ok" } : token;
    },

    async tradeManaged(side) {
      const app = apps[side];
      if (app === null) return missing(side);
      const content = { appid: app.appid };
      const answer = await tokenCall(side, app, "/wxa/sec/order/is_trade_managed", content);
      if (answer.kind === "unavailable") return answer;
      if (answer.kind === "error") return { kind: "unavailable", detail: `errcode ${answer.errcode}` };
      const got = read(managed, answer.body);
      return got.kind === "unavailable" ? got : { kind: "ok", managed: got.value.is_trade_managed };
    },

    async uploadShipping(side, { transactionId, openId, item, time }) {
      const app = apps[side];
      if (app === null) return missing(side);
      const answer = await tokenCall(side, app, "/wxa/sec/order/upload_shipping_info", {
        order_key: { order_number_type: 2, transaction_id: transactionId },
        // Nothing is sent by post: what was bought is a service.
        logistics_type: 3,
        delivery_mode: 1,
        shipping_list: [{ item_desc: item.slice(0, ITEM_MAX) }],
        upload_time: time,
        payer: { openid: openId },
      });
      if (answer.kind === "error") return { kind: "refused", errcode: answer.errcode };
      return answer.kind === "ok" ? { kind: "ok" } : answer;
    },
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "failed");
