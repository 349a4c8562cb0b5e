import type { Plant } from "./plant.ts";

const wire = "test/e2e/reconcile.test.ts";
const table = "cloud/reconciliation/tradeBill.test.ts";

/** Bills of WeChat Pay, and how they are compared with ours. */
export const billPlants: readonly Plant[] = [
  {
    name: "bill whose hash is not looked at",
    file: "cloud/reconciliation/bills.ts",
    find: `if (hash !== textOf(answer.body, "hash_value").toLowerCase()) {`,
    plant: `if (hash === "") {`,
    caught: { file: "cloud/reconciliation/bills.test.ts", test: "one byte of the file changed > is bad" },
  },
  {
    name: "bill that grows without a bound",
    file: "cloud/reconciliation/bills.ts",
    find: "{ maxOutputLength: max }",
    plant: "{}",
    caught: {
      file: "cloud/reconciliation/bills.test.ts",
      test: "a file that grows beyond its bound > is bad",
    },
  },
  {
    name: "bill with a row too few",
    file: "cloud/reconciliation/tradeBill.ts",
    find: "if (total(COUNT) !== String(rows))",
    plant: `if (total(COUNT) === "")`,
    caught: { file: table, test: "with > a row missing > it is bad as a whole" },
  },
  {
    name: "bill's refund looked for on the day of its claim",
    file: "cloud/reconciliation/compare.ts",
    find: "r.acceptTime ?? r.insertTime",
    plant: "r.insertTime",
    caught: {
      file: wire,
      test: "a refund made before midnight that WeChat takes after it is of the day on which it does",
    },
  },
  {
    name: "bill's refund looked for on the payment's day",
    file: "cloud/reconciliation/reconcile.ts",
    find: "    yield compare(day, { ...emptyTradeBill(), refunds: new Map(billed) }, { ...nothing, refunds });",
    plant: `    for (const r of refunds) {
      const paid = await ourPayments(db).where("w.outTradeNo", "=", r.outTradeNo).executeTakeFirst();
      r.acceptTime = paid?.payTime ?? r.acceptTime;
    }
    yield compare(day, { ...emptyTradeBill(), refunds: new Map(billed) }, { ...nothing, refunds });`,
    caught: {
      file: wire,
      test: "money that goes back is of the day on which WeChat takes the refund, not of the payment's",
    },
  },
  {
    name: "bill's difference that is gone stays open",
    file: "cloud/reconciliation/differences.ts",
    find: "!of.isFound(keyOf(row))",
    plant: `of.isFound("")`,
    caught: {
      file: wire,
      test: "the same comparison again adds no row; what is settled stays so, what is gone may come back",
    },
  },
  {
    name: "bill's settled difference opened again",
    file: "cloud/reconciliation/differences.ts",
    find: "case when bill_difference.state = 'settled'",
    plant: "case when bill_difference.state = 'gone'",
    caught: {
      file: wire,
      test: "the same comparison again adds no row; what is settled stays so, what is gone may come back",
    },
  },
  {
    name: "bill of a day of which no payment is known",
    file: "cloud/reconciliation/daily.ts",
    find: "      await servedFirst(db, clock.now());\n",
    plant: "",
    caught: {
      file: "cloud/reconciliation/daily.test.ts",
      test: "what is lost of the first day is told: the first day is that of the first start, not of a payment we know",
    },
  },
  {
    name: "bill that is written down in one piece",
    file: "cloud/reconciliation/turn.ts",
    find: "new Promise((resolve) => setImmediate(resolve))",
    plant: "Promise.resolve()",
    caught: {
      file: "cloud/reconciliation/bigBill.test.ts",
      test: "phones have their turns while a bill is read, compared and written down",
    },
  },
  {
    name: "bill that counts as compared before it is",
    file: "cloud/reconciliation/reconcile.ts",
    find: "  for await (const found of differencesOf(db, day, bill)) if (found.length > 0) await write(found);",
    plant: `  await db
    .insertInto("bill_day")
    .values({ day, reconcileTime: at, payments: 0, paid: 0, refunds: 0, refunded: 0, fundFlow: 0 })
    .execute();
  for await (const found of differencesOf(db, day, bill)) if (found.length > 0) await write(found);`,
    caught: {
      file: "cloud/reconciliation/bigBill.test.ts",
      test: "a run that dies in the middle is repeated whole and writes what one that lived would have",
    },
  },
  {
    name: "bill looked for before it is out",
    file: "cloud/reconciliation/billDay.ts",
    find: "daysBefore(billDayOf(now - OUT_MS), 1)",
    plant: "daysBefore(billDayOf(now), 1)",
    caught: { file: wire, test: "before the bill is out, and of a day that is not over" },
  },
];
