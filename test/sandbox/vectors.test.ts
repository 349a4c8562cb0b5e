import { createDecipheriv } from "node:crypto";
import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { expect, test } from "vitest";
import { encryptForMiniProgram, encryptGcm } from "./cipher.ts";
import { identity } from "./credentials.ts";
import { paySignature, type SignedRequest } from "./paySignature.ts";
import { type AcsRequest, acsVerifier } from "./sms.ts";
import vectors from "./vectors.json" with { type: "json" };

const { merchant, gcm, bizData, acs3 } = vectors;

const random = seededRandom(1);
const published = instant(Number(merchant.timestamp) * 1000);
const made = await identity({ random, now: published });
Object.assign(made.credentials.merchant, { mchid: merchant.mchid, serial: merchant.serial });
made.platform.merchantPublicKeyPem = merchant.publicKeyPem;

function publishedMerchant() {
  const clock = new SimulatedClock(published);
  const certificates = { newest: () => made.platform.certificate };
  return paySignature({ identity: made, certificates, clock, random });
}

const authorization = [
  `mchid="${merchant.mchid}"`,
  `nonce_str="${merchant.nonce}"`,
  `signature="${merchant.request.expected}"`,
  `timestamp="${merchant.timestamp}"`,
  `serial_no="${merchant.serial}"`,
];
const request: SignedRequest = {
  method: merchant.request.method,
  target: merchant.request.path,
  authorization: `WECHATPAY2-SHA256-RSA2048 ${authorization.join(",")}`,
  body: merchant.request.body,
};

test("the published request is taken once and not again", () => {
  const signature = publishedMerchant();
  expect(signature.problem(request)).toBeUndefined();
  expect(signature.problem(request)).toContain("used before");
});

test.each<{ name: string; wrong: Partial<SignedRequest>; says: string }>([
  { name: "another method", wrong: { method: "GET" }, says: "does not fit" },
  { name: "a query added", wrong: { target: `${request.target}?a=1` }, says: "does not fit" },
  { name: "a blank added to the body", wrong: { body: `${request.body} ` }, says: "does not fit" },
  { name: "no header", wrong: { authorization: undefined }, says: "is missing" },
  {
    name: "a part missing",
    wrong: { authorization: `WECHATPAY2-SHA256-RSA2048 ${authorization.slice(1).join(",")}` },
    says: "lacks mchid",
  },
  {
    name: "a part twice",
    wrong: { authorization: `${request.authorization},${authorization[0]}` },
    says: "mchid twice",
  },
  { name: "a part of nobody", wrong: { authorization: `${request.authorization},a="1"` }, says: "unknown a" },
])("the published request with $name is refused", ({ wrong, says }) => {
  expect(publishedMerchant().problem({ ...request, ...wrong })).toContain(says);
});

test("the published paySign fits, and fits no other prepay_id", () => {
  const signature = publishedMerchant();
  const { appId, prepayId, expected } = merchant.paySign;
  const signed = { appid: appId, timeStamp: merchant.timestamp, nonceStr: merchant.nonce, paySign: expected };
  expect(signature.verifiesPaySign({ ...signed, package: `prepay_id=${prepayId}` })).toBe(true);
  expect(signature.verifiesPaySign({ ...signed, package: `prepay_id=${prepayId}1` })).toBe(false);
});

test("the published AES-GCM text comes out", () => {
  const { key, nonce, aad, plaintext, ciphertext } = gcm;
  expect(encryptGcm({ key, nonce, associatedData: aad, plaintext })).toBe(ciphertext);
});

test("the published encryptedData comes out of its own plain text", () => {
  const { sessionKey, iv, encryptedData } = bizData;
  const decipher = createDecipheriv(
    "aes-128-cbc",
    Buffer.from(sessionKey, "base64"),
    Buffer.from(iv, "base64"),
  );
  const plaintext = decipher.update(encryptedData, "base64", "utf8") + decipher.final("utf8");
  expect(JSON.parse(plaintext)).toMatchObject({ openId: "oGZUI0egBJY1zhBYw2KhdUfwVJJE" });
  expect(encryptForMiniProgram({ sessionKey, iv, plaintext })).toBe(encryptedData);
});

const acsRequest: AcsRequest = {
  method: "POST",
  path: "/",
  query: acs3.query,
  headers: {
    host: acs3.host,
    "x-acs-action": acs3.action,
    "x-acs-version": acs3.version,
    "x-acs-date": acs3.date,
    "x-acs-signature-nonce": acs3.nonce,
    "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    authorization: `ACS3-HMAC-SHA256 Credential=${acs3.accessKeyId},SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=${acs3.signature}`,
  },
  body: "",
};
const acs = () => acsVerifier({ ...acs3, clock: new SimulatedClock(instant(Date.parse(acs3.date))) });
const withHeaders = (headers: Record<string, string>): AcsRequest => ({
  ...acsRequest,
  headers: { ...acsRequest.headers, ...headers },
});

test("the published ACS3 request is taken once and not again", () => {
  const verifier = acs();
  expect(verifier.refusal(acsRequest)).toBeUndefined();
  expect(verifier.refusal(acsRequest)).toMatchObject({ code: "SignatureNonceUsed" });
});

test.each<{ name: string; wrong: AcsRequest; code: string }>([
  { name: "another query", wrong: { ...acsRequest, query: `${acs3.query}1` }, code: "SignatureDoesNotMatch" },
  { name: "another body", wrong: { ...acsRequest, body: "a=1" }, code: "SignatureDoesNotMatch" },
  {
    name: "an old date",
    wrong: withHeaders({ "x-acs-date": "2023-10-26T10:07:32Z" }),
    code: "InvalidTimeStamp.Expired",
  },
  {
    name: "an x-acs- header that is not signed",
    wrong: withHeaders({ "x-acs-x": "1" }),
    code: "IncompleteSignature",
  },
  { name: "no Authorization", wrong: withHeaders({ authorization: "" }), code: "IncompleteSignature" },
])("the published ACS3 request with $name is refused", ({ wrong, code }) => {
  expect(acs().refusal(wrong)).toMatchObject({ code });
});
