import { type Instant, instant, seconds } from "@bluepower/protocol/clock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { transaction } from "../../cloud/database/open.ts";
import { dayAfter, spanOf } from "../../cloud/reconciliation/billDay.ts";
import { listDifferences, settleDifference } from "../../cloud/reconciliation/differences.ts";
import { reconcileDay } from "../../cloud/reconciliation/reconcile.ts";
import { difference, fingerprints } from "../conformance/fingerprint.ts";
import { type PayBench, payBench } from "./payBench.ts";
import { until } from "./until.ts";

/** The cloud's payments against the daily bills of the sandbox, over the wire; every test has days of its own. */

const HOUR = 3_600_000;
let bench: PayBench;
let day = 20261020;
const at = (hours: number, of = day): Instant => instant(spanOf(of).from + hours * HOUR);
/** The bill of a day is out. */
const nextMorning = (of = day): void => bench.setTime(at(34, of));

beforeAll(async () => {
  bench = await payBench({ at: at(12) });
});
afterAll(() => bench?.stop());

function newDay(): void {
  day = dayAfter(dayAfter(dayAfter(day)));
  bench.setTime(at(12));
}

async function paidOrder(): Promise<{ orderId: string; number: string }> {
  const orderId = await bench.charging();
  const { content, number } = await bench.ready(orderId);
  await bench.payAs(content, "once");
  await bench.paid(orderId);
  return { orderId, number };
}

async function boughtCoins(): Promise<string> {
  const purchase = await bench.buying();
  await bench.payAs((await purchase.prepare()) as Record<string, string>, "once");
  await until(
    "the coins are there",
    () => bench.coinBooks(purchase),
    (b) => b.purchase === "paid",
  );
  return purchase.number;
}

/** Half of a paid bill goes back, and has arrived. */
async function refunded(): Promise<{ orderId: string; refundNo: string }> {
  const orderId = await bench.lowered();
  bench.payments.wake();
  const { refundNo } = await until(
    "the money is back",
    () => bench.refund(orderId),
    (r) => r.state === "success",
  );
  return { orderId, refundNo };
}

/** What a comparison says and which rows of which tables it leaves or changes; nothing else may. */
async function reconcile(of = day) {
  const look = await fingerprints(bench.db);
  const before = await look();
  const said = await reconcileDay(bench.reconciling, of);
  const change = difference(before, await look());
  const { bill_day: _day, bill_difference: rows = {}, ...else_ } = change;
  expect(else_).toEqual({});
  return { said, added: rows.added?.length ?? 0, removed: rows.removed?.length ?? 0 };
}

const rows = async (of = day) =>
  (await listDifferences(bench.db, { open: false, day: of, limit: 100 })).map(
    (d) => `${d.state} ${d.kind} ${d.class} ${d.number}: ${d.ours} | ${d.theirs}`,
  );

const open = (n: number) => ({ open: n, settled: 0, gone: 0 });

test("a day on which both say the same: an order, coins, and what went back", async () => {
  await paidOrder();
  await boughtCoins();
  await refunded();
  nextMorning();
  const { said } = await reconcile();
  expect(said).toEqual({
    ...{ kind: "compared", day, payments: 3, refunds: 1, fundFlow: true, found: open(0) },
  });
  expect(await rows()).toEqual([]);
  expect(
    await bench.db.selectFrom("bill_day").selectAll().where("day", "=", day).executeTakeFirst(),
  ).toMatchObject({ payments: 3, paid: 900, refunds: 1, refunded: 150, fundFlow: 1 });
});

