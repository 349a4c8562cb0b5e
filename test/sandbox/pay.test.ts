import { createPublicKey, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Aes, Decorator, Formatter, Rsa } from "wechatpay-axios-plugin";
import {
  call,
  freeSandbox,
  get,
  jsapiBody,
  merchantServer,
  post,
  type Received,
  requestPayment,
  signedByPublicKey,
} from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

type Client = ReturnType<typeof Decorator.jsonBased>;

/** The third party's client; it verifies every answer with the keys given, by default the public key. */
function independentClient(sandbox: Sandbox, certs?: Record<string, string>): Client {
  const { mchid, serial, privateKeyPem, wechatPayPublicKeyId, wechatPayPublicKeyPem } =
    sandbox.credentials.merchant;
  const configuration = {
    mchid,
    serial,
    privateKey: privateKeyPem,
    certs: certs ?? { [wechatPayPublicKeyId]: wechatPayPublicKeyPem },
    baseURL: `${sandbox.wireUrl}/`,
    headers: certs === undefined ? { "Wechatpay-Serial": wechatPayPublicKeyId } : {},
  };
  return Decorator.jsonBased(configuration);
}

let sandbox: Sandbox;
let client: Client;
beforeAll(async () => {
  sandbox = await freeSandbox();
  client = independentClient(sandbox);
});
afterAll(() => sandbox.close());

const JSAPI = "/v3/pay/transactions/jsapi";
const byNumber = (number: unknown): string =>
  `/v3/pay/transactions/out-trade-no/${String(number)}?mchid=${sandbox.credentials.merchant.mchid}`;
const prepared = async (more: Record<string, unknown> = {}) => {
  const body = jsapiBody(sandbox.credentials, more);
  const answer = await call(sandbox, "POST", JSAPI, body);
  expect(answer.status).toBe(200);
  return { body, number: String(body.out_trade_no), prepayId: answer.body.prepay_id };
};
const paid = async (more: Record<string, unknown> = {}) => {
  const order = await prepared(more);
  const answer = await post(`${sandbox.controlUrl}/pay`, {
    ...requestPayment(sandbox.credentials, order.prepayId),
    notify: "never",
  });
  expect(answer).toMatchObject({ status: 200, body: { trade_state: "SUCCESS" } });
  return { ...order, transactionId: String(answer.body.transaction_id) };
};

/** A notification, verified and decrypted by the third party's code alone. */
function opened(notification: Received | undefined): { event: string; content: unknown } {
  if (notification === undefined) throw new Error("nothing arrived");
  const { headers, body } = notification;
  const { apiV3Key, wechatPayPublicKeyId, wechatPayPublicKeyPem } = sandbox.credentials.merchant;
  const header = (name: string): string => headers.get(`Wechatpay-${name}`) ?? "";
  expect(header("Serial")).toBe(wechatPayPublicKeyId);
  const signed = Formatter.response(header("Timestamp"), header("Nonce"), body);
  expect(Rsa.verify(signed, header("Signature"), Rsa.from(wechatPayPublicKeyPem, "public"))).toBe(true);
  const { resource, event_type } = JSON.parse(body) as {
    resource: Record<string, string>;
    event_type: string;
  };
  const { ciphertext = "", nonce = "", associated_data } = resource;
  const content = Aes.AesGcm.decrypt(ciphertext, apiV3Key, nonce, associated_data);
  return { event: event_type, content: JSON.parse(content) };
}

