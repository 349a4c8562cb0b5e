import type { Clock } from "@bluepower/protocol/clock";
import { text as digits, type Random } from "@bluepower/protocol/random";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { APP_NAMES, type AppName, type Credentials } from "./credentials.ts";
import type { Faults } from "./faults.ts";
import {
  anything,
  firstProblem,
  isObject,
  oneOf,
  openid,
  optional,
  parseJson,
  required,
  type Shape,
  text,
  wholeNumber,
} from "./fields.ts";
import type { Messages } from "./messages.ts";
import type { People } from "./people.ts";
import { placeholderImage } from "./placeholderImage.ts";
import { parseRfc3339 } from "./rfc3339.ts";
import type { Stall } from "./stall.ts";
import { readSubscribeMessage } from "./subscribeMessage.ts";
import type { Order, Transactions } from "./transactions.ts";

type Env = { Bindings: HttpBindings };
type Reply = { errcode: number; errmsg: string } | Record<string, unknown>;

const error = (errcode: number, errmsg: string): Reply => ({ errcode, errmsg: `${errmsg}, rid: sandbox` });
const OK = { errcode: 0, errmsg: "ok" };

/** The server interface of mini-programs (`api.weixin.qq.com`): errors are HTTP 200 with an errcode. */
export function miniProgramWire(of: {
  credentials: Credentials;
  people: People;
  messages: Messages;
  transactions: Transactions;
  faults: Faults;
  stall: Stall;
  clock: Clock;
  random: Random;
  tradeManaged: (app: AppName) => boolean;
}): Hono<Env> {
  const { people } = of;
  const app = new Hono<Env>();

  /** The app, when the secret is its own. */
  const appWithSecret = (appid: string, secret: string): AppName | Reply => {
    const name = people.appOf(appid);
    if (name === undefined) return error(40013, "invalid appid");
    return of.credentials.apps[name].secret === secret ? name : error(40125, "invalid appsecret");
  };

  async function withFaults(
    c: Context<Env>,
    on: "login" | "shipping",
    answer: () => Reply,
  ): Promise<Response> {
    const fault = of.faults.take(on);
    if (fault === "500") return c.text("Internal Server Error", 500);
    // Too many calls are an errcode here, as everything is.
    if (fault === "429") return c.json(error(45011, "api minute-quota reach limit"));
    const given = answer();
    if (fault === "timeout-after-commit") {
      await of.stall.until(c.req.raw.signal);
      return c.body(null, 504);
    }
    return c.json(given);
  }

  app.get("/sns/jscode2session", (c) =>
    withFaults(c, "login", () => {
      const { appid = "", secret = "", js_code: code = "", grant_type: grant } = c.req.query();
      if (grant !== "authorization_code") return error(40002, "invalid grant_type");
      const name = appWithSecret(appid, secret);
      if (typeof name !== "string") return name;
      if (code === "") return error(41008, "missing code");
      const used = people.useLoginCode(name, code);
      if (used.kind !== "good")
        return used.kind === "used" ? error(40163, "code been used") : error(40029, "invalid code");
      return { openid: used.openid, session_key: people.sessionKey(name, used.openid) };
    }),
  );

  app.post("/cgi-bin/stable_token", async (c) => {
    const body = parseJson(await c.req.text());
    const problem = firstProblem(body, tokenRequest);
    if (problem !== undefined) return c.json(error(40002, `invalid ${problem.field}: ${problem.issue}`));
    const {
      appid,
      secret,
      force_refresh = false,
    } = body as { appid: string; secret: string; force_refresh?: boolean };
    const name = appWithSecret(appid, secret);
    if (typeof name !== "string") return c.json(name);
    const { accessToken, expiresIn } = people.token(name, force_refresh);
    return c.json({ access_token: accessToken, expires_in: expiresIn });
  });

  /** A POST under an access token: its JSON and the app whose token it is. */
  async function tokenCall(c: Context<Env>): Promise<{ body: unknown; name: AppName } | { refusal: Reply }> {
    const token = c.req.query("access_token") ?? "";
    const body = parseJson(await c.req.text());
    if (token === "") return { refusal: error(41001, "access_token missing") };
    const found = people.checkToken(token);
    if (found === undefined) {
      return { refusal: error(40001, "invalid credential, access_token is invalid or not latest") };
    }
    if (found.state === "expired") return { refusal: error(42001, "access_token expired") };
    return body === undefined ? { refusal: error(47001, "data format error") } : { body, name: found.app };
  }

  app.post("/wxa/business/getuserphonenumber", async (c) => {
    const read = await tokenCall(c);
    return withFaults(c, "login", () => {
      if ("refusal" in read) return read.refusal;
      const problem = firstProblem(read.body, { code: required(text(1, 128)), openid: optional(openid) });
      if (problem !== undefined) return error(40097, `invalid args: ${problem.field} ${problem.issue}`);
      const used = people.usePhoneCode(read.name, (read.body as { code: string }).code);
      if (used.kind !== "good") return error(40029, "invalid code");
      const { appid } = of.credentials.apps[read.name];
      const watermark = { timestamp: Math.floor(of.clock.now() / 1000), appid };
      const phone = used.phone ?? "";
      return {
        ...OK,
        phone_info: { phoneNumber: phone, purePhoneNumber: phone, countryCode: "86", watermark },
      };
    });
  });

  app.post("/cgi-bin/message/subscribe/send", async (c) => {
    const call = await tokenCall(c);
    if ("refusal" in call) return c.json(call.refusal);
    const { body, name } = call;
    const read = readSubscribeMessage(body);
    if ("problem" in read) {
      return c.json(error(read.errcode, `argument invalid! ${read.problem.field} ${read.problem.issue}`));
    }
    const { touser, template_id, page, params } = read.message;
    if (!people.knows(name, touser)) return c.json(error(40003, "invalid openid"));
    if (!people.useConsent(name, touser, template_id)) {
      return c.json(error(43101, "user refuse to accept the msg"));
    }
    of.messages.add({
      kind: "subscribe",
      to: touser,
      params,
      template: template_id,
      ...(page !== undefined && { page }),
    });
    return c.json({ ...OK, msgid: Number(digits(of.random, 9, "123456789")) });
  });

  app.post("/wxa/getwxacodeunlimit", async (c) => {
    const call = await tokenCall(c);
    if ("refusal" in call) return c.json(call.refusal);
    const { body } = call;
    const problem = firstProblem(body, codeRequest);
    const codes: Record<string, number> = { scene: 40169, page: 41030 };
    if (problem !== undefined) {
      return c.json(error(codes[problem.field] ?? 40097, `${problem.field} ${problem.issue}`));
    }
    const { width = 430 } = body as { width?: number };
    return c.body(new Uint8Array(placeholderImage(width)), 200, { "Content-Type": "image/png" });
  });

  app.post("/wxa/sec/order/upload_shipping_info", async (c) => {
    const call = await tokenCall(c);
    return withFaults(c, "shipping", () => ("refusal" in call ? call.refusal : shipped(call.body)));
  });

  function shipped(body: unknown): Reply {
    const problem = firstProblem(body, shippingInfo);
    if (problem !== undefined) {
      return error(10060014, `parameter error: ${problem.field} ${problem.issue}`);
    }
    const info = body as { order_key: OrderKey; payer: { openid: string } };
    const order = orderOf(of.transactions, of.credentials, info.order_key);
    if (order === undefined) return error(10060001, "the payment does not exist");
    if (order.state !== "SUCCESS") {
      return error(10060004, "the payment cannot be shipped in its state");
    }
    if (order.openid !== info.payer.openid)
      return error(10060014, "parameter error: payer.openid is not who paid");
    if (order.shipped === true) return error(10060002, "the payment has been shipped");
    of.transactions.ship(order);
    return OK;
  }

  app.post("/wxa/sec/order/is_trade_managed", async (c) => {
    const call = await tokenCall(c);
    return withFaults(c, "shipping", () => {
      if ("refusal" in call) return call.refusal;
      const appid = isObject(call.body) ? call.body.appid : undefined;
      const name = APP_NAMES.find((one) => of.credentials.apps[one].appid === appid);
      if (name === undefined) return error(40013, "invalid appid");
      return { ...OK, is_trade_managed: of.tradeManaged(name) };
    });
  });

  return app;
}