describe("a difference is one row, and nothing else changes:", () => {
  test("a payment made outside of ours is theirs only", async () => {
    newDay();
    await paidOrder();
    await bench.control("/outside-payment", { outTradeNo: "OUTSIDE01", total: 500, openid: "demo-user-2" });
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ payments: 2, found: open(1) });
    expect(await rows()).toEqual([
      expect.stringMatching(/^open payment only_theirs OUTSIDE01: {2}\| 5.00 SUCCESS 4200\d+$/),
    ]);
  });

  test("a payment and a refund that the bill has forgotten are ours only", async () => {
    newDay();
    const { number } = await paidOrder();
    const { orderId, refundNo } = await refunded();
    await bench.control("/bill", { number, forgotten: true });
    await bench.control("/bill", { number: refundNo, forgotten: true });
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ payments: 1, refunds: 0, found: open(2) });
    expect(await rows()).toEqual([
      expect.stringMatching(
        new RegExp(`^open payment only_ours ${number}: 3.00 paid 4200\\d+ on ${day} \\| $`),
      ),
      expect.stringContaining(`open refund only_ours ${refundNo}: 1.50 success of ${orderId}`),
    ]);
  });

  test("another amount, of a payment and of a refund", async () => {
    newDay();
    const number = await boughtCoins();
    const { refundNo } = await refunded();
    await bench.control("/bill", { number, amount: 301 });
    await bench.control("/bill", { number: refundNo, amount: 149 });
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ found: open(2) });
    expect(await rows()).toEqual([
      `open payment amount ${number}: 3.00 | 3.01`,
      `open refund amount ${refundNo}: 1.50 | 1.49`,
    ]);
  });

  test("another state of a refund; one that was under way when the bill was made is none", async () => {
    newDay();
    const first = await refunded();
    const second = await refunded();
    await bench.control("/bill", { number: first.refundNo, refundStatus: "ABNORMAL" });
    await bench.control("/bill", { number: second.refundNo, refundStatus: "PROCESSING" });
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ refunds: 2, found: open(1) });
    expect(await rows()).toEqual([
      expect.stringMatching(`open refund state ${first.refundNo}: 1.50 success of .* \\| 1.50 ABNORMAL of`),
    ]);
  });

  test("a payment of which we do not know yet that it was made, gone once we do", async () => {
    newDay();
    const orderId = await bench.charging();
    const { content, number } = await bench.ready(orderId);
    await bench.payAs(content, "never");
    // WeChat has just been asked, so it is not asked again before time passes.
    await bench.db
      .updateTable("wx_payment")
      .set({ queryTime: at(34) })
      .where("outTradeNo", "=", number)
      .execute();
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ found: open(1) });
    expect(await rows()).toEqual([
      expect.stringContaining(`open payment state ${number}: 3.00 open | 3.00 SUCCESS 4200`),
    ]);
    bench.pass(seconds(31));
    bench.payments.wake();
    await bench.paid(orderId);
    expect(await reconcile()).toMatchObject({
      ...{ added: 0, removed: 0, said: { found: { open: 0, settled: 0, gone: 1 } } },
    });
    expect(await rows()).toEqual([expect.stringContaining(`gone payment state ${number}`)]);
  });

  test("the account's money is not the sum of the bill", async () => {
    newDay();
    const { number } = await paidOrder();
    const { refundNo } = await refunded();
    await bench.control("/bill", { number, amount: 200, only: "fund" });
    await bench.control("/bill", { number: refundNo, amount: 50, only: "fund" });
    nextMorning();
    expect((await reconcile()).said).toMatchObject({ payments: 2, refunds: 1, found: open(2) });
    expect(await rows()).toEqual([
      "open totals totals income: 6.00 | 5.00",
      // Fees of 2 fen for each payment, of which 1 comes back with the refund; 1 fen for 200.
      "open totals totals refunds and fees: 1.53 | 0.53",
    ]);
  });
});

describe("the day is WeChat's, by the second:", () => {
  test("a payment one second before midnight and one a second after it are of two days", async () => {
    newDay();
    const [first, second] = [day, dayAfter(day)];
    bench.setTime(instant(spanOf(second).from - 1000));
    const late = await paidOrder();
    bench.setTime(instant(spanOf(second).from + 1000));
    const early = await paidOrder();
    nextMorning(second);
    for (const [of, number] of [
      [first, late.number],
      [second, early.number],
    ] as const) {
      expect((await reconcile(of)).said).toMatchObject({ payments: 1, found: open(0) });
      // The other one would be a difference, on either side.
      await bench.control("/bill", { number, forgotten: true });
      expect((await reconcile(of)).said).toMatchObject({ payments: 0, found: open(1) });
    }
  });

  test("money that goes back is of the day on which WeChat takes the refund, not of the payment's", async () => {
    newDay();
    const [first, second] = [day, dayAfter(day)];
    const { orderId } = await paidOrder();
    bench.setTime(at(12, second));
    const { refundNo } = await bench.giveBack(orderId);
    nextMorning(second);
    expect((await reconcile(first)).said).toMatchObject({ payments: 1, refunds: 0, found: open(0) });
    expect((await reconcile(second)).said).toMatchObject({ payments: 0, refunds: 1, found: open(0) });
    await bench.control("/bill", { number: refundNo, forgotten: true });
    expect((await reconcile(first)).said).toMatchObject({ found: open(0) });
    expect((await reconcile(second)).said).toMatchObject({ found: open(1) });
  });

  test("a refund made before midnight that WeChat takes after it is of the day on which it does", async () => {
    newDay();
    const [first, second] = [day, dayAfter(day)];
    const { orderId } = await paidOrder();
    bench.setTime(instant(spanOf(second).from - 1000));
    await bench.fault("500", 1);
    const { refundNo } = await bench.giveBack(orderId, () => bench.setTime(at(9, second)));
    nextMorning(second);
    expect(await bench.refund(orderId)).toMatchObject({ refundNo, acceptTime: at(9, second) });
    expect((await reconcile(first)).said).toMatchObject({ payments: 1, refunds: 0, found: open(0) });
    expect((await reconcile(second)).said).toMatchObject({ payments: 0, refunds: 1, found: open(0) });
    await bench.control("/bill", { number: refundNo, forgotten: true });
    expect((await reconcile(first)).said).toMatchObject({ found: open(0) });
    expect((await reconcile(second)).said).toMatchObject({ found: open(1) });
  });
});

