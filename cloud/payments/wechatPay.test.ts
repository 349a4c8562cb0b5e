import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PaymentProvider } from "./payments.ts";
import { wechatPay } from "./wechatPay.ts";

const wechat = generateKeyPairSync("rsa", { modulusLength: 2048 });
const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (key: typeof wechat.publicKey): string => key.export({ type: "spki", format: "pem" }).toString();
const clock = new SimulatedClock(instant(1_795_330_862_000));
let answer: { status: number; body: object };
/** Whose key signs what is said. */
let signer = wechat.privateKey;
let server: Server;
let provider: PaymentProvider;

/** An interface that signs whatever it is told to say. */
beforeAll(async () => {
  server = createServer((_request, response) => {
    const body = JSON.stringify(answer.body);
    const seconds = String(Math.floor(clock.now() / 1000));
    const signed = sign("sha256", Buffer.from(`${seconds}\nn\n${body}\n`), signer);
    response.writeHead(answer.status, {
      "Wechatpay-Serial": "PUB_KEY_ID_1",
      "Wechatpay-Timestamp": seconds,
      "Wechatpay-Nonce": "n",
      "Wechatpay-Signature": signed.toString("base64"),
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  provider = wechatPay({
    clock,
    random: seededRandom(1),
    account: {
      baseUrl: `http://127.0.0.1:${port}`,
      appId: "wx1",
      mchId: "1900000001",
      serial: "S",
      privateKeyPem: merchant.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      apiV3Key: "0123456789abcdef0123456789abcdef",
      publicKeyId: "PUB_KEY_ID_1",
      keys: new Map([["PUB_KEY_ID_1", pem(wechat.publicKey)]]),
      payNotifyUrl: "https://example.com/pay",
      refundNotifyUrl: "https://example.com/refund",
    },
  });
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test.each([
  [401, "SIGN_ERROR", "unavailable"],
  [403, "NOT_ENOUGH", "unavailable"],
  [403, "NOTENOUGH", "unavailable"],
  [429, "FREQUENCY_LIMITED", "unavailable"],
  [500, "SYSTEM_ERROR", "unavailable"],
  [400, "INVALID_REQUEST", "refused"],
  [404, "RESOURCE_NOT_EXISTS", "refused"],
] as const)("a refund that is answered with %d %s is %s", async (status, code, kind) => {
  answer = { status, body: { code, message: "no" } };
  const refund = { outTradeNo: "1", refundNo: "1-R1", amount: 1, total: 1, reason: "r" };
  expect(await provider.refund(refund)).toMatchObject({ kind });
});

test("an answer that somebody else has signed says nothing, good or bad", async () => {
  signer = merchant.privateKey;
  const order = { outTradeNo: "1", description: "d", amount: 1, expireTime: 1_795_331_762_000 };
  const paid = {
    ...{ out_trade_no: "1", mchid: "1900000001", trade_state: "SUCCESS", transaction_id: "42" },
    ...{ success_time: "2026-11-22T15:01:02+08:00", amount: { total: 1 }, payer: { openid: "o" } },
  };
  const refund = { outTradeNo: "1", refundNo: "1-R1", amount: 1, total: 1, reason: "r" };
  const forged = {
    ...paid,
    prepay_id: "p",
    h5_url: "https://example.com",
    status: "SUCCESS",
    refund_id: "5",
  };
  for (const said of [
    { status: 200, body: forged },
    { status: 400, body: { code: "ORDERPAID", message: "no" } },
    { status: 404, body: { code: "ORDERNOTEXIST", message: "no" } },
  ]) {
    answer = said;
    const kinds = [
      await provider.query("1"),
      await provider.close("1"),
      await provider.refund(refund),
      await provider.createJsapi({ ...order, openId: "o" }),
      await provider.createH5({ ...order, clientIp: "192.0.2.1" }),
    ].map((a) => a.kind);
    expect(kinds).toEqual(Array(5).fill("unavailable"));
  }
  signer = wechat.privateKey;
  answer = { status: 200, body: forged };
  expect(await provider.query("1")).toMatchObject({ kind: "success" });
});

test.each([
  [400, "ORDER_CLOSED", "closed"],
  [404, "ORDER_NOT_EXIST", "closed"],
  [400, "ORDERPAID", "paid"],
  [400, "USERPAYING", "unavailable"],
  [403, "RULE_LIMIT", "unavailable"],
] as const)("closing that is answered with %d %s is %s", async (status, code, kind) => {
  answer = { status, body: { code, message: "no" } };
  expect(await provider.close("1")).toMatchObject({ kind });
});

test("an answer about another payment, or another merchant's, says nothing", async () => {
  const body = { out_trade_no: "1", mchid: "1900000001", trade_state: "CLOSED" };
  answer = { status: 200, body };
  expect(await provider.query("1")).toEqual({ kind: "closed" });
  for (const other of [{ out_trade_no: "2" }, { mchid: "1900000002" }]) {
    answer = { status: 200, body: { ...body, ...other } };
    expect(await provider.query("1")).toMatchObject({ kind: "unavailable" });
  }
});
