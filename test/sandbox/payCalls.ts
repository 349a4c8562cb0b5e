import { constants, privateDecrypt, publicEncrypt } from "node:crypto";
import type { Clock } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { BillKind, Bills } from "./bills.ts";
import { encryptGcm } from "./cipher.ts";
import type { Identity } from "./credentials.ts";
import { canonical, firstProblem, type Problem, parseJson, type Shape } from "./fields.ts";
import {
  closing,
  echo,
  expiryProblem,
  h5Order,
  jsapiOrder,
  type OrderBody,
  outTradeNo as outTradeNoRule,
  type RefundBody,
  refunding,
} from "./payFields.ts";
import type { Signer } from "./paySignature.ts";
import type { People } from "./people.ts";
import type { PlatformCertificates } from "./platformCertificates.ts";
import { parseRfc3339, rfc3339 } from "./rfc3339.ts";
import type { NewOrder, Order, Refund, Transactions } from "./transactions.ts";
import { orderView, refundView } from "./transactionView.ts";

/** A call of the merchant whose signature is verified. */
export interface Call {
  method: string;
  /** Without the query, percent-decoded piece by piece in the routes. */
  path: string;
  query: URLSearchParams;
  body: string;
  signer: Signer;
}

/** `body` undefined is an empty body, as with 204. A `file` takes its place, and is not signed. */
export interface Answer {
  status: 200 | 204 | 400 | 401 | 403 | 404 | 429 | 500;
  body?: unknown;
  file?: Buffer;
}

export const failure = (
  status: Answer["status"],
  code: string,
  message: string,
  problem?: Problem,
): Answer => ({
  status,
  body: {
    code,
    message,
    ...(problem !== undefined && {
      detail: { field: problem.field, issue: problem.issue, location: "body" },
    }),
  },
});

const badParameter = (problem: Problem): Answer =>
  failure(400, "PARAM_ERROR", `参数错误: ${problem.field} ${problem.issue}`, problem);

const ALREADY_PAID = failure(400, "ORDERPAID", "该订单已支付");
const NO_ORDER = failure(404, "ORDER_NOT_EXIST", "订单不存在");

export interface PayCalls {
  /** Answers a call; an unknown path is 404. Never throws for what a merchant sends. */
  answer(call: Call): Answer;
}

