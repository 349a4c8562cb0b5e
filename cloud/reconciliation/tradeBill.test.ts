import { describe, expect, test } from "vitest";
import { fenOf } from "./billTable.ts";
import { readFundFlow } from "./fundFlow.ts";
import { readTradeBill } from "./tradeBill.ts";

const DAY = 20261122;
const MCHID = "1900000001";
const NAMES =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const PAYMENT =
  "`2026-11-22 23:59:59,`wx1,`1900000001,`0,`,`4200001,`P-1,`o1,`JSAPI,`SUCCESS,`OTHERS,`CNY,`3.00,`0.00,`0,`0,`0.00,`0.00,`,`,`充电 AB12CD34 1号端口,`,`0.02000,`0.60%,`3.00,`0.00,`";
const REFUND =
  "`2026-11-22 08:00:00,`wx1,`1900000001,`0,`,`4200002,`P-2,`o1,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030001,`P-2-R1,`1.50,`0.00,`ORIGINAL,`SUCCESS,`充电,`,`-0.01000,`0.60%,`0.00,`1.50,`";
const SUMS = "`2,`3.00,`1.50,`0.00,`0.01000,`3.00,`1.50";
const lines = (...all: string[]): string => `${all.join("\n")}\n`;
const WHOLE = lines(NAMES, PAYMENT, REFUND, TOTALS, SUMS);
const read = (text: string) => readTradeBill(text, { day: DAY, mchId: MCHID });

test("a bill as WeChat Pay writes it", async () => {
  expect(await read(WHOLE)).toEqual({
    kind: "read",
    value: {
      payments: new Map([
        ["P-1", { outTradeNo: "P-1", transactionId: "4200001", amount: 300, state: "SUCCESS" }],
      ]),
      refunds: new Map([
        ["P-2-R1", { refundNo: "P-2-R1", outTradeNo: "P-2", amount: 150, state: "SUCCESS" }],
      ]),
      ...{ paid: 300, refunded: 150, fees: 1 },
    },
  });
});

test.each([
  ["lines that end as on Windows, and none at the end", WHOLE.trimEnd().replaceAll("\n", "\r\n")],
  ["a name with a comma", WHOLE.replace("1号端口", "1,2号端口")],
  ["a name with back-ticks that look like columns", WHOLE.replace("1号端口", "x,`9.00,`9.00,`0,`y")],
  ["a note of the merchant that looks like columns", WHOLE.replace("1号端口,`,", "1号端口,`a,`b,`c,")],
  [
    "a column more, and two in each other's place",
    lines(
      `新栏目,${NAMES.replace("交易时间,公众账号ID", "公众账号ID,交易时间")}`,
      PAYMENT.replace("`2026-11-22 23:59:59,`wx1", "`new,`wx1,`2026-11-22 23:59:59"),
      REFUND.replace("`2026-11-22 08:00:00,`wx1", "`,`wx1,`2026-11-22 08:00:00"),
      ...[TOTALS, SUMS],
    ),
  ],
])("with %s says the same", async (_, text) => {
  expect(text).not.toBe(WHOLE);
  expect(await read(text)).toEqual(await read(WHOLE));
});

