import type { Instant } from "@bluepower/protocol/clock";
import {
  anything,
  oneOf,
  openid,
  optional,
  type Problem,
  type Rule,
  required,
  type Shape,
  text,
  wholeNumber,
} from "./fields.ts";
import { parseRfc3339 } from "./rfc3339.ts";

/** WeChat's largest single amount is far above anything sold here; one million yuan in fen. */
export const AMOUNT_MAX = 100_000_000;

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** https, or http to this machine (the real WeChat Pay takes https only); without query and fragment. */
const notifyUrl: Rule = (value) => {
  if (typeof value !== "string" || value.length > 255) return "must be a URL of at most 255 characters";
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return "must be a full URL";
  }
  if (value.includes("?") || value.includes("#")) return "must have no query and no fragment";
  if (url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.includes(url.hostname)))
    return undefined;
  return "must be https, or http to a loopback address";
};

const time: Rule = (value) =>
  typeof value === "string" && parseRfc3339(value) !== undefined
    ? undefined
    : "must be an RFC 3339 time such as 2026-11-22T15:01:02+08:00";

export const outTradeNo = text(6, 32, {
  pattern: /^[0-9A-Za-z_\-|*]+$/,
  says: "made of 0-9 A-Z a-z _ - | *",
});
const outRefundNo = text(1, 64, { pattern: /^[0-9A-Za-z_\-|*@]+$/, says: "made of 0-9 A-Z a-z _ - | * @" });

const orderFields: Shape = {
  appid: required(text(1, 32)),
  mchid: required(text(1, 32)),
  description: required(text(1, 127)),
  out_trade_no: required(outTradeNo),
  time_expire: optional(time),
  attach: optional(text(0, 128)),
  notify_url: required(notifyUrl),
  goods_tag: optional(text(0, 32)),
  support_fapiao: optional(oneOf(true, false)),
  amount: required({ total: required(wholeNumber(1, AMOUNT_MAX)), currency: optional(oneOf("CNY")) }),
  detail: optional(anything),
  settle_info: optional({ profit_sharing: optional(oneOf(true, false)) }),
};

export const jsapiOrder: Shape = {
  ...orderFields,
  payer: required({ openid: required(openid) }),
  scene_info: optional(anything),
};

export const h5Order: Shape = {
  ...orderFields,
  scene_info: required({
    payer_client_ip: required(text(2, 45, { pattern: /^[0-9a-fA-F.:]+$/, says: "an IP address" })),
    device_id: optional(text(0, 32)),
    store_info: optional(anything),
    h5_info: required({
      type: required(oneOf("iOS", "Android", "Wap")),
      app_name: optional(text(0, 64)),
      app_url: optional(text(0, 128)),
      bundle_id: optional(text(0, 128)),
      package_name: optional(text(0, 128)),
    }),
  }),
};

export const closing: Shape = { mchid: required(text(1, 32)) };

export const refunding: Shape = {
  transaction_id: optional(text(1, 32)),
  out_trade_no: optional(outTradeNo),
  out_refund_no: required(outRefundNo),
  reason: optional(text(0, 80)),
  notify_url: optional(notifyUrl),
  funds_account: optional(oneOf("AVAILABLE")),
  amount: required({
    refund: required(wholeNumber(1, AMOUNT_MAX)),
    total: required(wholeNumber(1, AMOUNT_MAX)),
    currency: required(oneOf("CNY")),
    from: optional(anything),
  }),
  goods_detail: optional(anything),
};

export const echo: Shape = {
  notify_url: optional(notifyUrl),
  echo_message: required(text(1, 1024)),
  encrypted_echo_message: optional(text(1, 1024)),
};

/** Bodies as they are once their shape has been checked. */
export interface OrderBody {
  appid: string;
  mchid: string;
  description: string;
  out_trade_no: string;
  time_expire?: string;
  attach?: string;
  notify_url: string;
  amount: { total: number };
  payer?: { openid: string };
}

export interface RefundBody {
  transaction_id?: string;
  out_trade_no?: string;
  out_refund_no: string;
  reason?: string;
  notify_url?: string;
  amount: { refund: number; total: number };
}

/** An order that could be paid for longer than this is refused. */
const EXPIRE_MAX = 7 * 24 * 3600 * 1000;

/** The rule of `time_expire` that needs the present time. */
export function expiryProblem(timeExpire: Instant | undefined, now: Instant): Problem | undefined {
  if (timeExpire === undefined) return undefined;
  if (timeExpire <= now) return { field: "time_expire", issue: "lies in the past" };
  return timeExpire > now + EXPIRE_MAX
    ? { field: "time_expire", issue: "lies more than seven days ahead" }
    : undefined;
}
