import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase, transaction } from "../database/open.ts";
import { insertOrder } from "../orders/orderRow.ts";
import { markPaid } from "../payments/orderPayment.ts";
import { failRefund } from "../payments/refunds.ts";
import { runCommand } from "./run.ts";

const START = instant(1_800_000_000_000);
const ORDER = "90001800000000";
const USER = "13800000001";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bluepower-refund-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function cloud(line: string): Promise<{ code: number; out: string; err: string[] }> {
  const ran = { code: -1, out: "", err: [] as string[] };
  const terminal = {
    env: { DATA_DIR: folder },
    out: (text: string) => {
      ran.out += text;
    },
    err: (text: string) => void ran.err.push(text),
    clock: new SimulatedClock(START),
    random: seededRandom("refunds"),
  };
  ran.code = await runCommand(line.split(" "), terminal, async () => {});
  return ran;
}
const json = async (line: string) => JSON.parse((await cloud(`${line} --json`)).out);

type Db = Awaited<ReturnType<typeof openDatabase>>["db"];
async function inDatabase<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const { db, close } = await openDatabase({ url: `sqlite:${join(folder, "cloud.db")}` });
  try {
    return await work(db);
  } finally {
    await close();
  }
}

/** An order of 300 fen in cash, paid. */
const paidOrder = () =>
  inDatabase(async (db) => {
    await db.insertInto("setting").values({ name: "coin_fen", value: "100" }).execute();
    await db.insertInto("user_info").values({ user: USER, setupTime: 1, professionId: null }).execute();
    const bill = { unitPrice: 150, unit: 2, money: 300, orderTime: START };
    const of = { orderId: ORDER, user: USER, deviceCode: "DEMO0001", port: 1, ...bill };
    const nothing = { payTime: null, cashOutId: null, endTime: null, minutes: null, endReason: null };
    await transaction(db, async (tx) => {
      const order = await insertOrder(tx, {
        ...{ ...of, ...nothing, deviceName: "", agreedUnit: 2, agreedMoney: 300, manager: "13900000001" },
        ...{ evidence: null, cancelReason: null, gatewayId: null, startTime: START, updateTime: START },
        ...{ state: "finished", payState: "paying" },
      });
      const attempt = await tx
        .insertInto("order_pay_info")
        .values({
          ...{ ...of, state: 1, wxPayid: "wx", payTime: START, outTradeNo: `${ORDER}-a`, channel: "jsapi" },
          ...{ pmoney: 0, cash: 300, insertTime: START, failReason: null },
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      if (order !== undefined) await markPaid(tx, { order, attempt, payTime: START, at: START });
    });
  });

test("an order is refunded in part and whole; a repeat says so; each refusal is one line", async () => {
  expect(await cloud(`refund order ${ORDER} --reason broken`)).toMatchObject({
    code: 1,
    err: [`there is no order "${ORDER}"`],
  });
  await paidOrder();
  expect((await cloud("refund list")).out).toBe("nothing goes back");
  const part = `refund order ${ORDER} --amount 1.50 --reason broken`;
  const refundNo = `${ORDER}-a-R1`;
  expect(await cloud(part)).toMatchObject({
    out: `order ${ORDER}, refund ${refundNo}: 1.50 yuan go back through WeChat`,
  });
  expect(await json(part)).toEqual({ refundNo, cash: 1.5, coins: 0, repeated: true });
  const again = await cloud(part);
  expect([again.code, again.out.split("\n")]).toEqual([
    0,
    [
      "NOTHING WAS MOVED: the same was refunded for the same reason before",
      `order ${ORDER}, refund ${refundNo}: 1.50 yuan go back through WeChat`,
      "If this is to be a second refund beside it, give it another --reason",
    ],
  ]);
  expect((await cloud(`refund order ${ORDER} --amount 2 --reason more`)).err).toEqual([
    "--amount is at most 1.50: that is left of the payment",
  ]);
  expect(await json(`refund order ${ORDER} --reason rest`)).toMatchObject({ cash: 1.5, repeated: false });
  expect((await cloud(`refund order ${ORDER} --reason other`)).err).toEqual([
    `of the payment of order "${ORDER}" nothing is left`,
  ]);
  expect(await json("refund list")).toMatchObject([
    { refundNo: `${ORDER}-a-R2`, user: "138****0001", cash: 1.5, state: "pending", note: "rest" },
    { refundNo, note: "broken", reason: "OPERATOR" },
  ]);
  const audited = await inDatabase((db) => db.selectFrom("audit_log").select(["what", "object"]).execute());
  expect(audited).toEqual([
    { what: "refund.order", object: ORDER },
    { what: "refund.order", object: ORDER },
  ]);
});

test("a failed refund is listed and sent again", async () => {
  await paidOrder();
  const { refundNo } = await json(`refund order ${ORDER} --reason broken`);
  expect(await json("refund list --failed")).toEqual([]);
  expect((await cloud(`refund retry ${refundNo}`)).err).toEqual([
    `refund "${refundNo}" has not failed: it is pending`,
  ]);
  const fail = (reason: "ABNORMAL" | "CLOSED") =>
    inDatabase((db) => transaction(db, (tx) => failRefund(tx, { refundNo, reason, at: START })));
  await fail("ABNORMAL");
  expect(await json("refund list --failed")).toMatchObject([{ refundNo, state: "failed", why: "ABNORMAL" }]);
  expect((await cloud(`refund retry ${refundNo}`)).out).toBe(`refund ${refundNo} is sent again`);
  await fail("CLOSED");
  expect(await json(`refund retry ${refundNo}`)).toEqual({ refundNo: `${ORDER}-a-R2` });
  expect(await json("refund list")).toMatchObject([
    { refundNo: `${ORDER}-a-R2`, state: "pending" },
    { refundNo, state: "replaced", replacedBy: `${ORDER}-a-R2` },
  ]);
  expect((await cloud(`refund retry ${refundNo}`)).code).toBe(1);
});

test("coins of an unknown purchase are not refunded, and wrong values touch nothing", async () => {
  await paidOrder();
  expect((await cloud("refund coins P0001800000 --reason moved")).err).toEqual([
    'there is no purchase "P0001800000"',
  ]);
  for (const [line, message] of [
    ["refund coins 0001 --reason moved", 'PAYID is P and 10 digits, not "0001"'],
    [`refund order ${ORDER} --amount 0 --reason x`, "--amount is 0.01 to 999.99 yuan"],
    [`refund order ${ORDER} --amount 1.234 --reason x`, "--amount is 0.01 to 999.99 yuan"],
    [`refund order ${ORDER}`, '"refund order" needs --reason TEXT'],
    ["refund retry x", "NO is the number of a refund"],
  ] as const) {
    const ran = await cloud(line);
    expect(ran.code).toBe(2);
    expect(ran.err[0]).toContain(message);
  }
  expect(await json("refund list")).toEqual([]);
});
