import { createCipheriv, generateKeyPairSync, sign } from "node:crypto";
import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { describe, expect, test } from "vitest";
import { parseRfc3339, rfc3339 } from "./rfc3339.ts";
import { authorization, isPublishedKey, openResource, paySign, signatureProblem } from "./signing.ts";
import vectors from "./vectors.json" with { type: "json" };
import { accountProblem, notifyProblem, wechatPay } from "./wechatPay.ts";

const { merchantTestKeyPem, mchid, serial, timestamp, nonce } = vectors;

describe("published vectors", () => {
  test("a request is signed as WeChat's example", () => {
    const { method, path, body, expected } = vectors.request;
    const signer = { mchId: mchid, serial, privateKeyPem: merchantTestKeyPem };
    expect(authorization(signer, { method, target: path, body, timestamp, nonce })).toBe(
      `WECHATPAY2-SHA256-RSA2048 mchid="${mchid}",nonce_str="${nonce}",signature="${expected}",timestamp="${timestamp}",serial_no="${serial}"`,
    );
  });

  test("paySign is that of the example", () => {
    const { appId, prepayId, expected } = vectors.paySign;
    const payment = { appId, timeStamp: timestamp, nonceStr: nonce, package: `prepay_id=${prepayId}` };
    expect(paySign(merchantTestKeyPem, payment)).toBe(expected);
  });

  test("AES-GCM opens, and opens nothing that was changed", () => {
    const { key, nonce, aad, ciphertext, plaintext } = vectors.gcm;
    const sealed = { nonce, associatedData: aad, ciphertext };
    expect(openResource(key, sealed)).toBe(plaintext);
    expect(openResource(key, { ...sealed, associatedData: "x" })).toBeUndefined();
    expect(openResource(key, { ...sealed, nonce: "uluk4a9R25RX" })).toBeUndefined();
    expect(openResource(key, { ...sealed, ciphertext: `A${ciphertext.slice(1)}` })).toBeUndefined();
    expect(openResource(key, { ...sealed, ciphertext: "AAAA" })).toBeUndefined();
    expect(openResource("short", sealed)).toBeUndefined();
    const { apiV3Key, ...certificate } = vectors.certificates;
    const pem = openResource(apiV3Key, { ...certificate, associatedData: certificate.aad });
    expect(pem).toContain("BEGIN CERTIFICATE");
  });

  const said = (of: { serial: string; timestamp: string; nonce: string; signature: string }) =>
    new Headers({
      "Wechatpay-Serial": of.serial,
      "Wechatpay-Timestamp": of.timestamp,
      "Wechatpay-Nonce": of.nonce,
      "Wechatpay-Signature": of.signature,
    });

  test.each([
    ["an answer under the public key", vectors.response, vectors.response.publicKeyPem],
    ["a notification under a certificate", vectors.notifySignature, vectors.notifySignature.certPem],
  ])("%s is verified, and anything else is not", (_, of, pem) => {
    const keys = new Map([[of.serial, pem]]);
    const now = Number(of.timestamp);
    const problem = (change: { body?: string; header?: Record<string, string>; now?: number }) => {
      const headers = said(of);
      for (const [name, value] of Object.entries(change.header ?? {})) headers.set(name, value);
      return signatureProblem(keys, { headers, body: change.body ?? of.body, nowSeconds: change.now ?? now });
    };
    expect(problem({})).toBeUndefined();
    expect(problem({ now: now + 299 })).toBeUndefined();
    expect(problem({ now: now - 299 })).toBeUndefined();
    expect(problem({ now: now + 300 })).toContain("300 s");
    expect(problem({ now: now - 300 })).toContain("300 s");
    expect(problem({ body: `${of.body} ` })).toContain("does not fit");
    expect(problem({ header: { "Wechatpay-Nonce": "x" } })).toContain("does not fit");
    expect(problem({ header: { "Wechatpay-Timestamp": String(now + 1) } })).toContain("does not fit");
    expect(problem({ header: { "Wechatpay-Timestamp": "now" } })).toContain("no UNIX time");
    expect(problem({ header: { "Wechatpay-Serial": "x" } })).toContain("not known");
    expect(problem({ header: { "Wechatpay-Signature": "" } })).toContain("missing");
    expect(problem({ header: { "Wechatpay-Signature": `WECHATPAY/SIGNTEST/${of.signature}` } })).toContain(
      "probe",
    );
  });
});

test("RFC 3339 there and back, other zones and fractions, and nothing that is no time", () => {
  expect(rfc3339(instant(1_795_330_862_000))).toBe("2026-11-22T15:01:02+08:00");
  for (const text of [
    "2026-11-22T15:01:02+08:00",
    "2026-11-22T07:01:02Z",
    "2026-11-22T07:01:02.123Z",
    "2026-11-22T01:31:02-05:30",
  ]) {
    expect(parseRfc3339(text)).toBe(1_795_330_862_000);
  }
  for (const text of [
    "",
    "2026-11-22",
    "2026-02-30T00:00:00Z",
    "2026-11-22 15:01:02+08:00",
    "2026-11-22T24:00:00Z",
  ]) {
    expect(parseRfc3339(text)).toBeUndefined();
  }
});