/** The calls of WeChat Pay v3 behind the signature. `refundAccepted` is told of every new refund. */
export function payCalls(of: {
  identity: Identity;
  certificates: PlatformCertificates;
  transactions: Transactions;
  people: People;
  clock: Clock;
  random: Random;
  wireUrl: string;
  refundAccepted: (refund: Refund) => void;
  bills: Bills;
}): PayCalls {
  const { identity, transactions, people, clock } = of;
  const { mchid } = identity.credentials.merchant;

  const wrongMchid = (given: string | null | undefined): Answer | undefined =>
    given === mchid
      ? undefined
      : badParameter({ field: "mchid", issue: `must be ${mchid}, who signed the request` });

  function prepare(call: Call, channel: Order["channel"]): Answer {
    const read = readBody<OrderBody>(call.body, channel === "JSAPI" ? jsapiOrder : h5Order);
    if ("refusal" in read) return read.refusal;
    const { body } = read;
    const wrong = wrongMchid(body.mchid);
    if (wrong !== undefined) return wrong;
    const app = people.appOf(body.appid);
    if (app === undefined)
      return failure(400, "APPID_MCHID_NOT_MATCH", `appid ${body.appid} is not bound to ${mchid}`);
    const openid = body.payer?.openid;
    if (openid !== undefined && people.belongsElsewhere(app, openid)) {
      return badParameter({ field: "payer.openid", issue: "is not an openid of this appid" });
    }
    const timeExpire = body.time_expire === undefined ? undefined : parseRfc3339(body.time_expire);
    const request: NewOrder = {
      outTradeNo: body.out_trade_no,
      channel,
      appid: body.appid,
      description: body.description,
      ...(body.attach !== undefined && { attach: body.attach }),
      notifyUrl: body.notify_url,
      total: body.amount.total,
      ...(openid !== undefined && { openid }),
      ...(timeExpire !== undefined && { timeExpire }),
      request: canonical(body),
      signer: call.signer,
    };
    const late = expiryProblem(timeExpire, clock.now());
    // A paid or closed number is told so even when its time is over.
    if (late !== undefined && (transactions.order(request.outTradeNo)?.state ?? "NOTPAY") === "NOTPAY") {
      return badParameter(late);
    }
    const ordered = transactions.prepare(request);
    switch (ordered.kind) {
      case "prepared": {
        const { prepayId } = ordered.order;
        if (channel === "JSAPI") return { status: 200, body: { prepay_id: prepayId } };
        return { status: 200, body: { h5_url: `${of.wireUrl}/h5/pay?prepay_id=${prepayId}` } };
      }
      case "different":
        return failure(403, "OUT_TRADE_NO_USED", "商户订单号重复: the number was used with other fields");
      case "paid":
        return ALREADY_PAID;
      case "closed":
        return failure(400, "ORDER_CLOSED", "订单已关闭");
      case "full":
        return failure(403, "RULE_LIMIT", "the sandbox is full: remove its folder to begin anew");
    }
  }

  function query(call: Call, order: Order | undefined): Answer {
    return (
      wrongMchid(call.query.get("mchid")) ??
      (order === undefined ? NO_ORDER : { status: 200, body: orderView(order, mchid) })
    );
  }

  function close(call: Call, outTradeNo: string): Answer {
    const read = readBody<{ mchid: string }>(call.body, closing);
    if ("refusal" in read) return read.refusal;
    const wrong = wrongMchid(read.body.mchid);
    if (wrong !== undefined) return wrong;
    const closed = transactions.close(outTradeNo);
    switch (closed.kind) {
      case "closed":
        return { status: 204 };
      case "unknown":
        return NO_ORDER;
      case "paid":
        return ALREADY_PAID;
    }
  }

  function refund(call: Call): Answer {
    const read = readBody<RefundBody>(call.body, refunding);
    if ("refusal" in read) return read.refusal;
    const { body } = read;
    if ((body.out_trade_no === undefined) === (body.transaction_id === undefined)) {
      return badParameter({ field: "out_trade_no", issue: "or transaction_id must be given, and not both" });
    }
    if (body.amount.refund > body.amount.total) {
      return badParameter({ field: "amount.refund", issue: "must not be above amount.total" });
    }
    const order =
      body.out_trade_no === undefined
        ? transactions.orderOfTransaction(body.transaction_id ?? "")
        : transactions.order(body.out_trade_no);
    if (order === undefined) return failure(404, "RESOURCE_NOT_EXISTS", "订单不存在");
    const refunded = transactions.refund({
      outRefundNo: body.out_refund_no,
      outTradeNo: order.outTradeNo,
      amount: body.amount.refund,
      total: body.amount.total,
      ...(body.reason !== undefined && { reason: body.reason }),
      ...(body.notify_url !== undefined && { notifyUrl: body.notify_url }),
      request: canonical(body),
      signer: call.signer,
    });
    switch (refunded.kind) {
      case "accepted":
        if (refunded.fresh) of.refundAccepted(refunded.refund);
        return { status: 200, body: refundView(refunded.refund, order) };
      case "unknown":
        return failure(404, "RESOURCE_NOT_EXISTS", "订单不存在");
      case "unpaid":
        return failure(400, "INVALID_REQUEST", "订单未支付: only a paid order can be refunded");
      case "different":
        return failure(
          400,
          "INVALID_REQUEST",
          "订单金额或退款金额与之前请求不一致: out_refund_no was used with other fields",
        );
      case "wrong_total":
        return failure(400, "INVALID_REQUEST", `订单金额不一致: amount.total must be ${order.total}`);
      case "too_much":
        return failure(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额");
      case "too_many":
        return failure(403, "RULE_LIMIT", "一笔订单最多退款50次");
    }
  }

  function queryRefund(outRefundNo: string): Answer {
    const found = transactions.refundOf(outRefundNo);
    const order = found === undefined ? undefined : transactions.order(found.outTradeNo);
    if (found === undefined || order === undefined)
      return failure(404, "RESOURCE_NOT_EXISTS", "退款单不存在");
    return { status: 200, body: refundView(found, order) };
  }

  function certificates(): Answer {
    const data = of.certificates.all().map((certificate) => {
      const nonce = text(of.random, 12, BASE62);
      const associatedData = "certificate";
      const ciphertext = encryptGcm({
        key: identity.credentials.merchant.apiV3Key,
        nonce,
        associatedData,
        plaintext: certificate.pem,
      });
      return {
        serial_no: certificate.serial,
        effective_time: rfc3339(certificate.from),
        expire_time: rfc3339(certificate.to),
        encrypt_certificate: {
          algorithm: "AEAD_AES_256_GCM",
          nonce,
          associated_data: associatedData,
          ciphertext,
        },
      };
    });
    return { status: 200, body: { data } };
  }

  function echoed(call: Call): Answer {
    const read = readBody<{ echo_message: string; encrypted_echo_message?: string }>(call.body, echo);
    if ("refusal" in read) return read.refusal;
    const { echo_message, encrypted_echo_message } = read.body;
    if (encrypted_echo_message === undefined) return { status: 200, body: { echo_message } };
    const { platform } = identity;
    const key =
      call.signer === "public-key"
        ? platform.publicKeyModePrivateKeyPem
        : of.certificates.newest().privateKeyPem;
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
    try {
      const plain = privateDecrypt({ key, ...oaep }, Buffer.from(encrypted_echo_message, "base64"));
      const back = publicEncrypt({ key: platform.merchantPublicKeyPem, ...oaep }, plain).toString("base64");
      return { status: 200, body: { echo_message, encrypted_echo_message: back } };
    } catch {
      return badParameter({
        field: "encrypted_echo_message",
        issue: "is not encrypted with the key of Wechatpay-Serial",
      });
    }
  }

  /** A bill is asked for, and fetched where the answer says. */
  function bill({ query }: Call, kind: BillKind): Answer {
    const [date, tar] = [query.get("bill_date") ?? "", query.get("tar_type")];
    const type = query.get("bill_type") ?? "ALL";
    const issue = (field: string, allowed: string) => badParameter({ field, issue: `must be ${allowed}` });
    if (!/^\d{4}-\d\d-\d\d$/.test(date)) return issue("bill_date", "yyyy-MM-dd");
    if (tar !== null && tar !== "GZIP") return issue("tar_type", "GZIP");
    if (type !== "ALL" && type !== "SUCCESS" && type !== "REFUND") {
      return issue("bill_type", "ALL, SUCCESS or REFUND");
    }
    const account = query.get("account_type") ?? "BASIC";
    if (!["BASIC", "OPERATION", "FEES"].includes(account)) {
      return issue("account_type", "BASIC, OPERATION or FEES");
    }
    const asked = of.bills.ask({ kind, date, type, gzip: tar === "GZIP" });
    // Nothing moves on the other accounts.
    if (asked.kind === "nothing" || account !== "BASIC") {
      return failure(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在");
    }
    if (asked.kind === "creating") return failure(400, "STATEMENT_CREATING", "账单生成中");
    if (asked.kind === "wrong_day") return failure(400, "INVALID_REQUEST", "参数错误: 请检查bill_date");
    const tail = tar === "GZIP" ? "&tartype=gzip" : "";
    const download_url = `${of.wireUrl}/v3/billdownload/file?token=${asked.token}${tail}`;
    return { status: 200, body: { hash_type: "SHA1", hash_value: asked.hash, download_url } };
  }

  function billFile({ query }: Call): Answer {
    const file = of.bills.file(query.get("token") ?? "");
    return file === undefined
      ? failure(400, "INVALID_REQUEST", "参数错误: 请重新获取账单地址")
      : { status: 200, file };
  }

  const routes: [method: string, path: RegExp, answer: (call: Call, id: string) => Answer][] = [
    ["POST", /^\/v3\/pay\/transactions\/jsapi$/, (call) => prepare(call, "JSAPI")],
    ["POST", /^\/v3\/pay\/transactions\/h5$/, (call) => prepare(call, "MWEB")],
    [
      "GET",
      /^\/v3\/pay\/transactions\/id\/([^/]+)$/,
      (call, id) => query(call, transactions.orderOfTransaction(id)),
    ],
    [
      "GET",
      /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)$/,
      (call, number) => {
        const issue = outTradeNoRule(number);
        return issue === undefined
          ? query(call, transactions.order(number))
          : badParameter({ field: "out_trade_no", issue });
      },
    ],
    ["POST", /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)\/close$/, close],
    ["POST", /^\/v3\/refund\/domestic\/refunds$/, (call) => refund(call)],
    ["GET", /^\/v3\/refund\/domestic\/refunds\/([^/]+)$/, (_, number) => queryRefund(number)],
    ["GET", /^\/v3\/bill\/tradebill$/, (call) => bill(call, "trade")],
    ["GET", /^\/v3\/bill\/fundflowbill$/, (call) => bill(call, "fund")],
    ["GET", /^\/v3\/billdownload\/file$/, (call) => billFile(call)],
    ["GET", /^\/v3\/certificates$/, () => certificates()],
    ["POST", /^\/v3\/security\/echo$/, (call) => echoed(call)],
  ];

  return {
    answer(call) {
      for (const [method, path, answer] of routes) {
        const found = method === call.method ? path.exec(call.path) : null;
        if (found !== null) return answer(call, percentDecoded(found[1] ?? ""));
      }
      return failure(404, "NOT_FOUND", `${call.method} ${call.path} is not offered by the sandbox`);
    },
  };
}

/** The text itself when its percent signs make no sense: no number will fit it. */
function percentDecoded(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}

function readBody<T>(raw: string, shape: Shape): { body: T } | { refusal: Answer } {
  const body = parseJson(raw);
  const problem = firstProblem(body, shape);
  return problem === undefined ? { body: body as T } : { refusal: badParameter(problem) };
}
