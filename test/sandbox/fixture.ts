import { createHash, createHmac, randomUUID, sign, verify, webcrypto } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { type Credentials, type Identity, identity } from "./credentials.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "./sandbox.ts";

let keys: Promise<Identity> | undefined;

/** A sandbox on free ports whose notifications are repeated at once; without dataDir all have the same keys. */
export async function freeSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  keys ??= identity({
    random: secureRandom((bytes) => webcrypto.getRandomValues(bytes)),
    now: systemClock.now(),
  });
  return await startSandbox({
    wirePort: 0,
    controlPort: 0,
    notifyScale: 0,
    ...(options.dataDir === undefined && { identity: await keys }),
    ...options,
  });
}

const unixSeconds = (): string => String(Math.floor(systemClock.now() / 1000));
const newNonce = (): string => randomUUID().replaceAll("-", "");
const signedBy = (privateKeyPem: string, ...lines: string[]): string =>
  sign("sha256", Buffer.from(lines.map((line) => `${line}\n`).join("")), privateKeyPem).toString("base64");

export interface Tampering {
  timestamp?: string;
  nonce?: string;
  serial?: string;
  mchid?: string;
  signature?: string;
  /** Sent in place of the body that was signed. */
  sentBody?: string;
  headers?: Record<string, string>;
}

/** A signed call made by hand, any part of which can be wrong. */
export async function call(
  sandbox: Pick<Sandbox, "wireUrl" | "credentials">,
  method: "GET" | "POST",
  target: string,
  body?: unknown,
  wrong: Tampering = {},
): Promise<{ status: number; body: Record<string, unknown>; raw: string; bytes: Buffer; headers: Headers }> {
  const { merchant } = sandbox.credentials;
  const text = body === undefined ? "" : JSON.stringify(body);
  const timestamp = wrong.timestamp ?? unixSeconds();
  const nonce = wrong.nonce ?? newNonce();
  const signature =
    wrong.signature ?? signedBy(merchant.privateKeyPem, method, target, timestamp, nonce, text);
  const parts = [
    `mchid="${wrong.mchid ?? merchant.mchid}"`,
    `nonce_str="${nonce}"`,
    `signature="${signature}"`,
    `timestamp="${timestamp}"`,
    `serial_no="${wrong.serial ?? merchant.serial}"`,
  ];
  const answer = await fetch(sandbox.wireUrl + target, {
    method,
    headers: {
      Authorization: `WECHATPAY2-SHA256-RSA2048 ${parts.join(",")}`,
      "Wechatpay-Serial": merchant.wechatPayPublicKeyId,
      ...(method === "POST" && { "Content-Type": "application/json" }),
      ...wrong.headers,
    },
    ...(method === "POST" && { body: wrong.sentBody ?? text }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const raw = bytes.toString("utf8");
  const parsed = raw.startsWith("{") ? (JSON.parse(raw) as Record<string, unknown>) : {};
  return { status: answer.status, body: parsed, raw, bytes, headers: answer.headers };
}

/** Whether an answer or a notification carries WeChat Pay's signature under the public key. */
export const signedByPublicKey = (credentials: Credentials, headers: Headers, body: string): boolean =>
  headers.get("Wechatpay-Serial") === credentials.merchant.wechatPayPublicKeyId &&
  verify(
    "sha256",
    Buffer.from(`${headers.get("Wechatpay-Timestamp")}\n${headers.get("Wechatpay-Nonce")}\n${body}\n`),
    credentials.merchant.wechatPayPublicKeyPem,
    Buffer.from(headers.get("Wechatpay-Signature") ?? "", "base64"),
  );

export const jsapiBody = (
  credentials: Credentials,
  more: Record<string, unknown> = {},
): Record<string, unknown> => ({
  appid: credentials.apps.user.appid,
  mchid: credentials.merchant.mchid,
  description: "充电 1 单元",
  out_trade_no: `T${randomUUID().replaceAll("-", "").slice(0, 20)}`,
  notify_url: "http://127.0.0.1:1/notify",
  amount: { total: 150, currency: "CNY" },
  payer: { openid: "demo-user-1" },
  ...more,
});

/** What the client hands to `wx.requestPayment`. */
export function requestPayment(
  credentials: Credentials,
  prepayId: unknown,
  { appid = credentials.apps.user.appid, timeStamp = unixSeconds() } = {},
) {
  const nonceStr = newNonce();
  const pack = `prepay_id=${String(prepayId)}`;
  const paySign = signedBy(credentials.merchant.privateKeyPem, appid, timeStamp, nonceStr, pack);
  return { timeStamp, nonceStr, package: pack, signType: "RSA", paySign };
}

export async function post(
  url: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

export const get = async (url: string): Promise<Record<string, unknown>> =>
  (await (await fetch(url)).json()) as Record<string, unknown>;

export interface Received {
  headers: Headers;
  body: string;
}

/** A merchant's notify_url that answers with the statuses given, the last one for ever. */
export async function merchantServer(statuses: number[]): Promise<{
  url: string;
  received: Received[];
  /** Resolves when so many notifications have come in. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}> {
  const received: Received[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => {
      body += piece;
    });
    request.on("end", () => {
      received.push({ headers: new Headers(request.headers as Record<string, string>), body });
      response.statusCode = statuses[received.length - 1] ?? statuses.at(-1) ?? 204;
      response.end();
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    received,
    arrived: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** SendSms signed as Aliyun's clients do; `secret` and `parameters` can be wrong. */
export async function sendSms(
  sandbox: Sandbox,
  parameters: Record<string, string>,
  wrong: { secret?: string; keyId?: string; date?: string; action?: string } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { sms } = sandbox.credentials;
  const query = Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join("&");
  const signed: Record<string, string> = {
    host: new URL(sandbox.wireUrl).host,
    "x-acs-action": wrong.action ?? "SendSms",
    "x-acs-content-sha256": sha256(""),
    "x-acs-date": wrong.date ?? new Date().toISOString().replace(/\.\d+/, ""),
    "x-acs-signature-nonce": randomUUID(),
    "x-acs-version": "2017-05-25",
  };
  const names = Object.keys(signed).join(";");
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
  const canonical = ["POST", "/", query, lines.join(""), names, sha256("")].join("\n");
  const signature = createHmac("sha256", wrong.secret ?? sms.accessKeySecret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest("hex");
  const credential = wrong.keyId ?? sms.accessKeyId;
  const { host: _, ...headers } = signed;
  const answer = await fetch(`${sandbox.wireUrl}/?${query}`, {
    method: "POST",
    headers: {
      ...headers,
      Authorization: `ACS3-HMAC-SHA256 Credential=${credential},SignedHeaders=${names},Signature=${signature}`,
    },
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

export const smsTo = (credentials: Credentials, phone: string, code: string): Record<string, string> => ({
  PhoneNumbers: phone,
  SignName: credentials.sms.signName,
  TemplateCode: credentials.sms.templateCode,
  TemplateParam: JSON.stringify({ code }),
});
