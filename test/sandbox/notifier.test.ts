import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { instant, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterEach, expect, test } from "vitest";
import { Aes, Formatter } from "wechatpay-axios-plugin";
import {
  call,
  freeSandbox,
  get,
  jsapiBody,
  merchantServer,
  post,
  requestPayment,
  signedByPublicKey,
} from "./fixture.ts";
import type { Sandbox, SandboxOptions } from "./sandbox.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function payingMerchant(statuses: number[], options: Partial<SandboxOptions> = {}) {
  const sandbox = await freeSandbox(options);
  const merchant = await merchantServer(statuses);
  open.push(sandbox, merchant);
  const pay = async (notify: string) => {
    const body = jsapiBody(sandbox.credentials, { notify_url: merchant.url });
    const order = await call(sandbox, "POST", "/v3/pay/transactions/jsapi", body);
    const payment = requestPayment(sandbox.credentials, order.body.prepay_id);
    expect(await post(`${sandbox.controlUrl}/pay`, { ...payment, notify })).toMatchObject({ status: 200 });
  };
  return { sandbox, merchant, pay };
}

interface Kept {
  id: string;
  state: string;
  variant: string;
  deliveries: { at: number; result: number | string }[];
}
const kept = async (sandbox: Sandbox): Promise<Kept[]> =>
  (await get(`${sandbox.controlUrl}/notifications`)).notifications as Kept[];
const settled = (sandbox: Sandbox) =>
  expect
    .poll(async () => {
      const list = await kept(sandbox);
      return list.length > 0 && list.every(({ state }) => state !== "waiting");
    })
    .toBe(true);

const idOf = (body: string): unknown => (JSON.parse(body) as { id: unknown }).id;

test("a notification is repeated under one id until 204, and not after it", async () => {
  const { sandbox, merchant, pay } = await payingMerchant([500, 404, 302, 204]);
  await pay("once");
  await settled(sandbox);
  expect(merchant.received).toHaveLength(4);
  expect(new Set(merchant.received.map(({ body }) => idOf(body))).size).toBe(1);
  for (const { headers, body } of merchant.received) {
    expect(signedByPublicKey(sandbox.credentials, headers, body)).toBe(true);
  }
  expect(await kept(sandbox)).toMatchObject([
    { state: "taken", deliveries: [{ result: 500 }, { result: 404 }, { result: 302 }, { result: 204 }] },
  ]);
});

const MINUTE = 60;
const HOUR = 3600;
/** As the documentation of WeChat Pay lists them: 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h. */
const PAUSES = [
  ...[15, 15, 30],
  ...[3, 10, 20, 30, 30, 30, 60].map((minutes) => minutes * MINUTE),
  ...[3, 3, 3, 6, 6].map((hours) => hours * HOUR),
];

test("a merchant who never takes it is asked 15 more times within 24 hours and 4 minutes", async () => {
  const clock = new SimulatedClock(instant(Date.now()));
  const { sandbox, merchant, pay } = await payingMerchant([500], { clock, notifyScale: 1 });
  await pay("once");
  const began = clock.uptime();
  await clock.advance(millis(0));
  for (const [i, pause] of PAUSES.entries()) {
    await merchant.arrived(i + 1);
    await expect.poll(() => clock.pending()).toContain("sandbox: notification");
    await clock.advance(seconds(pause - 1));
    expect(merchant.received).toHaveLength(i + 1);
    await clock.advance(seconds(1));
  }
  await merchant.arrived(16);
  await settled(sandbox);
  expect(clock.uptime() - began).toBe((24 * 60 + 4) * 60_000);
  expect(await kept(sandbox)).toMatchObject([{ state: "given up" }]);
  await clock.advance(seconds(24 * 3600));
  expect(merchant.received).toHaveLength(16);
});

test("a merchant who does not answer within five seconds has not taken it", async () => {
  const clock = new SimulatedClock(instant(Date.now()));
  const { sandbox } = await payingMerchant([204], { clock });
  // A listener that takes the connection and says nothing.
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const { port } = mute.address() as AddressInfo;
  const reached = once(mute, "connection");
  const body = jsapiBody(sandbox.credentials, { notify_url: `http://127.0.0.1:${port}/` });
  const order = await call(sandbox, "POST", "/v3/pay/transactions/jsapi", body);
  await post(`${sandbox.controlUrl}/pay`, requestPayment(sandbox.credentials, order.body.prepay_id));
  await clock.advance(millis(0));
  await reached;
  await clock.advance(seconds(5));
  await expect.poll(async () => (await kept(sandbox))[0]?.deliveries[0]?.result).toBe("timeout");
  mute.close();
});

test("twice comes twice under one id, late comes after five seconds, never does not come", async () => {
  const clock = new SimulatedClock(instant(Date.now()));
  const { merchant, pay } = await payingMerchant([204], { clock, notifyScale: 1 });
  await pay("twice");
  await clock.advance(millis(0));
  await merchant.arrived(2);
  expect(idOf(merchant.received[0]?.body ?? "")).toBe(idOf(merchant.received[1]?.body ?? ""));
  await pay("late");
  await pay("never");
  await clock.advance(seconds(4));
  expect(merchant.received).toHaveLength(2);
  await clock.advance(seconds(1));
  await merchant.arrived(3);
  await clock.advance(seconds(3600));
  expect(merchant.received).toHaveLength(3);
});

test.each(["tampered", "wrong-serial", "old-timestamp", "signtest"])(
  "%s is one attempt that a merchant can tell from a genuine one",
  async (variant) => {
    const { sandbox, merchant, pay } = await payingMerchant([500]);
    await pay(variant);
    await settled(sandbox);
    expect(await kept(sandbox)).toMatchObject([
      { variant, state: "given up", deliveries: [{ result: 500 }] },
    ]);
    const [{ headers, body } = { headers: new Headers(), body: "" }] = merchant.received;
    const timely = Math.abs(Formatter.timestamp() - Number(headers.get("Wechatpay-Timestamp"))) < 300;
    expect(timely && signedByPublicKey(sandbox.credentials, headers, body)).toBe(false);
    expect(timely).toBe(variant !== "old-timestamp");
    expect(headers.get("Wechatpay-Signature")?.startsWith("WECHATPAY/SIGNTEST/")).toBe(
      variant === "signtest",
    );
  },
);

test("a refund is announced with its own names of the fields", async () => {
  const { sandbox, merchant, pay } = await payingMerchant([204]);
  await pay("never");
  const { transactions } = (await get(`${sandbox.controlUrl}/transactions`)) as {
    transactions: { out_trade_no: string }[];
  };
  const number = transactions[0]?.out_trade_no;
  await call(sandbox, "POST", "/v3/refund/domestic/refunds", {
    out_trade_no: number,
    out_refund_no: "R1",
    notify_url: merchant.url,
    amount: { refund: 100, total: 150, currency: "CNY" },
  });
  await merchant.arrived(1);
  const { event_type, resource } = JSON.parse(merchant.received[0]?.body ?? "") as {
    event_type: string;
    resource: { ciphertext: string; nonce: string; associated_data: string };
  };
  expect(event_type).toBe("REFUND.SUCCESS");
  const { apiV3Key } = sandbox.credentials.merchant;
  const plain = Aes.AesGcm.decrypt(resource.ciphertext, apiV3Key, resource.nonce, resource.associated_data);
  expect(JSON.parse(plain)).toMatchObject({
    out_trade_no: number,
    out_refund_no: "R1",
    refund_status: "SUCCESS",
    amount: { total: 150, refund: 100, payer_refund: 100 },
  });
});