describe("an independent client", () => {
  test("orders, pays, asks by both numbers, refunds and asks for the refund", async () => {
    const { mchid } = sandbox.credentials.merchant;
    const merchant = await merchantServer([204]);
    const body = jsapiBody(sandbox.credentials, { notify_url: merchant.url });
    const { data: order } = await client.post(JSAPI, body);
    expect(order.prepay_id).toMatch(/^wx\d{14}[0-9a-f]{20}$/);

    const number = String(body.out_trade_no);
    const ask = () => client.get(byNumber(number));
    expect((await ask()).data).toMatchObject({ trade_state: "NOTPAY", amount: { total: 150 } });

    const payment = await post(
      `${sandbox.controlUrl}/pay`,
      requestPayment(sandbox.credentials, order.prepay_id),
    );
    expect(payment.status).toBe(200);
    const { data: settled } = await ask();
    expect(settled).toMatchObject({
      trade_state: "SUCCESS",
      trade_type: "JSAPI",
      payer: { openid: "demo-user-1" },
      amount: { total: 150, payer_total: 150, currency: "CNY" },
    });
    const byId = await client.get(`/v3/pay/transactions/id/${settled.transaction_id}`, { params: { mchid } });
    expect(byId.data).toEqual(settled);

    await merchant.arrived(1);
    await merchant.close();
    expect(opened(merchant.received[0])).toEqual({ event: "TRANSACTION.SUCCESS", content: settled });

    const refund = {
      out_trade_no: number,
      out_refund_no: `R${number}`,
      reason: "退款",
      amount: { refund: 50, total: 150, currency: "CNY" },
    };
    const told = await merchantServer([204]);
    const { data: accepted } = await client.post("/v3/refund/domestic/refunds", {
      ...refund,
      notify_url: told.url,
    });
    expect(accepted).toMatchObject({
      status: "PROCESSING",
      transaction_id: settled.transaction_id,
      amount: { refund: 50 },
    });
    await expect
      .poll(async () => {
        const { data } = await client.get(`/v3/refund/domestic/refunds/R${number}`);
        return data.status;
      })
      .toBe("SUCCESS");
    expect((await ask()).data).toMatchObject({ trade_state: "REFUND" });
    await told.arrived(1);
    await told.close();
    expect(opened(told.received[0])).toMatchObject({
      event: "REFUND.SUCCESS",
      content: {
        out_trade_no: number,
        out_refund_no: `R${number}`,
        refund_status: "SUCCESS",
        amount: { total: 150, refund: 50 },
      },
    });
  });

  test("closes an order, which then nobody can pay", async () => {
    const { mchid } = sandbox.credentials.merchant;
    const body = jsapiBody(sandbox.credentials);
    const number = String(body.out_trade_no);
    const prepayId = (await client.post(JSAPI, body)).data.prepay_id;
    const closed = await client.post(`/v3/pay/transactions/out-trade-no/${number}/close`, { mchid });
    expect(closed.status).toBe(204);
    const payment = await post(`${sandbox.controlUrl}/pay`, requestPayment(sandbox.credentials, prepayId));
    expect(payment).toMatchObject({ status: 400, body: { error: "package names a closed order" } });
    expect(await call(sandbox, "GET", byNumber(number))).toMatchObject({ body: { trade_state: "CLOSED" } });
    expect(await call(sandbox, "POST", JSAPI, body)).toMatchObject({
      status: 400,
      body: { code: "ORDER_CLOSED" },
    });
  });

  test("refuses an answer that is badly signed, though the order was made", async () => {
    await post(`${sandbox.controlUrl}/fault`, { on: "pay", kind: "bad-signature", times: 1 });
    const body = jsapiBody(sandbox.credentials);
    await expect(client.post(JSAPI, body)).rejects.toMatchObject({
      code: "EV3_RES_HEADER_SIGNATURE_DIGEST",
    });
    expect(await call(sandbox, "GET", byNumber(body.out_trade_no))).toMatchObject({
      body: { trade_state: "NOTPAY" },
    });
  });

  test("verifies answers with the certificate that it downloaded when it asks without the public key", async () => {
    const { merchant } = sandbox.credentials;
    const { body } = await call(sandbox, "GET", "/v3/certificates");
    const [entry] = body.data as { serial_no: string; encrypt_certificate: Record<string, string> }[];
    const { ciphertext = "", nonce = "", associated_data } = entry?.encrypt_certificate ?? {};
    const pem = Aes.AesGcm.decrypt(ciphertext, merchant.apiV3Key, nonce, associated_data);
    const certificate = new X509Certificate(pem);
    expect(certificate.serialNumber).toBe(entry?.serial_no);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    const publicKey = certificate.publicKey.export({ type: "spki", format: "pem" }).toString();
    const byCertificate = independentClient(sandbox, { [certificate.serialNumber]: publicKey });
    const { data } = await byCertificate.post(JSAPI, jsapiBody(sandbox.credentials));
    expect(data.prepay_id).toMatch(/^wx/);
  });
});

