import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { wechatPay } from "../../cloud/payments/wechatPay.ts";
import { APP_ID, type Lie, MCH_ID, payServer } from "./payServer.ts";

/** Our client of WeChat Pay against signatures and ciphers of a library that merchants use. */

let server: Awaited<ReturnType<typeof payServer>>;
const client = (change: object = {}) =>
  wechatPay({
    account: { ...server.account, ...change },
    clock: systemClock,
    random: seededRandom(`payer ${server.requests()}`),
  });

const order = (outTradeNo: string) => ({
  outTradeNo,
  description: "充电 30 分钟",
  amount: 150,
  expireTime: systemClock.now() + 300_000,
  openId: "openid-of-the-payer",
});

beforeAll(async () => {
  server = await payServer();
});
afterEach(() => {
  server.lies(undefined);
  server.balance(Number.POSITIVE_INFINITY);
});
afterAll(() => server?.close());

describe("what is signed on both sides", () => {
  test("an order is made, asked for, paid, and its payment believed", async () => {
    const pay = client();
    const made = await pay.createJsapi(order("BILL-1"));
    expect(made).toMatchObject({ kind: "created", prepayId: "prepay_id-BILL-1" });
    if (made.kind !== "created") return;
    const { timeStamp, nonceStr, package: wxPackage, paySign } = made.payment;
    expect(server.merchantSigned([APP_ID, timeStamp, nonceStr, wxPackage], paySign)).toBe(true);
    expect(server.merchantSigned([APP_ID, timeStamp, nonceStr, `${wxPackage}1`], paySign)).toBe(false);
    expect(server.transactions.get("BILL-1")).toMatchObject({ total: 150, description: "充电 30 分钟" });
    expect(await pay.query("BILL-1")).toEqual({ kind: "open" });

    server.pays("BILL-1");
    const success = {
      kind: "success",
      transactionId: "transaction-of-BILL-1",
      successTime: Date.UTC(2026, 10, 24, 4, 34, 56),
      total: 150,
      openId: "openid-of-the-payer",
    };
    expect(await pay.query("BILL-1")).toEqual(success);
    expect(await pay.close("BILL-1")).toEqual({ kind: "paid" });

    const { headers, body } = server.notification("BILL-1");
    expect(await pay.readNotification(headers, body)).toEqual({
      kind: "transaction",
      id: "event-of-BILL-1",
      outTradeNo: "BILL-1",
      appId: APP_ID,
      mchId: MCH_ID,
      state: success,
    });
  });

  test("an order for a browser; a number with characters that a path escapes", async () => {
    const pay = client();
    const { openId: _, ...web } = order("A_-|*1");
    expect(await pay.createH5({ ...web, clientIp: "203.0.113.7" })).toEqual({
      kind: "created",
      h5Url: "h5_url-A_-|*1",
    });
    expect(await pay.query("A_-|*1")).toEqual({ kind: "open" });
    expect(await pay.query("UNKNOWN")).toEqual({ kind: "unknown_number" });
  });

  test("a bill that is closed is answered without a body, and that is signed too", async () => {
    const pay = client();
    await pay.createJsapi(order("BILL-2"));
    expect(await pay.close("BILL-2")).toEqual({ kind: "closed" });
    expect(server.transactions.get("BILL-2")?.state).toBe("CLOSED");
    expect(await pay.query("BILL-2")).toEqual({ kind: "closed" });
    expect(await pay.close("UNKNOWN")).toEqual({ kind: "closed" });
  });

  test("a refund is made once, however often it is asked for, and never over what was paid", async () => {
    const pay = client();
    await pay.createJsapi(order("BILL-3"));
    server.pays("BILL-3");
    const refund = { outTradeNo: "BILL-3", refundNo: "BACK-3", amount: 100, total: 150, reason: "重复支付" };
    server.balance(0);
    expect(await pay.refund(refund)).toMatchObject({ kind: "unavailable" });
    expect(server.refunds.size).toBe(0);
    server.balance(1000);
    expect(await pay.refund(refund)).toEqual({ kind: "processing", refundId: "refund-of-BACK-3" });
    expect(await pay.refund(refund)).toEqual({ kind: "success", refundId: "refund-of-BACK-3" });
    expect(await pay.refund({ ...refund, refundNo: "BACK-4", amount: 51 })).toMatchObject({
      kind: "refused",
      detail: expect.stringMatching(/more than was paid/),
    });
    expect([...server.refunds.entries()]).toEqual([["BACK-3", { outTradeNo: "BILL-3", refund: 100 }]]);
    expect(await pay.query("BILL-3")).toEqual({
      kind: "refunded",
      transactionId: "transaction-of-BILL-3",
    });
  });
});

