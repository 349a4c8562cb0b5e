import { request } from "node:http";
import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, freeSandbox, get, jsapiBody, post, requestPayment } from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await freeSandbox();
});
afterAll(() => sandbox.close());

const JSAPI = "/v3/pay/transactions/jsapi";
async function payment(more: Record<string, unknown> = {}) {
  const order = await call(sandbox, "POST", JSAPI, jsapiBody(sandbox.credentials, more));
  return { ...requestPayment(sandbox.credentials, order.body.prepay_id), notify: "never" };
}

test.each([
  { path: "/login-code", body: { app: "other", openid: "a" }, field: "app" },
  { path: "/login-code", body: { app: "user" }, field: "openid" },
  { path: "/login-code", body: { app: "user", openid: "a", phone: "13800000001" }, field: "phone" },
  { path: "/phone", body: { app: "user", openid: "a", phone: "23800000001" }, field: "phone" },
  { path: "/fault", body: { on: "pay", kind: "slow", times: 1 }, field: "kind" },
  { path: "/fault", body: { on: "gas", kind: "500", times: 1 }, field: "on" },
  { path: "/fault", body: { on: "pay", kind: "500", times: -1 }, field: "times" },
  { path: "/fault", body: { on: "sms", kind: "bad-signature", times: 1 }, field: "kind" },
  { path: "/pay", body: {}, field: "timeStamp" },
  { path: "/settle-refund", body: { outRefundNo: "none" }, field: "outRefundNo" },
  { path: "/notify", body: { outTradeNo: "none" }, field: "outTradeNo" },
  { path: "/refunds", body: { settle: "never" }, field: "settle" },
  { path: "/login-code", body: [], field: "body" },
])("$path with $body is 400 and names $field", async ({ path, body, field }) => {
  const refused = await post(sandbox.controlUrl + path, body);
  expect(refused).toMatchObject({ status: 400, body: { field, error: expect.stringContaining(field) } });
});

test.each([
  { name: "a paySign of another prepay_id", more: { nonceStr: "other" }, field: "paySign" },
  { name: "a signType that is not RSA", more: { signType: "MD5" }, field: "signType" },
  { name: "an unknown prepay_id", more: { package: "prepay_id=wx0" }, field: "package" },
  { name: "a package of another form", more: { package: "wx0" }, field: "package" },
  { name: "another payer", more: { openid: "demo-user-2" }, field: "openid" },
  { name: "another app", more: { appId: "wx0" }, field: "appId" },
  { name: "an outcome that does not exist", more: { outcome: "maybe" }, field: "outcome" },
])("a payment with $name is refused and nothing is paid", async ({ more, field }) => {
  const given = await payment();
  const refused = await post(`${sandbox.controlUrl}/pay`, { ...given, ...more });
  expect(refused).toMatchObject({ status: 400, body: { field } });
  expect(await post(`${sandbox.controlUrl}/pay`, { ...given, outcome: "fail" })).toMatchObject({
    status: 200,
    body: { trade_state: "NOTPAY" },
  });
});

test("a payment signed for the other app is refused", async () => {
  const order = await call(sandbox, "POST", JSAPI, jsapiBody(sandbox.credentials));
  const { appid } = sandbox.credentials.apps.manager;
  const refused = await post(
    `${sandbox.controlUrl}/pay`,
    requestPayment(sandbox.credentials, order.body.prepay_id, { appid }),
  );
  expect(refused).toMatchObject({ status: 400, body: { field: "paySign" } });
});

test("an order is paid once", async () => {
  const given = await payment();
  expect(await post(`${sandbox.controlUrl}/pay`, given)).toMatchObject({ body: { trade_state: "SUCCESS" } });
  const again = await post(`${sandbox.controlUrl}/pay`, given);
  expect(again).toMatchObject({ status: 400, body: { error: "package names a paid order" } });
});

test("nobody can pay after time_expire, nor with a prepay_id that is two hours old", async () => {
  const clock = new SimulatedClock(instant(Date.now()));
  const slow = await freeSandbox({ clock });
  const prepare = async (more: Record<string, unknown>) =>
    requestPayment(
      slow.credentials,
      (await call(slow, "POST", JSAPI, jsapiBody(slow.credentials, more))).body.prepay_id,
    );
  const short = await prepare({ time_expire: new Date(Date.now() + 60_000).toISOString() });
  const body = jsapiBody(slow.credentials);
  const first = await call(slow, "POST", JSAPI, body);
  await clock.advance(seconds(61));
  const refused = await post(`${slow.controlUrl}/pay`, short);
  expect(refused).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("time to be paid is over") },
  });
  await clock.advance(seconds(7200));
  const timestamp = String(Math.floor(clock.now() / 1000));
  const second = await call(slow, "POST", JSAPI, body, { timestamp });
  expect(second.status).toBe(200);
  expect(second.body.prepay_id).not.toBe(first.body.prepay_id);
  const signed = (prepayId: unknown) => requestPayment(slow.credentials, prepayId, { timeStamp: timestamp });
  expect(await post(`${slow.controlUrl}/pay`, signed(first.body.prepay_id))).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("newer one of the same order") },
  });
  expect(await post(`${slow.controlUrl}/pay`, signed(second.body.prepay_id))).toMatchObject({
    status: 200,
    body: { trade_state: "SUCCESS" },
  });
  await slow.close();
});

test("a prepay_id that nothing replaced is worth nothing after two hours, nor is a timeStamp that old", async () => {
  const clock = new SimulatedClock(instant(Date.now()));
  const slow = await freeSandbox({ clock });
  const order = await call(slow, "POST", JSAPI, jsapiBody(slow.credentials));
  const pay = (timeStamp: number) =>
    post(
      `${slow.controlUrl}/pay`,
      requestPayment(slow.credentials, order.body.prepay_id, { timeStamp: String(timeStamp) }),
    );
  const began = Math.floor(clock.now() / 1000);
  expect(await pay(began - 7201)).toMatchObject({ status: 400, body: { field: "timeStamp" } });
  await clock.advance(seconds(7200));
  expect(await pay(began + 7200)).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("time to be paid is over") },
  });
  await slow.close();
});

test("faults wait in order, are counted, and can be taken back", async () => {
  const fault = (body: unknown) => post(`${sandbox.controlUrl}/fault`, body);
  await fault({ on: "pay", kind: "500", times: 2 });
  await fault({ on: "pay", kind: "429", times: 1 });
  await call(sandbox, "GET", "/v3/certificates");
  expect(await get(`${sandbox.controlUrl}/fault`)).toEqual({
    waiting: [
      { on: "pay", kind: "500", times: 1 },
      { on: "pay", kind: "429", times: 1 },
    ],
  });
  await fault({ on: "pay", kind: "500", times: 0 });
  expect(await call(sandbox, "GET", "/v3/certificates")).toMatchObject({ status: 200 });
});

test("a page in a browser under another name reaches nothing", async () => {
  const { port } = new URL(sandbox.controlUrl);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request({ port, host: "127.0.0.1", path: "/messages", headers: { Host: "evil.example" } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(status).toBe(403);
});

test("a body above 64 KiB and an unknown path are refused", async () => {
  const large = await fetch(`${sandbox.controlUrl}/login-code`, {
    method: "POST",
    body: "x".repeat(65 * 1024),
  });
  expect(large.status).toBe(413);
  expect((await fetch(`${sandbox.controlUrl}/elsewhere`)).status).toBe(404);
});