describe("production refuses", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const real = { baseUrl: "https://api.mch.weixin.qq.com", privateKeyPem: privateKey };

  test.each([
    ["plain http", { baseUrl: "http://api.mch.weixin.qq.com" }, "must be https"],
    ["this machine", { baseUrl: "https://127.0.0.1:8086" }, "must not be 127.0.0.1"],
    ["this machine by name", { baseUrl: "https://localhost" }, "must not be localhost"],
    ["this machine in IPv6", { baseUrl: "https://[::1]" }, "must not be [::1]"],
    ["no URL", { baseUrl: "weixin" }, "no URL"],
    ["a published key", { privateKeyPem: merchantTestKeyPem }, "published test key"],
  ])("%s", (_, change, says) => {
    expect(accountProblem({ ...real, ...change }, true)).toContain(says);
    expect(accountProblem({ ...real, ...change }, false)).toBeUndefined();
  });

  test.each([
    "http://power.example",
    "http://127.0.0.1:8085",
    "https://127.0.0.1",
    "https://localhost",
    "power",
  ])("to be told of payments at %s", (payNotifyUrl) => {
    expect(notifyProblem({ payNotifyUrl }, true)).toMatch(/^PUBLIC_URL (must|is no URL)/);
    expect(notifyProblem({ payNotifyUrl }, false)).toBeUndefined();
    expect(notifyProblem({ payNotifyUrl: "https://power.example/wechat" }, true)).toBeUndefined();
  });

  test("and takes WeChat's own address with a key of one's own", () => {
    expect(accountProblem(real, true)).toBeUndefined();
    expect(isPublishedKey(merchantTestKeyPem)).toBe(true);
  });
});

describe("a notification", () => {
  const apiV3Key = "0123456789abcdef0123456789abcdef";
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const clock = new SimulatedClock(instant(1_795_330_862_000));
  const provider = wechatPay({
    clock,
    random: seededRandom(1),
    account: {
      baseUrl: "https://api.mch.weixin.qq.com",
      appId: "wx1",
      mchId: mchid,
      serial,
      privateKeyPem: merchantTestKeyPem,
      apiV3Key,
      publicKeyId: "PUB_KEY_ID_1",
      keys: new Map([["PUB_KEY_ID_1", publicKey.export({ type: "spki", format: "pem" }).toString()]]),
      payNotifyUrl: "https://example.com/pay",
      refundNotifyUrl: "https://example.com/refund",
    },
  });
  const seal = (content: unknown, key = apiV3Key) => {
    const cipher = createCipheriv("aes-256-gcm", key, "0123456789ab").setAAD(Buffer.from("transaction"));
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const bytes = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return {
      algorithm: "AEAD_AES_256_GCM",
      nonce: "0123456789ab",
      associated_data: "transaction",
      ciphertext: bytes.toString("base64"),
    };
  };
  const read = (event: unknown) => {
    const body = typeof event === "string" ? event : JSON.stringify(event);
    const seconds = String(Math.floor(clock.now() / 1000));
    const signature = sign("sha256", Buffer.from(`${seconds}\nn\n${body}\n`), privateKey).toString("base64");
    const headers = new Headers({
      "Wechatpay-Serial": "PUB_KEY_ID_1",
      "Wechatpay-Timestamp": seconds,
      "Wechatpay-Nonce": "n",
      "Wechatpay-Signature": signature,
    });
    return provider.readNotification(headers, body);
  };
  const paid = {
    appid: "wx1",
    mchid,
    out_trade_no: "90001123456789-abcdefgh",
    trade_state: "SUCCESS",
    transaction_id: "42",
    success_time: "2026-11-22T15:01:02+08:00",
    payer: { openid: "o" },
    amount: { total: 150, payer_total: 150 },
  };
  const event = (resource: unknown, event_type = "TRANSACTION.SUCCESS") => ({
    id: "n1",
    event_type,
    resource,
  });

  test("of a payment is read", async () => {
    expect(await read(event(seal(paid)))).toEqual({
      kind: "transaction",
      id: "n1",
      outTradeNo: paid.out_trade_no,
      appId: "wx1",
      mchId: mchid,
      state: {
        kind: "success",
        transactionId: "42",
        successTime: 1_795_330_862_000,
        total: 150,
        openId: "o",
      },
    });
  });

  test("of a refund is read", async () => {
    const refunded = {
      mchid,
      out_trade_no: "90001123456789-abcdefgh",
      out_refund_no: "90001123456789-abcdefgh-R1",
      refund_status: "SUCCESS",
      amount: { total: 150, refund: 50 },
    };
    expect(await read(event(seal(refunded), "REFUND.SUCCESS"))).toMatchObject({
      kind: "refund",
      refundNo: refunded.out_refund_no,
      status: "SUCCESS",
      amount: 50,
    });
  });

  test.each([
    ["no JSON", "{", "no JSON object"],
    ["a list", "[]", "no JSON object"],
    ["no id", { event_type: "TRANSACTION.SUCCESS", resource: seal(paid) }, "id or resource"],
    ["no resource", { id: "n1", event_type: "TRANSACTION.SUCCESS" }, "id or resource"],
    ["another algorithm", event({ ...seal(paid), algorithm: "AES" }), "algorithm"],
    ["another key", event(seal(paid, "f".repeat(32))), "cannot be decrypted"],
    ["no object inside", event(seal("7")), "no JSON object"],
    ["an event of another kind", event(seal(paid), "PAYSCORE.USER_PAID"), "is not taken"],
  ])("with %s is refused", async (_, given, says) => {
    const answer = await read(given);
    expect(answer).toMatchObject({ kind: "refused" });
    expect("detail" in answer && answer.detail).toContain(says);
  });

  test.each([
    ["no transaction_id", { transaction_id: undefined }],
    ["no success_time", { success_time: "yesterday" }],
    ["no amount", { amount: undefined }],
    ["half a fen", { amount: { total: 1.5 } }],
  ])("of a success with %s pays nothing", async (_, change) => {
    expect(await read(event(seal({ ...paid, ...change })))).toMatchObject({ state: { kind: "unavailable" } });
  });
});