test("the same comparison again adds no row; what is settled stays so, what is gone may come back", async () => {
  newDay();
  const { number } = await paidOrder();
  const other = await paidOrder();
  const alter = (of: string, forgotten: boolean) => bench.control("/bill", { number: of, forgotten });
  await alter(number, true);
  await alter(other.number, true);
  nextMorning();
  expect(await reconcile()).toMatchObject({ added: 2 });
  expect(await reconcile()).toMatchObject({ added: 0, removed: 0, said: { found: open(2) } });
  const [row] = await listDifferences(bench.db, { open: true, day, limit: 1 });
  if (row === undefined) throw new Error("there is a difference");
  const by = { who: "operator:a", at: bench.now() };
  const settle = () =>
    transaction(bench.db, (tx) => settleDifference(tx, { id: row.id, note: "客户已确认" }, by));
  expect(await settle()).toBe("settled");
  expect(await settle()).toBe("settled_before");
  const states = async () => (await rows()).map((r) => r.split(" ")[0]);
  const again = async (found: object, are: string[]) => {
    bench.pass(seconds(60));
    expect(await reconcile()).toMatchObject({ added: 0, removed: 0, said: { found } });
    expect(await states()).toEqual(are);
  };
  await again({ open: 1, settled: 1, gone: 0 }, ["settled", "open"]);
  await alter(number, false);
  await alter(other.number, false);
  await again({ open: 0, settled: 1, gone: 1 }, ["settled", "gone"]);
  await again({ open: 0, settled: 1, gone: 0 }, ["settled", "gone"]);
  await alter(number, true);
  await alter(other.number, true);
  await again({ open: 1, settled: 1, gone: 0 }, ["settled", "open"]);
  const entries = bench.db.selectFrom("audit_log").select(["who", "what", "object", "detail"]);
  expect(await entries.where("what", "=", "bill.settle").execute()).toEqual([
    {
      ...{ who: "operator:a", what: "bill.settle", object: String(row.id) },
      detail: `${day} payment ${number} only_ours: 客户已确认`,
    },
  ]);
  expect(await bench.violations()).toEqual([]);
});

describe("nothing is written", () => {
  const nothing = async (said: object, of = day) => {
    const before = await rows(of);
    expect((await reconcile(of)).said).toMatchObject(said);
    expect(await rows(of)).toEqual(before);
    const compared = bench.db.selectFrom("bill_day").select("day").where("day", "=", of);
    expect(await compared.execute()).toEqual([]);
  };

  test("before the bill is out, and of a day that is not over", async () => {
    newDay();
    await paidOrder();
    await nothing({ kind: "not_out" });
    bench.setTime(instant(at(34) - 1));
    await nothing({ kind: "not_out" });
    bench.setTime(at(34));
    expect((await reconcile()).said).toMatchObject({ kind: "compared" });
  });

  test.each(["500", "429", "timeout-after-commit", "bad-signature"])(
    "when WeChat Pay fails by %s",
    async (kind) => {
      newDay();
      await paidOrder();
      nextMorning();
      await bench.fault(kind, 1);
      await nothing({ kind: "unavailable" });
      expect((await reconcile()).said).toMatchObject({ kind: "compared", found: open(0) });
    },
  );

  test("of a day for which WeChat Pay has no bills any more", async () => {
    newDay();
    const old = 20260601;
    await nothing({ kind: "refused", detail: expect.stringContaining("INVALIDREQUEST") }, old);
  });
});

test("a day without business has no bill: nothing of ours is missing, and ours would be", async () => {
  newDay();
  nextMorning();
  expect((await reconcile()).said).toMatchObject({
    ...{ payments: 0, refunds: 0, fundFlow: false, found: open(0) },
  });
  bench.setTime(at(12));
  const { number } = await paidOrder();
  await bench.control("/bill", { number, forgotten: true });
  nextMorning();
  expect((await reconcile()).said).toMatchObject({ payments: 0, fundFlow: false, found: open(1) });
});