describe("a request that is not the merchant's is refused with 401 and changes nothing", () => {
  // Of the time of the call: the rows below are made when the file is loaded, and may wait long for their turn.
  const seconds = (off: number) => () => ({ timestamp: String(Formatter.timestamp() + off) });
  test.each([
    { name: "wrong signature", wrong: { signature: Buffer.alloc(256, 7).toString("base64") } },
    { name: "body changed after signing", wrong: { sentBody: "{}" } },
    { name: "timestamp five minutes old", wrong: seconds(-301) },
    { name: "timestamp five minutes ahead", wrong: seconds(+310) },
    { name: "timestamp that is no number", wrong: { timestamp: "soon" } },
    { name: "unknown serial", wrong: { serial: "0000000000000000000000000000000000000000" } },
    { name: "unknown merchant", wrong: { mchid: "1900000000" } },
    { name: "no Authorization", wrong: { headers: { Authorization: "" } } },
    { name: "another scheme", wrong: { headers: { Authorization: "Bearer x" } } },
  ])("$name", async ({ wrong }) => {
    const body = jsapiBody(sandbox.credentials);
    const how = typeof wrong === "function" ? wrong() : wrong;
    const refused = await call(sandbox, "POST", JSAPI, body, how);
    expect(refused).toMatchObject({ status: 401, body: { code: "SIGN_ERROR" } });
    expect(await call(sandbox, "GET", byNumber(body.out_trade_no))).toMatchObject({ status: 404 });
  });

  test("a nonce used twice", async () => {
    const nonce = Formatter.nonce();
    expect(await call(sandbox, "GET", "/v3/certificates", undefined, { nonce })).toMatchObject({
      status: 200,
    });
    expect(await call(sandbox, "GET", "/v3/certificates", undefined, { nonce })).toMatchObject({
      status: 401,
    });
  });

  test("every refusal is signed", async () => {
    const refused = await call(sandbox, "POST", JSAPI, {}, { serial: "00" });
    expect(signedByPublicKey(sandbox.credentials, refused.headers, refused.raw)).toBe(true);
  });
});

test.each([
  { name: "an Accept without JSON", headers: { Accept: "text/html" } },
  { name: "no User-Agent", headers: { "User-Agent": "" } },
  { name: "a body that is not said to be JSON", headers: { "Content-Type": "text/plain" } },
  { name: "a Wechatpay-Serial of nobody", headers: { "Wechatpay-Serial": "PUB_KEY_ID_1" } },
])("$name is PARAM_ERROR and changes nothing", async ({ headers }) => {
  const body = jsapiBody(sandbox.credentials);
  const refused = await call(sandbox, "POST", JSAPI, body, { headers });
  expect(refused).toMatchObject({ status: 400, body: { code: "PARAM_ERROR" } });
  expect(await call(sandbox, "GET", byNumber(body.out_trade_no))).toMatchObject({ status: 404 });
});

test("a query names the merchant, and a body above 64 KiB is not read", async () => {
  const { number } = await prepared();
  const path = `/v3/pay/transactions/out-trade-no/${number}`;
  expect(await call(sandbox, "GET", path)).toMatchObject({
    status: 400,
    body: { detail: { field: "mchid" } },
  });
  expect(await call(sandbox, "GET", `${path}?mchid=1900000000`)).toMatchObject({ status: 400 });
  const large = await call(
    sandbox,
    "POST",
    JSAPI,
    jsapiBody(sandbox.credentials, { attach: "x".repeat(65_536) }),
  );
  expect(large.status).toBe(413);
});

