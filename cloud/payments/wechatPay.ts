import { type Clock, type Instant, instant, seconds } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type {
  NotificationContent,
  PaymentOrder,
  PaymentProvider,
  PaymentRefusal,
  PaymentState,
} from "./payments.ts";
import { parseRfc3339, rfc3339 } from "./rfc3339.ts";
import {
  authorization,
  isPublishedKey,
  openResource,
  paySign,
  signatureProblem,
  type VerifyingKeys,
} from "./signing.ts";

/** A merchant of WeChat Pay v3 and the mini-program that its payers use. */
export interface WeChatPayAccount {
  /** Origin without a slash at its end. */
  baseUrl: string;
  appId: string;
  mchId: string;
  /** Serial number of the merchant's certificate. */
  serial: string;
  privateKeyPem: string;
  /** 32 characters. */
  apiV3Key: string;
  /** The serial that answers are asked to be signed under: `PUB_KEY_ID_…`. */
  publicKeyId: string;
  keys: VerifyingKeys;
  /** Where payments and refunds are told; without a query. */
  payNotifyUrl: string;
  refundNotifyUrl: string;
}

/** A person waits for it: a payment page that takes longer is given up; the state is then asked for. */
const CALL_DEADLINE = seconds(5);
/** No answer of WeChat Pay comes near it. */
const ANSWER_MAX = 256 * 1024;
/** WeChat Pay takes at most this much. */
const DESCRIPTION_MAX = 127;
const REASON_MAX = 80;

/** Answers that say nothing about the payment: ask again later. Spelled without underscores, as old and new spellings differ. */
const TRANSIENT = [
  "SYSTEMERROR",
  "BANKERROR",
  "FREQUENCYLIMITED",
  "FREQUENCYLIMITEXCEED",
  "RATELIMITEXCEEDED",
];
/** The merchant's balance does not cover the refund today. */
const NOT_ENOUGH = "NOTENOUGH";

type Json = Record<string, unknown>;
type Answer =
  | { kind: "ok"; body: Json }
  /** A verified 4xx. `code` without underscores. */
  | { kind: "error"; status: number; code: string; detail: string }
  | { kind: "unavailable"; detail: string };

/**
 * What must not go into production: an interface that is not WeChat's own over https, and a key that WeChat publishes.
 * Undefined when the account may be used.
 */
