import { sign, verify } from "node:crypto";
import type { Clock } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { Identity } from "./credentials.ts";
import type { PlatformCertificates } from "./platformCertificates.ts";

/** Under which serial WeChat Pay signs: the newer public key, or the older platform certificate. */
export type Signer = "public-key" | "certificate";

export interface SignedRequest {
  method: string;
  /** Path and query exactly as they were sent. */
  target: string;
  authorization: string | undefined;
  body: string;
}

/** A request is refused when its time is this far from ours, in seconds, or farther. */
const SKEW = 300;

/** Nonces are remembered up to this number; the oldest goes first, as it would by its age a little later. */
const NONCES_MAX = 100_000;

const SCHEME = "WECHATPAY2-SHA256-RSA2048";
const PARTS = ["mchid", "nonce_str", "signature", "timestamp", "serial_no"] as const;

export interface PaySignature {
  /** Undefined when the merchant made this request just now; otherwise what is wrong with it. */
  problem(request: SignedRequest): string | undefined;
  /** Whether the client's `paySign` is the merchant's. */
  verifiesPaySign(of: {
    appid: string;
    timeStamp: string;
    nonceStr: string;
    package: string;
    paySign: string;
  }): boolean;
  /** The `Wechatpay-*` headers of an answer or a notification. `secondsAgo` dates it back. */
  headers(signer: Signer, body: string, secondsAgo?: number): Record<string, string>;
}

/** Both directions of WeChat Pay's signature, seen from WeChat's side. */
export function paySignature(of: {
  identity: Identity;
  certificates: Pick<PlatformCertificates, "newest">;
  clock: Clock;
  random: Random;
}): PaySignature {
  const { credentials, platform } = of.identity;
  const { merchant } = credentials;
  /** Nonces of the last `SKEW` seconds with the second after which they may be forgotten, oldest first. */
  const seen = new Map<string, number>();
  const now = (): number => Math.floor(of.clock.now() / 1000);

  const merchantSigned = (message: string, signature: string): boolean =>
    verify("sha256", Buffer.from(message), platform.merchantPublicKeyPem, Buffer.from(signature, "base64"));

  return {
    problem(request) {
      const parts = authorizationParts(request.authorization);
      if (typeof parts === "string") return parts;
      if (parts.mchid !== merchant.mchid) return `mchid ${parts.mchid} is not known`;
      if (parts.serial_no !== merchant.serial)
        return `serial_no ${parts.serial_no} is not of this merchant's certificate`;
      if (!/^\d{1,12}$/.test(parts.timestamp)) return "timestamp must be UNIX seconds";
      if (Math.abs(now() - Number(parts.timestamp)) >= SKEW) {
        return `timestamp ${parts.timestamp} is ${SKEW} s or more from the server's ${now()}`;
      }
      if (!/^[0-9A-Za-z_-]{1,32}$/.test(parts.nonce_str))
        return "nonce_str must be 1 to 32 of 0-9 A-Z a-z _ -";
      const { method, target, body } = request;
      const message = `${method}\n${target}\n${parts.timestamp}\n${parts.nonce_str}\n${body}\n`;
      if (!merchantSigned(message, parts.signature)) return "the signature does not fit what was received";
      for (const [nonce, until] of seen) {
        if (until > now() && seen.size < NONCES_MAX) break;
        seen.delete(nonce);
      }
      if (seen.has(parts.nonce_str)) return `nonce_str ${parts.nonce_str} was used before`;
      seen.set(parts.nonce_str, now() + 2 * SKEW);
      return undefined;
    },

    verifiesPaySign({ appid, timeStamp, nonceStr, package: pack, paySign }) {
      return merchantSigned(`${appid}\n${timeStamp}\n${nonceStr}\n${pack}\n`, paySign);
    },

    headers(signer, body, secondsAgo = 0) {
      const timestamp = String(now() - secondsAgo);
      const nonce = text(of.random, 32, BASE62);
      const certificate = of.certificates.newest();
      const [serial, key] =
        signer === "public-key"
          ? [merchant.wechatPayPublicKeyId, platform.publicKeyModePrivateKeyPem]
          : [certificate.serial, certificate.privateKeyPem];
      const message = Buffer.from(`${timestamp}\n${nonce}\n${body}\n`);
      return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": sign("sha256", message, key).toString("base64"),
        "Wechatpay-Signature-Type": SCHEME,
      };
    },
  };
}

type AuthorizationParts = Record<(typeof PARTS)[number], string>;

/** The five parts of the header, in any order, each once and nothing else; or what is wrong with it. */
function authorizationParts(header: string | undefined): AuthorizationParts | string {
  if (header === undefined) return "the Authorization header is missing";
  if (!header.startsWith(`${SCHEME} `)) return `the Authorization header must begin with ${SCHEME}`;
  const found = new Map<string, string>();
  for (const part of header.slice(SCHEME.length + 1).split(",")) {
    const [, name, value] = /^\s*([a-z_]+)="([^"]*)"\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined)
      return `the Authorization header holds ${part}, not name="value"`;
    if (found.has(name)) return `the Authorization header has ${name} twice`;
    found.set(name, value);
  }
  const parts: Partial<AuthorizationParts> = {};
  for (const name of PARTS) {
    const value = found.get(name);
    if (value === undefined || value === "") return `the Authorization header lacks ${name}`;
    parts[name] = value;
    found.delete(name);
  }
  const [stranger] = found.keys();
  return stranger === undefined
    ? (parts as AuthorizationParts)
    : `the Authorization header has an unknown ${stranger}`;
}

/** A signature that has the right length and is wrong: one of its bits is turned. */
export function spoiled(headers: Record<string, string>): Record<string, string> {
  const signature = Buffer.from(headers["Wechatpay-Signature"] ?? "", "base64");
  signature[0] = (signature[0] ?? 0) ^ 1;
  return { ...headers, "Wechatpay-Signature": signature.toString("base64") };
}