test.each([
  ["nothing at all", "", "the column 交易时间 is not there once"],
  ["a page of a proxy", "<html>\n<body>login</body>\n", "the column 交易时间 is not there once"],
  ["a column less", WHOLE.replace(",申请退款金额", ""), "the column 申请退款金额 is not there once"],
  ["a column twice", WHOLE.replace("费率备注", "订单金额"), "the column 订单金额 is not there once"],
  ["no totals", lines(NAMES, PAYMENT), "it ends before its totals"],
  ["names of totals without them", lines(NAMES, PAYMENT, REFUND, TOTALS), "it ends before its totals"],
  ["half a row", lines(NAMES, PAYMENT.slice(0, 90), TOTALS, SUMS), "line 2 has"],
  ["a row that is none", WHOLE.replace("`2026-11-22 08", "2026-11-22 08"), "line 3 is neither"],
  ["a row missing", lines(NAMES, PAYMENT, TOTALS, SUMS), "it has 1 rows and counts"],
  ["a payment twice", lines(NAMES, PAYMENT, PAYMENT, TOTALS, SUMS), 'payment "P-1" stands there twice'],
  ["a refund twice", lines(NAMES, REFUND, REFUND, TOTALS, SUMS), 'refund "P-2-R1" stands there twice'],
  ["a sum of other rows", WHOLE.replace("`3.00,`1.50\n", "`3.01,`1.50\n"), "not the sums"],
  ["a sum of other refunds", WHOLE.replace("`3.00,`1.50\n", "`3.00,`1.51\n"), "not the sums"],
  ["something behind the totals", `${WHOLE}${PAYMENT}\n`, "something stands behind the totals"],
  ["another day", WHOLE.replace("2026-11-22 23", "2026-11-23 00"), "is another day"],
  ["another merchant", WHOLE.replaceAll("1900000001", "1900000009"), "is another merchant"],
  ["another currency", WHOLE.replace("`CNY", "`HKD"), "is no currency of ours"],
  ["an amount that is none", WHOLE.replace("`3.00,`0.00,`\n", "`3e0,`0.00,`\n"), "an amount is none"],
  ["an amount below nothing", WHOLE.replace("`3.00,`0.00,`\n", "`-3.00,`0.00,`\n"), "an amount is none"],
])("with %s it is bad as a whole", async (_, text, says) => {
  expect(text).not.toBe(WHOLE);
  expect(await read(text)).toEqual({ kind: "bad", detail: expect.stringContaining(says) });
});

test("what is wrong is told in one short line, whatever stands there", async () => {
  const said = await read(WHOLE.replace("2026-11-22 23:59:59", `1\u001b[2J${"9".repeat(10_000)}`));
  if (said.kind !== "bad") throw new Error("it is another day");
  expect(said.detail.length).toBeLessThan(100);
  expect(said.detail).not.toContain("\u001b");
});

test.each([
  ["0", 0],
  ["3", 300],
  ["0.1", 10],
  ["-0.00000", 0],
  ["0.05940", 6],
  ["-1.56000", -156],
  ["123456789.01", 12_345_678_901],
  ["", undefined],
  ["1,000.00", undefined],
  ["0x10", undefined],
  [" 1.00", undefined],
  ["1.000000", undefined],
  ["Infinity", undefined],
])("%j yuan are %s fen", (text, fen) => {
  expect(fenOf(text)).toBe(fen);
});

describe("the fund flow", () => {
  const FLOW = lines(
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号",
    "`2026-11-22 23:59:59,`4200001,`4200001,`交易,`交易,`收入,`3.00,`3.00,`system,`结算总金额3.00元;含手续费0.02元,`P-1",
    "`2026-11-22 23:59:59,`4200001,`4200001,`交易,`扣除交易手续费,`支出,`0.02,`2.98,`system,`a,`b,`P-1",
    "`2026-11-22 08:00:00,`5030001,`4200002,`退款,`退款,`支出,`1.49,`1.49,`1900000001API,`退款总金额1.50元;含手续费0.01元,`P-2-R1",
    "`2026-11-22 09:00:00,`1,`2,`提现,`提现,`支出,`1.00,`0.49,`system,`,`W",
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
    "`4,`1,`3.00,`3,`2.51",
  );
  const flow = (text: string) => readFundFlow(text, { day: DAY });

  test("is what payments bring and what refunds and fees take; withdrawals are no matter of it", async () => {
    expect(await flow(FLOW)).toEqual({ kind: "read", value: { income: 300, outgo: 151 } });
    expect(await flow(FLOW.replaceAll("(元)", "（元）"))).toEqual(await flow(FLOW));
  });

  test.each([
    ["wrong totals", FLOW.replace("`3,`2.51", "`3,`2.52"), "not the sums"],
    ["a row missing", FLOW.replace(/`2026-11-22 09.*\n/, ""), "it has 3 rows"],
    ["another way", FLOW.replace("`收入", "`冻结"), "neither in nor out"],
    ["another day", FLOW.replace("2026-11-22 09", "2026-11-21 09"), "is another day"],
  ])("with %s is bad as a whole", async (_, text, says) => {
    expect(text).not.toBe(FLOW);
    expect(await flow(text)).toEqual({ kind: "bad", detail: expect.stringContaining(says) });
  });
});
