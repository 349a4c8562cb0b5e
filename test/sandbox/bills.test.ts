import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { type Instant, instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, freeSandbox, jsapiBody, post, requestPayment } from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

/** 2026-11-22 12:00 in Shanghai. */
const NOON = instant(1_795_320_000_000);
const HOUR = 3_600_000;
let clock: SimulatedClock;
let sandbox: Sandbox;
beforeAll(async () => {
  clock = new SimulatedClock(NOON);
  sandbox = await freeSandbox({ clock });
  await post(`${sandbox.controlUrl}/refunds`, { settle: "manual" });
});
afterAll(() => sandbox?.close());

const until = (at: Instant | number) => clock.advance(seconds(Math.max(0, (at - clock.now()) / 1000)));
const timestamp = () => String(Math.floor(clock.now() / 1000));
const signed = (target: string) => call(sandbox, "GET", target, undefined, { timestamp: timestamp() });
const bill = (query: string) => signed(`/v3/bill/${query}`);

async function pay(total: number, description: string): Promise<{ number: string; transaction: string }> {
  const body = jsapiBody(sandbox.credentials, { amount: { total, currency: "CNY" }, description });
  const order = await call(sandbox, "POST", "/v3/pay/transactions/jsapi", body, { timestamp: timestamp() });
  const given = requestPayment(sandbox.credentials, order.body.prepay_id, { timeStamp: timestamp() });
  const paid = await post(`${sandbox.controlUrl}/pay`, { ...given, notify: "never" });
  return { number: String(body.out_trade_no), transaction: String(paid.body.transaction_id) };
}

const fileOf = async (answer: Record<string, unknown>) => {
  const { pathname, search } = new URL(String(answer.download_url));
  return await signed(pathname + search);
};
const sha1 = (bytes: Buffer): string => createHash("sha1").update(bytes).digest("hex");

/** The file behind an answer, and whether it is that of its hash. */
async function file(answer: Record<string, unknown>): Promise<{ text: string; fits: boolean }> {
  const { raw, bytes, headers } = await fileOf(answer);
  expect(headers.get("Wechatpay-Signature")).toBeNull();
  return { text: raw, fits: sha1(bytes) === answer.hash_value };
}