const LIES: { lie: Lie; seen: RegExp }[] = [
  { lie: "another key", seen: /Wechatpay-Signature does not fit/ },
  { lie: "another body", seen: /Wechatpay-Signature does not fit/ },
  { lie: "another nonce", seen: /Wechatpay-Signature does not fit/ },
  { lie: "an old time", seen: /Wechatpay-Timestamp is 300 s or more from now/ },
  { lie: "an unknown serial", seen: /Wechatpay-Serial names a key that is not known/ },
  { lie: "no signature", seen: /a Wechatpay header is missing/ },
  { lie: "a probe", seen: /a probe with a wrong signature/ },
];

describe("what is signed wrongly", () => {
  for (const { lie, seen } of LIES) {
    test(`an answer with ${lie} leaves the state unknown, a notification is refused`, async () => {
      const pay = client();
      const number = `LIE-${lie.replaceAll(" ", "-")}`;
      await pay.createJsapi(order(number));
      server.pays(number);
      server.lies(lie);
      const unknown = { kind: "unavailable", detail: expect.stringMatching(seen) };
      expect(await pay.createJsapi(order(`${number}-2`))).toEqual(unknown);
      expect(await pay.query(number)).toEqual(unknown);
      expect(await pay.query("UNKNOWN")).toEqual(unknown);
      expect(await pay.close(`${number}-2`)).toEqual(unknown);
      expect(
        await pay.refund({
          outTradeNo: number,
          refundNo: `BACK-${number}`,
          amount: 1,
          total: 150,
          reason: "x",
        }),
      ).toEqual(unknown);
      const { headers, body } = server.notification(number);
      expect(await pay.readNotification(headers, body)).toEqual({
        kind: "refused",
        detail: expect.stringMatching(seen),
      });
    });
  }

  test("a notification sealed with another key, or changed on its way, is refused", async () => {
    const pay = client();
    await pay.createJsapi(order("BILL-5"));
    server.pays("BILL-5");
    const sealed = server.notification("BILL-5", "another-key-of-thirty-two-bytes!");
    expect(await pay.readNotification(sealed.headers, sealed.body)).toEqual({
      kind: "refused",
      detail: "resource cannot be decrypted",
    });
    const { headers, body } = server.notification("BILL-5");
    expect(await pay.readNotification(headers, body.replace("BILL-5", "BILL-6"))).toMatchObject({
      kind: "refused",
      detail: expect.stringMatching(/does not fit/),
    });
    expect(await pay.readNotification(headers, body)).toMatchObject({ kind: "transaction" });
  });

  test("a merchant with another key, number or serial is turned away, and nothing is made", async () => {
    const orders = server.transactions.size;
    for (const change of [
      { privateKeyPem: server.strangersKey },
      { mchId: "1900000002" },
      { serial: "00" },
      { publicKeyId: "PUB_KEY_ID_0" },
    ]) {
      expect(await client(change).createJsapi(order("BILL-7"))).toMatchObject({
        kind: "refused",
        detail: expect.stringMatching(/^(SIGNERROR|PARAMERROR)/),
      });
    }
    expect(server.transactions.size).toBe(orders);
  });
});
