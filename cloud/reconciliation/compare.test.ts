import { describe, expect, test } from "vitest";
import { spanOf } from "./billDay.ts";
import { compare, compareTotals, type OurPayment, type OurRefund } from "./compare.ts";
import { type BilledPayment, type BilledRefund, emptyTradeBill } from "./tradeBill.ts";

const DAY = 20261122;
const { from, to } = spanOf(DAY);
const PAYMENT: OurPayment = {
  ...{ outTradeNo: "P-1", subject: "P1", cash: 300, state: 1, bought: 1, wxPayid: "4200" },
  payTime: from,
};
const BILLED: BilledPayment = { outTradeNo: "P-1", transactionId: "4200", amount: 300, state: "SUCCESS" };
const REFUND: OurRefund = {
  ...{ refundNo: "R-1", outTradeNo: "P-1", subject: "P1", cash: 100, state: "success", failReason: null },
  ...{ insertTime: from, acceptTime: from },
};
const BACK: BilledRefund = { refundNo: "R-1", outTradeNo: "P-1", amount: 100, state: "SUCCESS" };

function payment(ours: Partial<OurPayment> | null, billed: Partial<BilledPayment> | null): string[] {
  const bill = emptyTradeBill();
  if (billed !== null) bill.payments.set("P-1", { ...BILLED, ...billed });
  const payments = ours === null ? [] : [{ ...PAYMENT, ...ours }];
  return compare(DAY, bill, { payments, refunds: [] }).map((d) => `${d.class}: ${d.ours} | ${d.theirs}`);
}
function refund(ours: Partial<OurRefund> | null, billed: Partial<BilledRefund> | null): string[] {
  const bill = emptyTradeBill();
  if (billed !== null) bill.refunds.set("R-1", { ...BACK, ...billed });
  const refunds = ours === null ? [] : [{ ...REFUND, ...ours }];
  return compare(DAY, bill, { payments: [], refunds }).map((d) => d.class);
}

describe("a payment", () => {
  test.each([
    ["that both have", {}, {}, []],
    ["that came and was not wanted", { state: 2, bought: 2 }, {}, []],
    ["in the last millisecond of the day", { payTime: to - 1 }, {}, []],
    [
      "that we hold for open",
      { state: 0, bought: 0, wxPayid: null, payTime: null },
      {},
      ["state: 3.00 open | 3.00 SUCCESS 4200"],
    ],
    [
      "of another transaction",
      { wxPayid: "4201" },
      {},
      [`state: 3.00 paid 4201 on ${DAY} | 3.00 SUCCESS 4200`],
    ],
    ["of another day", { payTime: to }, {}, ["state: 3.00 paid 4200 on 20261123 | 3.00 SUCCESS 4200"]],
    ["of another day that the bill does not have", { payTime: to }, null, []],
    [
      "whose order does not know of it",
      { bought: 0 },
      {},
      [`state: 3.00 paid, what it buys open 4200 on ${DAY} | 3.00 SUCCESS 4200`],
    ],
    [
      "that buys nothing",
      { bought: null },
      {},
      [`state: 3.00 paid, what it buys gone 4200 on ${DAY} | 3.00 SUCCESS 4200`],
    ],
    [
      "taken back at WeChat",
      {},
      { state: "REVOKED" },
      [`state: 3.00 paid 4200 on ${DAY} | 3.00 REVOKED 4200`],
    ],
    [
      "of another amount and transaction is two",
      { cash: 299, wxPayid: "4201" },
      {},
      ["amount: 2.99 | 3.00", `state: 2.99 paid 4201 on ${DAY} | 3.00 SUCCESS 4200`],
    ],
    ["that we alone have", {}, null, [`only_ours: 3.00 paid 4200 on ${DAY} | `]],
    ["that failed and nobody has", { state: 2, bought: 2, wxPayid: null, payTime: null }, null, []],
    ["that they alone have", null, {}, ["only_theirs:  | 3.00 SUCCESS 4200"]],
  ] as const)("%s", (_, ours, billed, found) => {
    expect(payment(ours, billed)).toEqual(found);
  });
});

describe("a refund", () => {
  test.each([
    ["that both have", {}, {}, []],
    ["under way with both", { state: "pending" }, { state: "PROCESSING" }, []],
    ["under way with us", { state: "pending" }, {}, ["state"]],
    ["that has failed with both", { state: "failed", failReason: "ABNORMAL" }, { state: "ABNORMAL" }, []],
    ["that has failed since", { state: "failed", failReason: "CLOSED" }, { state: "PROCESSING" }, []],
    ["that has failed with us", { state: "failed", failReason: "CLOSED" }, {}, ["state"]],
    ["that has failed with them", {}, { state: "FAIL" }, ["state"]],
    [
      "that they have refused and have",
      { state: "failed", failReason: "REFUSED", acceptTime: null },
      { state: "PROCESSING" },
      ["state"],
    ],
    [
      "that they have refused and have not",
      { state: "failed", failReason: "REFUSED", acceptTime: null },
      null,
      [],
    ],
    ["of another payment", {}, { outTradeNo: "P-2" }, ["state"]],
    ["taken on another day", { acceptTime: to }, {}, ["state"]],
    ["of another amount", {}, { amount: 99 }, ["amount"]],
    ["that we alone have", {}, null, ["only_ours"]],
    ["that they have taken and do not bill", { state: "pending" }, null, ["only_ours"]],
    ["that was not sent yet", { state: "pending", acceptTime: null }, null, []],
    ["whose taking was not told", { acceptTime: null }, null, ["only_ours"]],
    ["that they alone have", null, {}, ["only_theirs"]],
  ] as const)("%s", (_, ours, billed, found) => {
    expect(refund(ours, billed)).toEqual(found);
  });
});

test("the account's money is that of the bill, or not", () => {
  const bill = { ...emptyTradeBill(), paid: 600, refunded: 150, fees: 3 };
  expect(compareTotals(bill, { income: 600, outgo: 153 })).toEqual([]);
  expect(compareTotals(bill, { income: 599, outgo: 154 })).toMatchObject([
    { number: "income", ours: "6.00", theirs: "5.99" },
    { number: "refunds and fees", ours: "1.53", theirs: "1.54" },
  ]);
});
