import { instant } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import { type Day, spanOf } from "./billDay.ts";
import type { Bills } from "./bills.ts";
import { reconcileDay } from "./reconcile.ts";
import { emptyTradeBill, readTradeBill, type TradeBill } from "./tradeBill.ts";

const DAY: Day = 20261122;
const { from, to } = spanOf(DAY);
const clock = new SimulatedClock(instant(to + 12 * 3_600_000));
/** Several pieces, and a last one that is not full. */
const MANY = 1700;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
async function open(): Promise<Db> {
  const { db, close } = await openDatabase({ url: "sqlite::memory:" });
  closing.push(close);
  return db;
}

/** Payments that only WeChat Pay knows of: T-0, T-1 and so on. */
const theirs = (count: number): TradeBill => ({
  ...emptyTradeBill(),
  payments: new Map(
    Array.from({ length: count }, (_, n) => `T-${n}`).map((outTradeNo) => [
      outTradeNo,
      { outTradeNo, transactionId: `4200${outTradeNo}`, amount: 300, state: "SUCCESS" },
    ]),
  ),
});
const of = (bill: TradeBill): Bills => ({
  tradeBill: async () => ({ kind: "bill", bill }),
  fundFlow: async () => ({ kind: "none" }),
});
const reconciled = async (db: Db, bill: TradeBill) => {
  const said = await reconcileDay({ db, clock, bills: of(bill) }, DAY);
  if (said.kind !== "compared") throw new Error(said.kind);
  return said.found;
};

/** Payments that only we know of, many at one moment: O-0, O-1 and so on. */
async function pay(db: Db, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, n) => ({
    ...{ outTradeNo: `O-${n}`, purpose: "coins" as const, subject: "P1", user: "13800000001" },
    ...{ description: "", channel: "jsapi" as const, openId: "o", cash: 100, state: 1, wxPayid: `4200${n}` },
    ...{ payTime: from + (n % 3), insertTime: from, expireTime: from },
  }));
  for (let i = 0; i < count; i += 500) {
    await db
      .insertInto("wx_payment")
      .values(values.slice(i, i + 500))
      .execute();
  }
}

/** Refunds of ours that no bill names: half of them without a time at WeChat. */
async function refund(db: Db, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await db
      .insertInto("refund_info")
      .values({
        ...{ refundNo: `R-${n}`, purpose: "order", subject: "9", outTradeNo: `O-${n}`, user: "13800000001" },
        ...{ cash: 100, coins: 0, total: 100, reason: "", state: "success", updateTime: from },
        ...{ insertTime: from + (n % 2), acceptTime: n % 4 < 2 ? null : from + 1 },
      })
      .execute();
  }
}

const differences = (db: Db) =>
  db
    .selectFrom("bill_difference")
    .select(["kind", "class", "number", "state", "ours", "theirs"])
    .orderBy("kind")
    .orderBy("number")
    .execute();

test("every difference of many is found once, on either side", async () => {
  const db = await open();
  await pay(db, MANY);
  await refund(db, MANY);
  expect(await reconciled(db, theirs(MANY))).toEqual({ open: 3 * MANY, settled: 0, gone: 0 });
  const numbers = new Set((await differences(db)).map((d) => `${d.class} ${d.number}`));
  expect(numbers.size).toBe(3 * MANY);
  expect(await reconciled(db, theirs(10))).toEqual({ open: 2 * MANY + 10, settled: 0, gone: MANY - 10 });
  await db.updateTable("bill_difference").set({ state: "settled" }).where("number", "=", "T-3").execute();
  expect(await reconciled(db, theirs(MANY))).toEqual({ open: 3 * MANY - 1, settled: 1, gone: 0 });
});

test("a run that dies in the middle is repeated whole and writes what one that lived would have", async () => {
  const [db, other] = [await open(), await open()];
  await sql`create trigger die before insert on bill_difference when new.number = 'T-1200'
    begin select raise(abort, 'the disk is full'); end`.execute(db);
  await expect(reconciled(db, theirs(MANY))).rejects.toThrow("the disk is full");
  expect((await differences(db)).length).toBeGreaterThan(0);
  expect(await db.selectFrom("bill_day").selectAll().execute()).toEqual([]);
  await sql`drop trigger die`.execute(db);
  expect(await reconciled(db, theirs(MANY))).toEqual(await reconciled(other, theirs(MANY)));
  expect(await differences(db)).toEqual(await differences(other));
  expect(await db.selectFrom("bill_day").selectAll().execute()).toHaveLength(1);
});

/** How often something else had its turn while `work` went on. */
async function turnsDuring(work: () => Promise<unknown>, turn: () => Promise<void>): Promise<number> {
  let over = false;
  let turns = 0;
  const others = (async () => {
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      await turn();
      turns++;
    }
  })();
  await work();
  over = true;
  await others;
  return turns;
}

test("phones have their turns while a bill is read, compared and written down", async () => {
  const row = (n: number) =>
    `\`2026-11-22 08:00:00,\`1,\`W${n},\`T-${n},\`SUCCESS,\`CNY,\`0,\`,\`0.01,\`3.00,\`0.00`;
  const text = [
    "交易时间,商户号,微信订单号,商户订单号,交易状态,货币种类,商户退款单号,退款状态,手续费,订单金额,申请退款金额",
    ...Array.from({ length: 5000 }, (_, n) => row(n)),
    "总交易单数,订单总金额,申请退款总金额",
    "`5000,`15000.00,`0.00",
  ].join("\n");
  const read = () => readTradeBill(text, { day: DAY, mchId: "1" });
  expect((await read()).kind).toBe("read");
  expect(await turnsDuring(read, async () => {})).toBeGreaterThanOrEqual(9);

  const db = await open();
  await pay(db, MANY);
  let n = 0;
  const write = async (): Promise<void> => {
    const row = { name: `turn ${++n}`, value: "" };
    await transaction(db, (tx) => tx.insertInto("setting").values(row).execute());
  };
  expect(await turnsDuring(() => reconciled(db, theirs(MANY)), write)).toBeGreaterThanOrEqual(6);
  expect(await turnsDuring(() => reconciled(db, theirs(0)), write)).toBeGreaterThanOrEqual(6);
});
