import { type Clock, type Instant, instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { type Json, jsonObject, numberOf, objectOf, textOf } from "./json.ts";
import { type Answer, payCaller, type WeChatPayAccount } from "./payCall.ts";
import type {
  NotificationContent,
  PaymentOrder,
  PaymentProvider,
  PaymentRefusal,
  PaymentState,
} from "./payments.ts";
import { parseRfc3339, rfc3339 } from "./rfc3339.ts";
import { isPublishedKey, openResource, paySign } from "./signing.ts";

/** WeChat Pay takes at most this much. */
const DESCRIPTION_MAX = 127;
const REASON_MAX = 80;

/** The merchant's balance does not cover the refund today. */
const NOT_ENOUGH = "NOTENOUGH";

/**
 * What must not go into production: an interface that is not WeChat's own over https, and a key that WeChat publishes.
 * Undefined when the account may be used.
 */
export function accountProblem(
  account: Pick<WeChatPayAccount, "baseUrl" | "privateKeyPem">,
  production: boolean,
): string | undefined {
  if (!production) return undefined;
  const where = addressProblem("WECHAT_PAY_URL", account.baseUrl);
  if (where !== undefined) return `${where}: in production it is WeChat's own address`;
  return isPublishedKey(account.privateKeyPem)
    ? "the merchant's private key is a published test key: anybody can sign with it"
    : undefined;
}

/**
 * Where real money is taken WeChat Pay has to reach us: it tells of payments and refunds below PUBLIC_URL, and refuses a payment
 * whose notify_url is none that it can call. Undefined when it may be used.
 */
export function notifyProblem(
  { payNotifyUrl }: Pick<WeChatPayAccount, "payNotifyUrl">,
  production: boolean,
): string | undefined {
  const where = production ? addressProblem("PUBLIC_URL", payNotifyUrl) : undefined;
  return where === undefined ? undefined : `${where}: WeChat Pay tells of payments there`;
}

function addressProblem(name: string, url: string): string | undefined {
  if (!URL.canParse(url)) return `${name} is no URL`;
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:") return `${name} must be https, not ${protocol}//${hostname}`;
  const here =
    hostname === "localhost" || hostname.endsWith(".localhost") || /^(127\.|0\.|\[)/.test(hostname);
  return here ? `${name} must not be ${hostname}` : undefined;
}

/**
 * WeChat Pay v3 on the wire (reference: the merchant interface of WeChat Pay). Every answer is verified before it is believed;
 * what cannot be verified, times out or is a 5xx leaves the state unknown.
 */
export function wechatPay(of: { account: WeChatPayAccount; clock: Clock; random: Random }): PaymentProvider {
  const { account } = of;
  const { appId, mchId } = account;
  const { call, nonce, nowSeconds, problemOf } = payCaller(of);

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
      const at = parseRfc3339(textOf(answer.body, "create_time"));
      const accepted = at !== undefined && { acceptTime: at };
      if (status === "SUCCESS") return { kind: "success", refundId, ...accepted };
      if (status === "PROCESSING") return { kind: "processing", refundId, ...accepted };
      return status === "ABNORMAL" || status === "CLOSED"
        ? { kind: "refused", detail: `the refund is ${status}`, status, ...accepted }
        : { kind: "unavailable", detail: `a refund with status ${status}` };
    },

    async readNotification(headers, rawBody) {
      const problem = await problemOf(headers, rawBody);
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
