import { afterAll, beforeAll, expect, test } from "vitest";
import { call, freeSandbox, jsapiBody, merchantServer } from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await freeSandbox();
});
afterAll(() => sandbox.close());

async function ordered(more: Record<string, unknown> = {}) {
  const body = jsapiBody(sandbox.credentials, {
    payer: undefined,
    scene_info: { payer_client_ip: "127.0.0.1", h5_info: { type: "Wap" } },
    ...more,
  });
  const answer = await call(sandbox, "POST", "/v3/pay/transactions/h5", body);
  expect(answer.status).toBe(200);
  const url = String(answer.body.h5_url);
  expect(url.startsWith(sandbox.wireUrl)).toBe(true);
  return {
    url,
    number: String(body.out_trade_no),
    prepayId: new URL(url).searchParams.get("prepay_id") ?? "",
  };
}
const press = (prepay_id: string, action: string, redirect_url = "") =>
  fetch(`${sandbox.wireUrl}/h5/pay`, {
    method: "POST",
    body: new URLSearchParams({ prepay_id, action, redirect_url }),
  });
const state = async (number: string): Promise<unknown> => {
  const { mchid } = sandbox.credentials.merchant;
  return (await call(sandbox, "GET", `/v3/pay/transactions/out-trade-no/${number}?mchid=${mchid}`)).body
    .trade_state;
};

test("the page says that it is the sandbox, and its pay button pays and notifies", async () => {
  const merchant = await merchantServer([204]);
  const { url, number, prepayId } = await ordered({ notify_url: merchant.url });
  const page = await (await fetch(url)).text();
  expect(page).toContain("沙箱 SANDBOX");
  expect(page).toContain("¥1.50");
  expect(await state(number)).toBe("NOTPAY");
  expect(await (await press(prepayId, "pay")).text()).toContain("支付成功");
  expect(await state(number)).toBe("SUCCESS");
  await merchant.arrived(1);
  expect((await press(prepayId, "pay")).status).toBe(409);
  await merchant.close();
  expect(merchant.received).toHaveLength(1);
});

test("the cancel button pays nothing", async () => {
  const { number, prepayId } = await ordered();
  expect(await (await press(prepayId, "cancel")).text()).toContain("已取消");
  expect(await state(number)).toBe("NOTPAY");
});

test("what the merchant or the address brings cannot become markup or a script", async () => {
  const { url } = await ordered({ description: `<script>alert(1)</script>"'&` });
  const page = await fetch(`${url}&redirect_url=${encodeURIComponent('"><img src=x onerror=alert(1)>')}`);
  const text = await page.text();
  expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(text).not.toContain("<script");
  expect(text).not.toContain("<img");
  expect(page.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
});

test("the way back is a link to http(s) addresses only", async () => {
  const { prepayId } = await ordered();
  const back = await (await press(prepayId, "cancel", "https://example.com/order?id=1&x=2")).text();
  expect(back).toContain('href="https://example.com/order?id=1&amp;x=2"');
  const script = await (await press(prepayId, "cancel", "javascript:alert(1)")).text();
  expect(script).not.toContain("javascript:");
});

test("a payment of the mini-program cannot be paid on the page, nor one that does not exist", async () => {
  const jsapi = await call(sandbox, "POST", "/v3/pay/transactions/jsapi", jsapiBody(sandbox.credentials));
  const prepayId = String(jsapi.body.prepay_id);
  expect((await fetch(`${sandbox.wireUrl}/h5/pay?prepay_id=${prepayId}`)).status).toBe(404);
  expect((await press(prepayId, "pay")).status).toBe(404);
  expect((await press("wx0", "pay")).status).toBe(404);
});

test("an H5 order says where its payer is", async () => {
  const body = jsapiBody(sandbox.credentials, { payer: undefined });
  expect(await call(sandbox, "POST", "/v3/pay/transactions/h5", body)).toMatchObject({
    status: 400,
    body: { detail: { field: "scene_info" } },
  });
});