export function accountProblem(
  account: Pick<WeChatPayAccount, "baseUrl" | "privateKeyPem">,
  production: boolean,
): string | undefined {
  if (!production) return undefined;
  if (!URL.canParse(account.baseUrl)) return "WECHAT_PAY_URL is no URL";
  const { protocol, hostname } = new URL(account.baseUrl);
  if (protocol !== "https:") return `WECHAT_PAY_URL must be https, not ${protocol}`;
  if (hostname === "localhost" || hostname.endsWith(".localhost") || /^(127\.|0\.|\[)/.test(hostname)) {
    return `WECHAT_PAY_URL must not be ${hostname}: in production it is WeChat's own address`;
  }
  return isPublishedKey(account.privateKeyPem)
    ? "the merchant's private key is a published test key: anybody can sign with it"
    : undefined;
}

/**
 * WeChat Pay v3 on the wire (reference: the merchant interface of WeChat Pay). Every answer is verified before it is believed;
 * what cannot be verified, times out or is a 5xx leaves the state unknown.
 */
export function wechatPay(of: { account: WeChatPayAccount; clock: Clock; random: Random }): PaymentProvider {
  const { account, clock } = of;
  const { appId, mchId, baseUrl } = account;
  const random = of.random.fork("wechat pay");
  const nonce = (): string => text(random, 32, BASE62);
  const nowSeconds = (): number => Math.floor(clock.now() / 1000);
  /** A base URL may have a path, and the signature covers it. */
  const root = new URL(baseUrl).pathname.replace(/\/$/, "");

  async function call(method: "GET" | "POST", path: string, content?: Json): Promise<Answer> {
    const body = content === undefined ? "" : JSON.stringify(content);
    const aborting = new AbortController();
    const timer = clock.after(CALL_DEADLINE, "wechat pay call", () => aborting.abort());
    try {
      const response = await fetch(new URL(root + path, baseUrl), {
        method,
        redirect: "error",
        signal: aborting.signal,
        headers: {
          Accept: "application/json",
          "User-Agent": "bluepower-cloud",
          "Wechatpay-Serial": account.publicKeyId,
          Authorization: authorization(account, {
            method,
            target: root + path,
            body,
            timestamp: String(nowSeconds()),
            nonce: nonce(),
          }),
          ...(content !== undefined && { "Content-Type": "application/json" }),
        },
        ...(content !== undefined && { body }),
      });
      return judge(response, await boundedText(response));
    } catch (error) {
      const why = aborting.signal.aborted ? `no answer within ${CALL_DEADLINE} ms` : reasonOf(error);
      return { kind: "unavailable", detail: why };
    } finally {
      timer.cancel();
    }
  }

  function judge(response: Response, body: string): Answer {
    if (response.status >= 500 || response.status === 429) {
      return { kind: "unavailable", detail: `HTTP ${response.status} ${codeOf(body)}` };
    }
    const problem = signatureProblem(account.keys, {
      headers: response.headers,
      body,
      nowSeconds: nowSeconds(),
    });
    if (problem !== undefined) {
      return { kind: "unavailable", detail: `HTTP ${response.status} ${codeOf(body)}: ${problem}` };
    }
    const content = body === "" ? {} : jsonObject(body);
    if (content === undefined) return { kind: "unavailable", detail: "an answer that is no JSON object" };
    if (response.ok) return { kind: "ok", body: content };
    const code = codeOf(body);
    if (TRANSIENT.includes(code)) return { kind: "unavailable", detail: code };
    return {
      kind: "error",
      status: response.status,
      code,
      detail: `${code}: ${textOf(content, "message")}`,
    };
  }

  const orderBody = (order: PaymentOrder): Json => ({
    appid: appId,
    mchid: mchId,
    description: order.description.slice(0, DESCRIPTION_MAX),
    out_trade_no: order.outTradeNo,
    time_expire: rfc3339(instant(order.expireTime)),
    notify_url: account.payNotifyUrl,
    amount: { total: order.amount, currency: "CNY" },
  });

  const refusal = (answer: Exclude<Answer, { kind: "ok" }>): PaymentRefusal =>
    answer.kind === "error"
      ? { kind: "refused", detail: answer.detail }
      : { kind: "unavailable", detail: answer.detail };

  return {
    appId,
    mchId,

    async createJsapi(order) {
      const answer = await call("POST", "/v3/pay/transactions/jsapi", {
        ...orderBody(order),
        payer: { openid: order.openId },
      });
      if (answer.kind !== "ok") return refusal(answer);
      const prepayId = textOf(answer.body, "prepay_id");
      if (prepayId === "") return { kind: "unavailable", detail: "an answer without prepay_id" };
      const payment = {
        timeStamp: String(nowSeconds()),
        nonceStr: nonce(),
        package: `prepay_id=${prepayId}`,
        signType: "RSA" as const,
      };
      return {
        kind: "created",
        prepayId,
        payment: { ...payment, paySign: paySign(account.privateKeyPem, { appId, ...payment }) },
      };
    },

    async createH5(order) {
      const answer = await call("POST", "/v3/pay/transactions/h5", {
        ...orderBody(order),
        scene_info: { payer_client_ip: order.clientIp, h5_info: { type: "Wap" } },
      });
      if (answer.kind !== "ok") return refusal(answer);
      const h5Url = textOf(answer.body, "h5_url");
      return h5Url === ""
        ? { kind: "unavailable", detail: "an answer without h5_url" }
        : { kind: "created", h5Url };
    },

    async query(outTradeNo) {
      const number = encodeURIComponent(outTradeNo);
      const answer = await call("GET", `/v3/pay/transactions/out-trade-no/${number}?mchid=${mchId}`);
      if (answer.kind === "unavailable") return answer;
      if (answer.kind === "error") {
        return answer.status === 404
          ? { kind: "unknown_number" }
          : { kind: "unavailable", detail: answer.detail };
      }
      const said = answer.body;
      if (textOf(said, "out_trade_no") !== outTradeNo || textOf(said, "mchid") !== mchId) {
        return { kind: "unavailable", detail: "an answer about another payment" };
      }
      return transactionState(said);
    },

    async close(outTradeNo) {
      const number = encodeURIComponent(outTradeNo);
      const path = `/v3/pay/transactions/out-trade-no/${number}/close`;
      const answer = await call("POST", path, { mchid: mchId });
      if (answer.kind === "ok") return { kind: "closed" };
      if (answer.kind === "unavailable") return answer;
      // A number that WeChat does not know, or has closed before, takes no money either.
      if (answer.status === 404 || ["ORDERCLOSED", "ORDERNOTEXIST"].includes(answer.code)) {
        return { kind: "closed" };
      }
      if (["ORDERPAID", "USERPAYING"].includes(answer.code)) {
        return answer.code === "ORDERPAID"
          ? { kind: "paid" }
          : { kind: "unavailable", detail: "the payer is about to pay" };
      }
      return { kind: "unavailable", detail: answer.detail };
    },

    async refund(refund) {
      const answer = await call("POST", "/v3/refund/domestic/refunds", {
        out_trade_no: refund.outTradeNo,
        out_refund_no: refund.refundNo,
        reason: refund.reason.slice(0, REASON_MAX),
        notify_url: account.refundNotifyUrl,
        amount: { refund: refund.amount, total: refund.total, currency: "CNY" },
      });
      if (answer.kind === "unavailable") return answer;
      if (answer.kind === "error") {
        // 401: our own signature is not taken, which says nothing about the refund.
        return answer.code === NOT_ENOUGH || answer.status === 401
          ? { kind: "unavailable", detail: answer.detail }
          : { kind: "refused", detail: answer.detail };
      }
      const refundId = textOf(answer.body, "refund_id");
      const status = textOf(answer.body, "status");
      if (status === "SUCCESS") return { kind: "success", refundId };
      if (status === "PROCESSING") return { kind: "processing", refundId };
      return status === "ABNORMAL" || status === "CLOSED"
        ? { kind: "refused", detail: `the refund is ${status}`, status }
        : { kind: "unavailable", detail: `a refund with status ${status}` };
    },

    readNotification(headers, rawBody) {
      const problem = signatureProblem(account.keys, { headers, body: rawBody, nowSeconds: nowSeconds() });
      if (problem !== undefined) return { kind: "refused", detail: problem };
      return readEvent(rawBody, account.apiV3Key);
    },
  };
}

/** The content of a notification whose signature has been verified. */
function readEvent(
  rawBody: string,
  apiV3Key: string,
): NotificationContent | { kind: "refused"; detail: string } {
  const refused = (detail: string) => ({ kind: "refused" as const, detail });
  const event = jsonObject(rawBody);
  if (event === undefined) return refused("the body is no JSON object");
  const id = textOf(event, "id");
  const eventType = textOf(event, "event_type");
  const resource = objectOf(event, "resource");
  if (id === "" || resource === undefined) return refused("id or resource is missing");
  if (textOf(resource, "algorithm") !== "AEAD_AES_256_GCM") return refused("resource.algorithm is unknown");
  const opened = openResource(apiV3Key, {
    nonce: textOf(resource, "nonce"),
    associatedData: textOf(resource, "associated_data"),
    ciphertext: textOf(resource, "ciphertext"),
  });
  if (opened === undefined) return refused("resource cannot be decrypted");
  const content = jsonObject(opened);
  if (content === undefined) return refused("resource holds no JSON object");
  const outTradeNo = textOf(content, "out_trade_no");
  if (eventType.startsWith("TRANSACTION.")) {
    return {
      kind: "transaction",
      id,
      outTradeNo,
      appId: textOf(content, "appid"),
      mchId: textOf(content, "mchid"),
      state: transactionState(content),
    };
  }
  if (eventType.startsWith("REFUND.")) {
    return {
      kind: "refund",
      id,
      refundNo: textOf(content, "out_refund_no"),
      outTradeNo,
      mchId: textOf(content, "mchid"),
      status: textOf(content, "refund_status"),
      amount: numberOf(objectOf(content, "amount"), "refund"),
    };
  }
  return refused(`event_type ${eventType.slice(0, 60)} is not taken here`);
}

/** A transaction as a query and a notification carry it. */
function transactionState(said: Json): PaymentState {
  const transactionId = textOf(said, "transaction_id");
  const state = textOf(said, "trade_state");
  switch (state) {
    case "SUCCESS": {
      const successTime: Instant | undefined = parseRfc3339(textOf(said, "success_time"));
      const total = numberOf(objectOf(said, "amount"), "total");
      if (transactionId === "" || successTime === undefined || total === undefined) {
        return { kind: "unavailable", detail: "a success without its transaction, time or amount" };
      }
      const openId = textOf(objectOf(said, "payer") ?? {}, "openid");
      return { kind: "success", transactionId, successTime, total, openId: openId === "" ? null : openId };
    }
    case "REFUND":
      return { kind: "refunded", transactionId };
    case "NOTPAY":
    case "USERPAYING":
      return { kind: "open" };
    case "CLOSED":
    case "REVOKED":
    case "PAYERROR":
      return { kind: "closed" };
    default:
      return { kind: "unavailable", detail: `trade_state ${state.slice(0, 40)} is not known` };
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > ANSWER_MAX) throw new Error(`an answer over ${ANSWER_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

function jsonObject(body: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

const codeOf = (body: string): string =>
  textOf(jsonObject(body) ?? {}, "code")
    .replaceAll("_", "")
    .slice(0, 60);

const textOf = (of: Json, name: string): string => (typeof of[name] === "string" ? of[name] : "");

function objectOf(of: Json, name: string): Json | undefined {
  const value = of[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function numberOf(of: Json | undefined, name: string): number | undefined {
  const value = of?.[name];
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}
