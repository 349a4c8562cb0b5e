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
    find: `  const has = new Set(`,
    plant: `  for (const r of refunds) {
    const paid = await ourPayments(tx).where("w.outTradeNo", "=", r.outTradeNo).executeTakeFirst();
    r.acceptTime = paid?.payTime ?? r.acceptTime;
  }
  const has = new Set(`,
    caught: {
      file: wire,
      test: "money that goes back is of the day on which WeChat takes the refund, not of the payment's",
    },
  },
  {
    name: "bill compared again doubles its differences",
    file: "cloud/reconciliation/differences.ts",
    find: "    const row = before.get(keyOf(found));",
    plant: `    const row = before.get("");`,
    caught: {
      file: wire,
      test: "the same comparison again adds no row; what is settled stays so, what is gone may come back",
    },
  },
  {
    name: "bill's settled difference opened again",
    file: "cloud/reconciliation/differences.ts",
    find: `          row.state === "settled"
            ? { seenTime: at }`,
    plant: `          row.state === "gone"
            ? { seenTime: at }`,
    caught: {
      file: wire,
      test: "the same comparison again adds no row; what is settled stays so, what is gone may come back",
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