describe("a field beyond its limit is PARAM_ERROR and named", () => {
  test.each([
    { field: "amount.total", more: { amount: { total: 0 } } },
    { field: "amount.total", more: { amount: { total: 1.5 } } },
    { field: "amount.total", more: { amount: { total: "150" } } },
    { field: "amount.currency", more: { amount: { total: 1, currency: "USD" } } },
    { field: "out_trade_no", more: { out_trade_no: "12345" } },
    { field: "out_trade_no", more: { out_trade_no: "1".repeat(33) } },
    { field: "out_trade_no", more: { out_trade_no: "number/1" } },
    { field: "description", more: { description: "电".repeat(128) } },
    { field: "attach", more: { attach: "a".repeat(129) } },
    { field: "notify_url", more: { notify_url: "http://example.com/notify" } },
    { field: "notify_url", more: { notify_url: "https://example.com/notify?a=1" } },
    { field: "time_expire", more: { time_expire: "2020-01-01T00:00:00+08:00" } },
    { field: "time_expire", more: { time_expire: "tomorrow" } },
    { field: "mchid", more: { mchid: "1900000000" } },
    { field: "payer", more: { payer: undefined } },
    { field: "payer.openid", more: { payer: { openid: "" } } },
    { field: "colour", more: { colour: "red" } },
  ])("$field $more", async ({ field, more }) => {
    const body = jsapiBody(sandbox.credentials, more);
    const refused = await call(sandbox, "POST", JSAPI, body);
    expect(refused).toMatchObject({ status: 400, body: { code: "PARAM_ERROR", detail: { field } } });
  });

  test("an appid of nobody, and an openid of the other app", async () => {
    const strange = await call(sandbox, "POST", JSAPI, jsapiBody(sandbox.credentials, { appid: "wx0" }));
    expect(strange).toMatchObject({ status: 400, body: { code: "APPID_MCHID_NOT_MATCH" } });
    await post(`${sandbox.controlUrl}/phone`, {
      app: "manager",
      openid: "only-manager",
      phone: "13900000001",
    });
    const foreign = await call(
      sandbox,
      "POST",
      JSAPI,
      jsapiBody(sandbox.credentials, { payer: { openid: "only-manager" } }),
    );
    expect(foreign).toMatchObject({ status: 400, body: { detail: { field: "payer.openid" } } });
  });
});

describe("the same out_trade_no again", () => {
  test("with the same fields, in any order, gives the current prepay_id", async () => {
    const { body, prepayId } = await prepared();
    const reversed = Object.fromEntries(Object.entries(body).reverse());
    expect(await call(sandbox, "POST", JSAPI, reversed)).toMatchObject({
      status: 200,
      body: { prepay_id: prepayId },
    });
  });

  test("with another amount is refused and leaves the order as it was", async () => {
    const { body, number } = await prepared();
    const other = await call(sandbox, "POST", JSAPI, { ...body, amount: { total: 1, currency: "CNY" } });
    expect(other).toMatchObject({ status: 403, body: { code: "OUT_TRADE_NO_USED" } });
    expect(await call(sandbox, "GET", byNumber(number))).toMatchObject({ body: { amount: { total: 150 } } });
  });

  test("of a paid order is refused, as is closing it", async () => {
    const { body, number } = await paid();
    expect(await call(sandbox, "POST", JSAPI, body)).toMatchObject({
      status: 400,
      body: { code: "ORDERPAID" },
    });
    const { mchid } = sandbox.credentials.merchant;
    const close = await call(sandbox, "POST", `/v3/pay/transactions/out-trade-no/${number}/close`, { mchid });
    expect(close).toMatchObject({ status: 400, body: { code: "ORDERPAID" } });
  });
});