const tokenRequest: Shape = {
  grant_type: required(oneOf("client_credential")),
  appid: required(text(1, 32)),
  secret: required(text(1, 64)),
  force_refresh: optional(oneOf(true, false)),
};

const codeRequest: Shape = {
  scene: required(
    text(1, 32, {
      pattern: /^[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+$/,
      says: "visible ASCII without % and quotes",
    }),
  ),
  page: optional(
    text(0, 1024, { pattern: /^(?!\/)[^?]*$/, says: "a path without leading / and without query" }),
  ),
  check_path: optional(oneOf(true, false)),
  env_version: optional(oneOf("release", "trial", "develop")),
  width: optional(wholeNumber(280, 1280)),
  auto_color: optional(oneOf(true, false)),
  line_color: optional(anything),
  is_hyaline: optional(oneOf(true, false)),
};

const shippingInfo: Shape = {
  order_key: required({
    order_number_type: required(oneOf(1, 2)),
    transaction_id: optional(text(1, 64)),
    mchid: optional(text(1, 32)),
    out_trade_no: optional(text(1, 32)),
  }),
  logistics_type: required(oneOf(1, 2, 3, 4)),
  delivery_mode: required(oneOf(1, 2)),
  is_all_delivered: optional(oneOf(true, false)),
  shipping_list: required((list) => {
    if (!Array.isArray(list) || list.length < 1 || list.length > 15) return "must be a list of 1 to 15";
    const problem = list.map((item) => firstProblem(item, shippedItem)).find((found) => found !== undefined);
    return problem && `: ${problem.field} ${problem.issue}`;
  }),
  upload_time: required((value) =>
    typeof value === "string" && parseRfc3339(value) !== undefined ? undefined : "must be an RFC 3339 time",
  ),
  payer: required({ openid: required(openid) }),
};

const shippedItem: Shape = {
  tracking_no: optional(text(1, 128)),
  express_company: optional(text(1, 128)),
  item_desc: required(text(1, 120)),
  contact: optional(anything),
};

interface OrderKey {
  order_number_type: 1 | 2;
  transaction_id?: string;
  mchid?: string;
  out_trade_no?: string;
}

function orderOf(transactions: Transactions, credentials: Credentials, key: OrderKey): Order | undefined {
  if (key.order_number_type === 2) return transactions.orderOfTransaction(key.transaction_id ?? "");
  return key.mchid === credentials.merchant.mchid ? transactions.order(key.out_trade_no ?? "") : undefined;
}
