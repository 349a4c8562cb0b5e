import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import Sqlite from "better-sqlite3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { START } from "../../cloud/api/scenario.ts";
import { audit, inOneLine, invariants } from "../../cloud/audit/audit.ts";
import { runCommand } from "../../cloud/cli/run.ts";
import type { Db } from "../../cloud/database/database.ts";
import { openDatabase } from "../../cloud/database/open.ts";
import { type Damage, damages } from "./damages.ts";
import { type Populated, populate } from "./populated.ts";

let folder: string;
let file: string;
let named: Populated;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bluepower-audit-"));
  file = join(folder, "books.db");
  named = await populate(file);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(): Promise<Db> {
  const { db, close } = await openDatabase({ url: `sqlite:${file}` });
  closing.push(close);
  return db;
}

/** Does the damage to a copy; answers what the audit says of it, and what it should. */
async function damaged({ of, damage, also = () => [], rule, part = "", subjects }: Damage) {
  const copy = join(folder, `${rule} ${part}.db`);
  copyFileSync(file, copy);
  const raw = new Sqlite(copy);
  const row = raw.prepare<[], Record<string, string | number>>(of).get();
  if (row === undefined) throw new Error(`nothing to damage: ${of}`);
  raw.exec(damage(row).join(";\n"));
  raw.close();
  const { db, close } = await openDatabase({ url: `sqlite:${copy}` });
  closing.push(close);
  const wanted = (subjects ?? ((r) => [String(r.x)]))(row).map((subject) => `${rule} ${subject}`);
  const found = await audit(db);
  return { found, said: found.map((v) => `${v.rule} ${v.subject}`), wanted: [...wanted, ...also(row)] };
}

test("of a database in which everything has happened nothing is wrong", async () => {
  expect((await audit(await open())).map(inOneLine)).toEqual([]);
});

test("every invariant has a damage that it alone finds, and a name of its own", () => {
  const names = invariants.map((i) => i.name);
  expect(new Set(names).size).toBe(names.length);
  expect([...new Set(damages.map((d) => d.rule))].sort()).toEqual([...names].sort());
  expect(damages.filter((d) => d.also !== undefined).map((d) => d.rule)).toEqual(["sum_is_zero"]);
});

const titled = (d: Damage): string => (d.part === undefined ? d.rule : `${d.rule}: ${d.part}`);
test.each(damages.map((d) => [titled(d), d] as const))("%s", async (_title, damage) => {
  const { said, wanted } = await damaged(damage);
  expect(said.toSorted()).toEqual(wanted.toSorted());
});

/** The command line on a database, as an operator has it. */
async function operator(
  line: string,
  database = file,
): Promise<{ code: number; out: string; err: string[] }> {
  const err: string[] = [];
  let out = "";
  const code = await runCommand(
    line.split(" "),
    {
      env: { DATA_DIR: folder, DATABASE_URL: `sqlite:${database}` },
      out: (text) => {
        out += text;
      },
      err: (text) => void err.push(text),
      clock: new SimulatedClock(START),
      random: seededRandom("operator"),
    },
    async () => {},
  );
  return { code, out, err };
}

describe("the command line", () => {
  test("says that all hold, and ends with 0", async () => {
    expect(await operator("audit")).toEqual({
      code: 0,
      out: `${invariants.length} invariants hold`,
      err: [],
    });
  });

  test("names what is broken, where and by which posting, and ends with 1", async () => {
    const copy = join(folder, "command.db");
    copyFileSync(file, copy);
    const raw = new Sqlite(copy);
    raw.exec(`update ledger_transfer set amount = amount + 100 where id = 'opening/1'`);
    raw.close();
    const { code, out, err } = await operator("audit", copy);
    expect([code, err]).toEqual([1, []]);
    expect(out).toContain("balance_is_sum opening: -100 fen are kept, postings sum to -200");
    expect(out).toContain("balance_is_sum: the balance of an account is the sum of its postings");
    const json = await operator("audit --json", copy);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      invariants: invariants.length,
      violations: [{ rule: "balance_is_sum" }, { rule: "balance_is_sum" }],
    });
  });

  test("explains an order fen by fen, in the order in which things happened", async () => {
    const { code, out } = await operator(`audit explain ${named.mixed} --json`);
    expect(code).toBe(0);
    const { accounts, sums, adds_up } = JSON.parse(out);
    const payable = accounts.find((a: { account: string }) => a.account === "manager_payable:13900000001");
    expect(payable.moves.map((m: { amount: number; balance: number }) => [m.amount, m.balance])).toEqual([
      [200, 200],
      [100, 300],
      [-100, 200],
      [-100, 100],
    ]);
    expect(sums.map((s: { fen: number }) => s.fen)).toEqual([100, 100, 100]);
    expect(adds_up).toBe(true);
    const held = accounts.find((a: { account: string }) => a.account === "user_coins_held:13800000001");
    expect(held.moves.map((m: { balance: number }) => m.balance)).toEqual([200, 0, 200, 0]);
  });

  test("explains a purse, a manager and a cash-out, and what they add up to", async () => {
    for (const [of, line] of [
      ["13800000001", "user_info has 14 coins: 14.00 yuan\ntheir postings sum to: 14.00 yuan"],
      ["13900000001", "200 fen of debt, and 100 fen in pending cash-outs: 2.00 yuan"],
      [named.cashOuts.paid, "it took from what the manager is owed: -7.00 yuan\nthe ledger says: -7.00 yuan"],
      [named.cashOuts.pending, "debt of earlier refunds that it took up: 2.00 yuan"],
      [named.cashOuts.failed, "it has moved nothing: 0.00 yuan"],
      [named.takenBack, "the order is cancelled and paid; it was paid, less what went back: 0.00 yuan"],
    ] as const) {
      const { code, out } = await operator(`audit explain ${of}`);
      expect([code, out]).toEqual([0, expect.stringContaining(line)]);
      expect(out).toMatch(/it adds up$/);
    }
    for (const of of ["90000000000000", "13800000099", "C0000000000"]) {
      expect(await operator(`audit explain ${of}`)).toMatchObject({
        code: 1,
        err: [`nothing is known of "${of}"`],
      });
    }
    expect((await operator("audit explain something")).code).toBe(2);
  });

  test("says when it does not add up", async () => {
    const copy = join(folder, "apart.db");
    copyFileSync(file, copy);
    const raw = new Sqlite(copy);
    raw.exec(`update user_info set pmoney = 15 where "user" = '13800000001'`);
    raw.close();
    const { code, out } = await operator("audit explain 13800000001", copy);
    expect([code, out]).toEqual([1, expect.stringContaining("it does not add up: see the audit")]);
  });
});