test("bills of a day: names, rows, names of the totals, totals, to the last comma", async () => {
  expect((await bill("tradebill?bill_date=2026-11-22")).body).toMatchObject({ code: "INVALID_REQUEST" });
  const paid = await pay(600, "充电 1,2号\n端口");
  await until(NOON + 5000);
  const refund = {
    out_trade_no: paid.number,
    out_refund_no: "R-1",
    amount: { refund: 300, total: 600, currency: "CNY" },
  };
  const refunded = await call(sandbox, "POST", "/v3/refund/domestic/refunds", refund, {
    timestamp: timestamp(),
  });
  await until(NOON + 12 * HOUR + 5000);
  const next = await pay(100, "电币");
  await until(NOON + 22 * HOUR - 1000);
  expect((await bill("tradebill?bill_date=2026-11-22")).body).toMatchObject({ code: "STATEMENT_CREATING" });
  await until(NOON + 22 * HOUR);

  const { mchid } = sandbox.credentials.merchant;
  const { appid } = sandbox.credentials.apps.user;
  const trade = await bill("tradebill?bill_date=2026-11-22&bill_type=ALL");
  expect(trade.body).toMatchObject({
    hash_type: "SHA1",
    hash_value: expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  const known = `${paid.transaction},\`${paid.number},\`demo-user-1,\`JSAPI`;
  expect(await file(trade.body)).toEqual({
    fits: true,
    text: [
      "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注",
      `\`2026-11-22 12:00:00,\`${appid},\`${mchid},\`0,\`,\`${known},\`SUCCESS,\`OTHERS,\`CNY,\`6.00,\`0.00,\`0,\`0,\`0.00,\`0.00,\`,\`,\`充电 1,2号 端口,\`,\`0.04000,\`0.60%,\`6.00,\`0.00,\``,
      `\`2026-11-22 12:00:05,\`${appid},\`${mchid},\`0,\`,\`${known},\`REFUND,\`OTHERS,\`CNY,\`0.00,\`0.00,\`${refunded.body.refund_id},\`R-1,\`3.00,\`0.00,\`ORIGINAL,\`PROCESSING,\`充电 1,2号 端口,\`,\`-0.02000,\`0.60%,\`0.00,\`3.00,\``,
      "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
      "`2,`6.00,`3.00,`0.00,`0.02000,`6.00,`3.00\n",
    ].join("\n"),
  });

  const flow = await bill("fundflowbill?bill_date=2026-11-22");
  expect(await file(flow.body)).toEqual({
    fits: true,
    text: [
      "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号",
      `\`2026-11-22 12:00:00,\`${paid.transaction},\`${paid.transaction},\`交易,\`交易,\`收入,\`6.00,\`6.00,\`system,\`结算总金额6.00元;含手续费0.04元,\`${paid.number}`,
      `\`2026-11-22 12:00:00,\`${paid.transaction},\`${paid.transaction},\`交易,\`扣除交易手续费,\`支出,\`0.04,\`5.96,\`system,\`结算总金额6.00元;含手续费0.04元,\`${paid.number}`,
      `\`2026-11-22 12:00:05,\`${refunded.body.refund_id},\`${paid.transaction},\`退款,\`退款,\`支出,\`2.98,\`2.98,\`${mchid}API,\`退款总金额3.00元;含手续费0.02元,\`R-1`,
      "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
      "`3,`1,`6.00,`2,`3.02\n",
    ].join("\n"),
  });

  const only = async (type: string) =>
    (await file((await bill(`tradebill?bill_date=2026-11-22&bill_type=${type}`)).body)).text.split("\n");
  expect(await only("SUCCESS")).toEqual([
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注",
    expect.stringContaining("`SUCCESS,`OTHERS,`CNY,`6.00,`0.00,`充电"),
    expect.stringContaining("总交易单数"),
    ...["`1,`6.00,`0.00,`0.00,`0.04000,`6.00,`0.00", ""],
  ]);
  expect(await only("REFUND")).toEqual([
    expect.stringContaining("代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额"),
    expect.stringContaining("`CNY,`0.00,`0.00,`2026-11-22 12:00:05,`,`5030"),
    expect.stringContaining("总交易单数"),
    ...["`1,`0.00,`3.00,`0.00,`-0.02000,`0.00,`3.00", ""],
  ]);
  // What was paid five seconds after midnight is of the next day, whose bill is not made yet.
  expect((await bill("tradebill?bill_date=2026-11-23")).body).toMatchObject({ code: "INVALID_REQUEST" });
  await until(NOON + 46 * HOUR);
  const second = await file((await bill("tradebill?bill_date=2026-11-23")).body);
  expect(second.text).toContain(`\`2026-11-23 00:00:05,`);
  expect(second.text).toContain(next.number);
});

test("a packed file unpacks to the bytes of the hash, and is there for five minutes", async () => {
  const { body } = await bill("tradebill?bill_date=2026-11-22&tar_type=GZIP");
  expect(body.download_url).toMatch(/&tartype=gzip$/);
  expect(sha1(gunzipSync((await fileOf(body)).bytes))).toBe(body.hash_value);
  await until(clock.now() + 300_000);
  expect(await fileOf(body)).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
});

test.each([
  ["tradebill?bill_date=2026-11-21", "NO_STATEMENT_EXIST"],
  ["fundflowbill?bill_date=2026-11-22&account_type=FEES", "NO_STATEMENT_EXIST"],
  ["tradebill?bill_date=2026-07-01", "INVALID_REQUEST"],
  ["tradebill?bill_date=2026-12-31", "INVALID_REQUEST"],
  ["tradebill?bill_date=2026-02-30", "INVALID_REQUEST"],
  ["tradebill?bill_date=20261122", "PARAM_ERROR"],
  ["tradebill", "PARAM_ERROR"],
  ["tradebill?bill_date=2026-11-22&bill_type=SOME", "PARAM_ERROR"],
  ["tradebill?bill_date=2026-11-22&tar_type=ZIP", "PARAM_ERROR"],
  ["fundflowbill?bill_date=2026-11-22&account_type=OTHER", "PARAM_ERROR"],
])("%s is 400 %s", async (query, code) => {
  expect(await bill(query)).toMatchObject({ status: 400, body: { code } });
});

test("a file is for who has signed for it, and bills can be made to say what is not so", async () => {
  const answer = await bill("tradebill?bill_date=2026-11-22");
  const unsigned = await fetch(String(answer.body.download_url));
  expect(unsigned.status).toBe(401);
  const alter = (body: object) => post(`${sandbox.controlUrl}/bill`, body);
  expect(await alter({ number: "none" })).toMatchObject({ status: 400, body: { field: "number" } });
  await alter({ number: "R-1", amount: 299, refundStatus: "CLOSED", only: "trade" });
  const text = async (kind: string) => (await file((await bill(`${kind}?bill_date=2026-11-22`)).body)).text;
  expect(await text("tradebill")).toContain("`R-1,`2.99,`0.00,`ORIGINAL,`CLOSED");
  expect(await text("fundflowbill")).toContain("`退款,`支出,`2.98");
  await alter({ number: "R-1", forgotten: true });
  expect(await text("tradebill")).not.toContain("R-1");
  await alter({ number: "R-1" });
  expect(await text("tradebill")).toContain("`R-1,`3.00,`0.00,`ORIGINAL,`PROCESSING");
  const outside = { outTradeNo: "OUTSIDE01", total: 5, openid: "demo-user-2" };
  const paid = await post(`${sandbox.controlUrl}/outside-payment`, outside);
  expect(paid).toMatchObject({ status: 200, body: { trade_state: "SUCCESS", out_trade_no: "OUTSIDE01" } });
  expect(await post(`${sandbox.controlUrl}/outside-payment`, outside)).toMatchObject({ status: 400 });
});
