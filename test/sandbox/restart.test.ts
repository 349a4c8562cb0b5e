import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { call, freeSandbox, get, jsapiBody, merchantServer, post, requestPayment } from "./fixture.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sandbox-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const JSAPI = "/v3/pay/transactions/jsapi";

test("a second start has the same credentials, transactions and waiting notifications", async () => {
  const merchant = await merchantServer([500, 204]);
  const first = await freeSandbox({ dataDir, notifyScale: 0.01 });
  const body = jsapiBody(first.credentials, { notify_url: merchant.url });
  const order = await call(first, "POST", JSAPI, body);
  await post(`${first.controlUrl}/pay`, requestPayment(first.credentials, order.body.prepay_id));
  await merchant.arrived(1);
  await first.close();
  const file = join(dataDir, "sandbox", "credentials.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(first.credentials);

  const second = await freeSandbox({ dataDir, notifyScale: 0.01 });
  expect(second.credentials).toEqual(first.credentials);
  const { mchid } = second.credentials.merchant;
  const asked = await call(
    second,
    "GET",
    `/v3/pay/transactions/out-trade-no/${String(body.out_trade_no)}?mchid=${mchid}`,
  );
  expect(asked.body).toMatchObject({ trade_state: "SUCCESS", payer: { openid: "demo-user-1" } });
  await merchant.arrived(2);
  await second.close();
  await merchant.close();
});

test("a refund that was in PROCESSING when the sandbox stopped settles after the next start", async () => {
  const first = await freeSandbox({ dataDir, notifyScale: 1 });
  const body = jsapiBody(first.credentials);
  const order = await call(first, "POST", JSAPI, body);
  await post(`${first.controlUrl}/pay`, {
    ...requestPayment(first.credentials, order.body.prepay_id),
    notify: "never",
  });
  const amount = { refund: 150, total: 150, currency: "CNY" };
  const refund = { out_trade_no: body.out_trade_no, out_refund_no: "R1", amount };
  expect(await call(first, "POST", "/v3/refund/domestic/refunds", refund)).toMatchObject({ status: 200 });
  await first.close();
  const second = await freeSandbox({ dataDir });
  await expect
    .poll(async () => (await call(second, "GET", "/v3/refund/domestic/refunds/R1")).body.status)
    .toBe("SUCCESS");
  await second.close();
});

test("files that hold secrets are their owner's only, and none is left half written", async () => {
  const sandbox = await freeSandbox({ dataDir });
  await sandbox.close();
  const names = readdirSync(join(dataDir, "sandbox")).sort();
  expect(names).toEqual(["credentials.json", "platform.json", "state.jsonl"]);
  for (const name of names) expect(statSync(join(dataDir, "sandbox", name)).mode & 0o777).toBe(0o600);
});

test("a second sandbox on a taken port is refused by the variable's name and touches no file", async () => {
  const first = await freeSandbox({ dataDir });
  const state = join(dataDir, "sandbox", "state.jsonl");
  const before = statSync(state).ino;
  const wirePort = Number(new URL(first.wireUrl).port);
  const controlPort = Number(new URL(first.controlUrl).port);
  await expect(freeSandbox({ dataDir, wirePort })).rejects.toThrow(
    `port ${wirePort} is taken: set SANDBOX_PORT`,
  );
  await expect(freeSandbox({ dataDir, controlPort })).rejects.toThrow("set SANDBOX_CONTROL_PORT");
  expect(statSync(state).ino).toBe(before);
  expect(await get(`${first.controlUrl}/healthz`)).toEqual({ ok: true });
  await first.close();
});

test("the store forgets a half line of a killed program, and nothing before it", () => {
  const file = join(dataDir, "state.jsonl");
  const store = openStore(file);
  store.table<number>("a").set("one", 1);
  store.table<number>("a").set("two", 2);
  store.table<number>("a").set("two", 3);
  store.table<number>("a").delete("one");
  store.close();
  appendFileSync(file, '["a","three",');
  const again = openStore(file);
  expect(again.table<number>("a").values()).toEqual([3]);
  again.table<number>("a").set("four", 4);
  again.close();
  const third = openStore(file);
  expect(third.table<number>("a").values()).toEqual([3, 4]);
  third.close();
});

test("the store refuses a file that is damaged in the middle and says which line", () => {
  const file = join(dataDir, "state.jsonl");
  writeFileSync(file, '["a","one",1]\nnonsense\n["a","two",2]\n');
  expect(() => openStore(file)).toThrow("state.jsonl, line 2 is damaged");
});
