import {
  constants,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
} from "node:crypto";

/** Both sides of WeChat Pay v3's signature: RSA PKCS#1 v1.5 with SHA-256 over lines that each end with a line feed. */
const SCHEME = "WECHATPAY2-SHA256-RSA2048";

/** A message whose time is this far from ours, or farther, is refused: WeChat's own limit. */
const SKEW_SECONDS = 300;

/** Probes of WeChat carry a signature that begins so; taking one would be a mistake. */
const PROBE = "WECHATPAY/SIGNTEST/";

function signed(privateKeyPem: string, lines: readonly string[]): string {
  const message = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  return sign("sha256", message, { key: privateKeyPem, padding: constants.RSA_PKCS1_PADDING }).toString(
    "base64",
  );
}

export interface Signer {
  mchId: string;
  /** Serial number of the merchant's certificate. */
  serial: string;
  privateKeyPem: string;
}

/** The `Authorization` header of a request; `target` is path and query, `body` the bytes that are sent. */
export function authorization(
  signer: Signer,
  request: { method: string; target: string; body: string; timestamp: string; nonce: string },
): string {
  const { method, target, body, timestamp, nonce } = request;
  const signature = signed(signer.privateKeyPem, [method, target, timestamp, nonce, body]);
  return `${SCHEME} mchid="${signer.mchId}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${signer.serial}"`;
}

/** What the client hands to wx.requestPayment as `paySign`. */
export function paySign(
  privateKeyPem: string,
  payment: { appId: string; timeStamp: string; nonceStr: string; package: string },
): string {
  return signed(privateKeyPem, [payment.appId, payment.timeStamp, payment.nonceStr, payment.package]);
}

/** WeChat Pay's keys by their serial: the public key under its `PUB_KEY_ID_…`, certificates under their number; SPKI or X.509 PEM. */
export type VerifyingKeys = Pick<ReadonlyMap<string, string>, "get">;

/** What `signatureProblem` says of a serial that nobody knows: WeChat Pay may have changed its certificate. */
export const UNKNOWN_KEY = "Wechatpay-Serial names a key that is not known";

/** Undefined when WeChat Pay has said this, just now; otherwise what is wrong. */
export function signatureProblem(
  keys: VerifyingKeys,
  message: { headers: Headers; body: string; nowSeconds: number },
): string | undefined {
  const part = (name: string): string => message.headers.get(`Wechatpay-${name}`) ?? "";
  const [timestamp, nonce, serial, signature] = [
    part("Timestamp"),
    part("Nonce"),
    part("Serial"),
    part("Signature"),
  ];
  if (timestamp === "" || nonce === "" || serial === "" || signature === "") {
    return "a Wechatpay header is missing";
  }
  if (signature.startsWith(PROBE)) return "a probe with a wrong signature";
  if (!/^[0-9]{1,12}$/.test(timestamp)) return "Wechatpay-Timestamp is no UNIX time";
  if (Math.abs(message.nowSeconds - Number(timestamp)) >= SKEW_SECONDS) {
    return `Wechatpay-Timestamp is ${SKEW_SECONDS} s or more from now`;
  }
  const key = keys.get(serial);
  if (key === undefined) return UNKNOWN_KEY;
  const text = Buffer.from(`${timestamp}\n${nonce}\n${message.body}\n`);
  const fits = verify(
    "sha256",
    text,
    { key, padding: constants.RSA_PKCS1_PADDING },
    Buffer.from(signature, "base64"),
  );
  return fits ? undefined : "Wechatpay-Signature does not fit";
}

/** Opens an AEAD_AES_256_GCM resource; undefined when it was not sealed with this key or was changed. */
export function openResource(
  apiV3Key: string,
  sealed: { nonce: string; associatedData: string; ciphertext: string },
): string | undefined {
  const bytes = Buffer.from(sealed.ciphertext, "base64");
  if (bytes.length < 16) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", Buffer.from(apiV3Key), Buffer.from(sealed.nonce), {
      authTagLength: 16,
    });
    decipher.setAuthTag(bytes.subarray(-16));
    decipher.setAAD(Buffer.from(sealed.associatedData));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString("utf8");
  } catch {
    // The tag does not fit, or key or nonce have no possible length: for the caller all the same.
    return undefined;
  }
}

/** SHA-256 of the public half of the merchant key that WeChat Pay publishes in its documentation for trying signatures. */
const PUBLISHED_MERCHANT_KEY = "0076df9361cc1f5744359234d7df9fd43442cf369fb98826562f1d10a347ec5c";

/** A merchant key that anybody can read is no key. Throws on text that is no private key. */
export function isPublishedKey(privateKeyPem: string): boolean {
  const spki = createPublicKey(createPrivateKey(privateKeyPem)).export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex") === PUBLISHED_MERCHANT_KEY;
}
