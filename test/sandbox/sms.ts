import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "@bluepower/protocol/clock";

export interface AcsRequest {
  method: string;
  path: string;
  /** The query as it was sent, without the question mark. */
  query: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string;
}

export interface AcsRefusal {
  status: 400 | 404;
  code: string;
  message: string;
}

/** The time of a request may differ this much from ours, in milliseconds. */
const SKEW = 15 * 60 * 1000;
/** Nonces are remembered up to this number; the oldest goes first. */
const NONCES_MAX = 100_000;
const SCHEME = "ACS3-HMAC-SHA256";
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** Hexadecimal HMAC of the canonical request over exactly the headers named. */
export function acsSignature(request: AcsRequest, signedHeaders: readonly string[], secret: string): string {
  const query = [...new URLSearchParams(request.query)]
    .map(([name, value]) => [percentEncoded(name), percentEncoded(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const headers = signedHeaders.map((name) => `${name}:${(request.headers[name] ?? "").trim()}\n`).join("");
  const canonical = [
    request.method,
    request.path,
    query,
    headers,
    signedHeaders.join(";"),
    request.headers["x-acs-content-sha256"] ?? "",
  ].join("\n");
  return createHmac("sha256", secret)
    .update(`${SCHEME}\n${sha256(canonical)}`)
    .digest("hex");
}

const sha256 = (value: string): string => createHash("sha256").update(value).digest("hex");

/** RFC 3986: all but unreserved characters. */
const percentEncoded = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export interface AcsVerifier {
  /** Undefined when the holder of the secret made this request just now. */
  refusal(request: AcsRequest): AcsRefusal | undefined;
}

/** Aliyun's check of a signed request (signature version 3). */
export function acsVerifier(of: { accessKeyId: string; accessKeySecret: string; clock: Clock }): AcsVerifier {
  /** Nonces with the instant after which their request would be too old anyway. */
  const seen = new Map<string, number>();
  return {
    refusal(request) {
      const { headers } = request;
      const [, id, names, given] =
        /^ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
          headers.authorization ?? "",
        ) ?? [];
      if (id === undefined || names === undefined || given === undefined) {
        return refuse(
          400,
          "IncompleteSignature",
          `Authorization must be ${SCHEME} Credential=…,SignedHeaders=…,Signature=…`,
        );
      }
      if (id !== of.accessKeyId)
        return refuse(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
      const date = headers["x-acs-date"] ?? "";
      const now = of.clock.now();
      if (!DATE.test(date) || !(Math.abs(Date.parse(date) - now) < SKEW)) {
        return refuse(
          400,
          "InvalidTimeStamp.Expired",
          "x-acs-date must be UTC, yyyy-MM-ddTHH:mm:ssZ, within 15 minutes",
        );
      }
      const signedHeaders = names.split(";");
      const missing = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-acs-"))].find(
        (name) => !signedHeaders.includes(name),
      );
      if (missing !== undefined) return refuse(400, "IncompleteSignature", `SignedHeaders lacks ${missing}`);
      if (signedHeaders.some((name, i) => name <= (signedHeaders[i - 1] ?? ""))) {
        return refuse(400, "IncompleteSignature", "SignedHeaders must be in alphabetical order, each once");
      }
      if (headers["x-acs-content-sha256"] !== sha256(request.body)) {
        return refuse(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the hash of the body");
      }
      const expected = acsSignature(request, signedHeaders, of.accessKeySecret);
      if (!timingSafeEqual(Buffer.from(expected), Buffer.from(given))) {
        return refuse(
          400,
          "SignatureDoesNotMatch",
          "Specified signature is not matched with our calculation.",
        );
      }
      const nonce = headers["x-acs-signature-nonce"] ?? "";
      if (nonce === "") return refuse(400, "MissingSignatureNonce", "x-acs-signature-nonce is missing");
      for (const [old, until] of seen) {
        if (until > now && seen.size < NONCES_MAX) break;
        seen.delete(old);
      }
      if (seen.has(nonce))
        return refuse(400, "SignatureNonceUsed", "Specified signature nonce was used already.");
      seen.set(nonce, now + 2 * SKEW);
      return undefined;
    },
  };
}

const refuse = (status: AcsRefusal["status"], code: string, message: string): AcsRefusal => ({
  status,
  code,
  message,
});
