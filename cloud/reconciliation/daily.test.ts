import { type Instant, instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import type { Db } from "../database/database.ts";
import { openDatabase } from "../database/open.ts";
import { type Day, dayAfter, daysBefore, lastBillDay, spanOf, written } from "./billDay.ts";
import type { Bills } from "./bills.ts";
import { missingDays, startReconciliation } from "./daily.ts";
import { emptyTradeBill } from "./tradeBill.ts";

const HOUR = 3_600_000;
const FIRST: Day = 20261128;
const at = (day: Day, hours: number): Instant => instant(spanOf(day).from + hours * HOUR);
const hours = (n: number) => seconds(n * 3600);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Payments were first made on `FIRST`; of one of them no bill will know. */
async function begin(
  now: Instant,
  answer: (day: Day) => Awaited<ReturnType<Bills["tradeBill"]>>,
  { paid = true } = {},
) {
  const clock = new SimulatedClock(now);
  const { db, close } = await openDatabase({ url: "sqlite::memory:" });
  closing.push(close);
  if (paid) await pay(db, at(FIRST, 12));
  const asked: Day[] = [];
  const bills: Bills = {
    async tradeBill(day) {
      asked.push(day);
      return answer(day);
    },
    fundFlow: async () => ({ kind: "none" }),
  };
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const start = () => {
    const started = startReconciliation({ db, clock, log, bills });
    closing.push(() => started.stop());
    return started;
  };
  const said = () => lines.map((line) => JSON.parse(line) as { level: number; event: string; day: string });
  return { clock, db, asked, said, start };
}

async function pay(db: Db, payTime: Instant): Promise<void> {
  await db
    .insertInto("wx_payment")
    .values({
      ...{ outTradeNo: `P-${payTime}`, purpose: "coins", subject: "P1", user: "13800000001" },
      ...{ description: "", channel: "jsapi", openId: "o", cash: 100, state: 1, wxPayid: `4200${payTime}` },
      ...{ payTime, insertTime: payTime, expireTime: payTime },
    })
    .execute();
}

test("a day is WeChat's, and its bill is out at ten of the next", () => {
  expect(lastBillDay(at(20261123, 10))).toBe(20261122);
  expect(lastBillDay(instant(at(20261123, 10) - 1))).toBe(20261121);
  expect([dayAfter(20261130), dayAfter(20261231), daysBefore(20270301, 1), daysBefore(20280301, 1)]).toEqual([
    20261201, 20270101, 20270228, 20280229,
  ]);
  expect(written(20260102)).toBe("2026-01-02");
  const { from, to } = spanOf(20261122);
  expect([new Date(from).toISOString(), to - from]).toEqual(["2026-11-21T16:00:00.000Z", 24 * HOUR]);
});

test("a day is compared once, at ten of the day after, by a program that goes on and by one that begins", async () => {
  const { clock, db, asked, said, start } = await begin(at(FIRST, 20), () => ({ kind: "none" }));
  const first = start();
  await clock.advance(hours(13));
  expect([asked, first.open()]).toEqual([[], 0]);
  await clock.advance(hours(2));
  expect(asked).toEqual([FIRST]);
  // The payment that no bill knows of.
  expect(first.open()).toBe(1);
  expect(first.time()).toBeGreaterThanOrEqual(at(dayAfter(FIRST), 10));
  await clock.advance(hours(10));
  await first.stop();
  const second = start();
  await clock.advance(hours(1));
  expect(asked).toEqual([FIRST]);
  expect(second.open()).toBe(1);
  expect(said()).toMatchObject([{ level: 50, event: "bill.differs", day: written(FIRST), open: 1 }]);
  // An operator has settled it meanwhile.
  await db
    .updateTable("bill_difference")
    .set({ state: "settled", note: "n", settledBy: "a", settleTime: 1 })
    .execute();
  await clock.advance(hours(1));
  expect(second.open()).toBe(0);
  await second.stop();
  await clock.advance(hours(100));
  expect(asked).toEqual([FIRST]);
});

test("what is lost of the first day is told: the first day is that of the first start, not of a payment we know", async () => {
  const lost = { outTradeNo: "P-lost", transactionId: "4200", amount: 100, state: "SUCCESS" };
  const { clock, asked, start } = await begin(
    at(FIRST, 20),
    (day) =>
      day === FIRST
        ? { kind: "bill", bill: { ...emptyTradeBill(), payments: new Map([["P-lost", lost]]), paid: 100 } }
        : { kind: "none" },
    { paid: false },
  );
  const first = start();
  await clock.advance(hours(1));
  await first.stop();
  await clock.advance(hours(40));
  const second = start();
  await clock.advance(seconds(60));
  expect([asked, second.open()]).toEqual([[FIRST, dayAfter(FIRST)], 1]);
  await clock.advance(hours(24));
  expect(asked).toEqual([FIRST, dayAfter(FIRST), dayAfter(dayAfter(FIRST))]);
});

test("what WeChat Pay cannot give is asked for again half an hour later, the same day; days behind it wait", async () => {
  let out = false;
  const { clock, asked, said, start } = await begin(at(dayAfter(FIRST), 35), () =>
    out ? { kind: "none" } : { kind: "unavailable", detail: "STATEMENTCREATING" },
  );
  const running = start();
  await clock.advance(seconds(60));
  expect(asked).toEqual([FIRST]);
  await clock.advance(seconds(1500));
  expect(asked).toEqual([FIRST]);
  await clock.advance(seconds(600));
  expect(asked).toEqual([FIRST, FIRST]);
  expect(said().map((l) => [l.level, l.event])).toEqual(Array(2).fill([40, "bill.waits"]));
  expect(running.time()).toBeUndefined();
  out = true;
  await clock.advance(seconds(2400));
  expect(asked).toEqual([FIRST, FIRST, FIRST, dayAfter(FIRST)]);
});

test("a bill that cannot be used is an error and is tried again; the other days are compared", async () => {
  const { clock, db, asked, said, start } = await begin(at(dayAfter(FIRST), 35), (day) =>
    day === FIRST
      ? { kind: "bad", detail: "it ends before its totals" }
      : { kind: "bill", bill: emptyTradeBill() },
  );
  start();
  await clock.advance(seconds(60));
  expect(asked).toEqual([FIRST, dayAfter(FIRST)]);
  expect(said()).toMatchObject([
    { level: 50, event: "bill.unusable", kind: "bad", detail: "it ends before its totals" },
    { level: 30, event: "bill.agrees", day: written(dayAfter(FIRST)) },
  ]);
  expect(await db.selectFrom("bill_difference").selectAll().execute()).toEqual([]);
  await clock.advance(seconds(2400));
  expect(asked).toEqual([FIRST, dayAfter(FIRST), FIRST]);
});

test("missed days are made up for, the oldest first, from the first payment on and thirty at most", async () => {
  const { db } = await begin(at(FIRST, 12), () => ({ kind: "none" }));
  const done = (day: Day) =>
    db
      .insertInto("bill_day")
      .values({ day, reconcileTime: 1, payments: 0, paid: 0, refunds: 0, refunded: 0, fundFlow: 0 })
      .execute();
  expect(await missingDays(db, at(FIRST, 12))).toEqual([]);
  expect(await missingDays(db, at(20261201, 12))).toEqual([20261128, 20261129, 20261130]);
  await done(20261129);
  expect(await missingDays(db, at(20261201, 12))).toEqual([20261128, 20261130]);
  const later = await missingDays(db, at(20270301, 12));
  expect([later.length, later[0], later.at(-1)]).toEqual([30, 20270130, 20270228]);
  await db.deleteFrom("wx_payment").execute();
  expect(await missingDays(db, at(20261201, 12))).toEqual([]);
});