describe("refunds", () => {
  const refund = (number: string, no: string, amount: number, more: Record<string, unknown> = {}) =>
    call(sandbox, "POST", "/v3/refund/domestic/refunds", {
      out_trade_no: number,
      out_refund_no: no,
      amount: { refund: amount, total: 150, currency: "CNY" },
      ...more,
    });

  test("never exceed the payment, and a repeat is the same refund", async () => {
    const { number } = await paid();
    const first = await refund(number, `A${number}`, 100);
    expect(first.status).toBe(200);
    const repeated = await refund(number, `A${number}`, 100);
    expect(repeated.body.refund_id).toBe(first.body.refund_id);
    expect(await refund(number, `A${number}`, 99)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST" },
    });
    expect(await refund(number, `B${number}`, 51)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST" },
    });
    expect(await refund(number, `C${number}`, 50)).toMatchObject({ status: 200 });
    const { transactions } = (await get(`${sandbox.controlUrl}/transactions`)) as {
      transactions: { out_trade_no: string; refunds: { amount: { refund: number } }[] }[];
    };
    const kept = transactions.find((one) => one.out_trade_no === number)?.refunds ?? [];
    expect(kept.map((one) => one.amount.refund)).toEqual([100, 50]);
  });

  test("of an unpaid or unknown order, or with another total, are refused", async () => {
    const { number } = await prepared();
    expect(await refund(number, `A${number}`, 1)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST" },
    });
    expect(await refund("unknown-1", "A1", 1)).toMatchObject({
      status: 404,
      body: { code: "RESOURCE_NOT_EXISTS" },
    });
    const settled = await paid();
    const amount = { refund: 1, total: 149, currency: "CNY" };
    expect(await refund(settled.number, "A2", 1, { amount })).toMatchObject({ status: 400 });
    expect(await call(sandbox, "GET", "/v3/refund/domestic/refunds/A2")).toMatchObject({ status: 404 });
  });

  test("wait in PROCESSING when they are settled by hand, and one that fails is announced as such", async () => {
    await post(`${sandbox.controlUrl}/refunds`, { settle: "manual" });
    const merchant = await merchantServer([204]);
    const { number } = await paid();
    await refund(number, `A${number}`, 150, { notify_url: merchant.url });
    expect(await call(sandbox, "GET", `/v3/refund/domestic/refunds/A${number}`)).toMatchObject({
      body: { status: "PROCESSING" },
    });
    const settled = await post(`${sandbox.controlUrl}/settle-refund`, {
      outRefundNo: `A${number}`,
      outcome: "CLOSED",
    });
    expect(settled).toMatchObject({ status: 200, body: { status: "CLOSED" } });
    await merchant.arrived(1);
    expect(merchant.received[0]?.body).toContain("REFUND.CLOSED");
    await merchant.close();
    // The money is with the merchant again, so it can be refunded once more.
    expect(await refund(number, `B${number}`, 150)).toMatchObject({ status: 200 });
    await post(`${sandbox.controlUrl}/refunds`, { settle: "auto" });
  });
});

describe("faults of WeChat Pay", () => {
  test.each([
    { kind: "500", status: 500, code: "SYSTEM_ERROR" },
    { kind: "429", status: 429, code: "FREQUENCY_LIMITED" },
  ])("$kind as often as asked, nothing is done, and then it works", async ({ kind, status, code }) => {
    await post(`${sandbox.controlUrl}/fault`, { on: "pay", kind, times: 2 });
    const body = jsapiBody(sandbox.credentials);
    expect(await call(sandbox, "POST", JSAPI, body)).toMatchObject({ status, body: { code } });
    expect(await call(sandbox, "POST", JSAPI, body)).toMatchObject({ status, body: { code } });
    expect(await call(sandbox, "GET", byNumber(body.out_trade_no))).toMatchObject({ status: 404 });
    expect(await call(sandbox, "POST", JSAPI, body)).toMatchObject({ status: 200 });
  });

  test("timeout-after-commit: no answer, and the order is there", async () => {
    await post(`${sandbox.controlUrl}/fault`, { on: "pay", kind: "timeout-after-commit", times: 1 });
    const body = jsapiBody(sandbox.credentials);
    await expect(client.post(JSAPI, body, { timeout: 300 })).rejects.toMatchObject({ code: "ECONNABORTED" });
    expect(await call(sandbox, "GET", byNumber(body.out_trade_no))).toMatchObject({
      body: { trade_state: "NOTPAY" },
    });
  });
});

test("security/echo proves signature and encryption both ways", async () => {
  const { merchant } = sandbox.credentials;
  const encrypted_echo_message = Rsa.encrypt("secret", createPublicKey(merchant.wechatPayPublicKeyPem));
  const { body } = await call(sandbox, "POST", "/v3/security/echo", {
    echo_message: "hello",
    encrypted_echo_message,
  });
  expect(body.echo_message).toBe("hello");
  expect(Rsa.decrypt(String(body.encrypted_echo_message), Rsa.from(merchant.privateKeyPem, "private"))).toBe(
    "secret",
  );
});
