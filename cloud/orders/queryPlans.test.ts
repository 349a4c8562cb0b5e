import { instant } from "@bluepower/protocol/clock";
import { type CompiledQuery, sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cashOutsOf } from "../cashout/lists.ts";
import { boughtCoins } from "../coins/bought.ts";
import { giftsOf, purchasesOf } from "../coins/lists.ts";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import { devicesOf } from "../devices/managed.ts";
import { fixCoinValue } from "../ledger/coins.ts";
import { blackListOf } from "../people/blackList.ts";
import { listOrders, type OrderFilter, orderTotals, withdrawableOrders } from "./lists.ts";

let db: Db;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ db, close } = await openDatabase({ url: "sqlite::memory:" }));
  await transaction(db, (tx) => fixCoinValue(tx, 100));
});
afterEach(() => close());

/** How SQLite carries out what `work` asks: one text a step. */
async function planOf(work: (db: Db) => Promise<unknown>): Promise<string[]> {
  const queries: CompiledQuery[] = [];
  await work(
    db.withPlugin({
      transformQuery({ node, queryId }) {
        queries.push(db.getExecutor().compileQuery(node, queryId));
        return node;
      },
      transformResult: async ({ result }) => result,
    }),
  );
  expect(queries.length).toBeGreaterThan(0);
  const steps: string[] = [];
  for (const { sql: text, parameters } of queries) {
    const [first = "", ...parts] = text.split("?");
    const bound = parts.reduce((all, part, i) => sql`${all}${parameters[i]}${sql.raw(part)}`, sql.raw(first));
    const { rows } = await sql<{ detail: string }>`explain query plan ${bound}`.execute(db);
    steps.push(...rows.map((r) => r.detail));
  }
  return steps;
}

const page = { startIndex: 20, pageSize: 10 };
const user = "13800000001";
const manager = "13900000001";
const span = { from: instant(1_795_300_000_000), to: instant(1_799_300_000_000) };
const filters: readonly OrderFilter[] = [
  { manager },
  { manager, ...span },
  { manager, deviceCode: "PHONED01" },
  { manager, deviceCode: "PHONED01", ...span },
  { manager, user },
  { manager, user, deviceCode: "PHONED01", ...span },
  { manager, orderId: "90001795314600" },
  { user },
  { user, ...span },
  { user, orderId: "90001795314600" },
];

test.each(filters.map((f) => [Object.keys(f).join(" "), f] as const))(
  "orders by %s: page and totals are searched for, and nothing is sorted",
  async (_what, filter) => {
    const rows = await planOf((d) => listOrders(d, filter, page));
    expect(rows.filter((step) => /^SCAN|TEMP B-TREE/.test(step))).toEqual([]);
    const totals = await planOf((d) => orderTotals(d, filter));
    expect(totals.filter((step) => step.startsWith("SCAN"))).toEqual([]);
  },
);

test("what can be withdrawn is found by its index alone, in its order", async () => {
  const steps = await planOf((d) => withdrawableOrders(d, manager, page));
  expect(steps.join("\n")).toContain(
    "SEARCH order_info USING INDEX order_info_withdrawable (manager=? AND cashOutFlag=? AND payState=?)",
  );
  expect(steps.filter((step) => /^SCAN|TEMP B-TREE/.test(step))).toEqual([]);
});

test.each([
  ["the black list", (d: Db) => blackListOf(d, manager, page)],
  ["purchases of coins", (d: Db) => purchasesOf(d, user, page)],
  ["moves of somebody's coins", (d: Db) => transaction(d, (tx) => boughtCoins(tx, user))],
  ["gifts", (d: Db) => giftsOf(d, user, page)],
  ["cash-outs", (d: Db) => cashOutsOf(d, manager, page)],
  ["chargers", (d: Db) => devicesOf(d, manager, page)],
])("%s are searched for", async (_what, work) => {
  const steps = await planOf(work);
  expect(steps.filter((step) => step.startsWith("SCAN"))).toEqual([]);
  expect(steps.filter((step) => step.startsWith("SEARCH")).length).toBeGreaterThan(0);
});
