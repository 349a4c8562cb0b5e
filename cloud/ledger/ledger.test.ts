import { instant } from "@bluepower/protocol/clock";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit } from "../audit/audit.ts";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import type { Account } from "./accounts.ts";
import { coinValue, fixCoinValue } from "./coins.ts";
import { mustPost, post, type Transfer } from "./ledger.ts";

/** The ledger's own sentences; these postings are for nothing. */
const own = [
  "sum_is_zero",
  "balance_is_sum",
  "not_negative",
  "pmoney_is_coins",
  "held_is_pending",
  "account_known",
  "whole_coins",
];
const ledgerWrongs = async (db: Db) => (await audit(db)).filter((v) => own.includes(v.rule));

const at = instant(1_800_000_000_000);
const A = "13800000001";
const B = "13800000002";
let db: Db;
let close: () => Promise<void>;

async function fresh(): Promise<void> {
  ({ db, close } = await openDatabase({ url: "sqlite::memory:" }));
  for (const user of [A, B]) {
    await db.insertInto("user_info").values({ user, setupTime: at, professionId: null }).execute();
  }
  await transaction(db, (tx) => fixCoinValue(tx, 100));
}
beforeEach(fresh);
afterEach(() => close());

const move = (of: Partial<Transfer>) =>
  transaction(db, (tx) =>
    post(tx, { id: "t", from: "opening", to: "platform", amount: 100, reason: "TEST", at, ...of }),
  );
const balance = async (account: string): Promise<number> => {
  const row = await db
    .selectFrom("ledger_account")
    .select("balance")
    .where("account", "=", account)
    .executeTakeFirst();
  return row?.balance ?? 0;
};
const pmoney = async (user: string): Promise<number> =>
  (await db.selectFrom("user_info").select("pmoney").where("user", "=", user).executeTakeFirstOrThrow())
    .pmoney;

describe("a transfer", () => {
  test("moves once, whatever is repeated, and says when the id belongs to another move", async () => {
    expect(await move({})).toBe("created");
    expect(await move({})).toBe("exists");
    for (const other of [
      { amount: 101 },
      { from: "wechat_clearing" },
      { to: "opening", from: "platform" },
      { orderId: "x" },
    ]) {
      expect(await move(other as Partial<Transfer>)).toBe("exists_with_different_fields");
    }
    expect([await balance("opening"), await balance("platform")]).toEqual([-100, 100]);
    expect(await ledgerWrongs(db)).toEqual([]);
  });

  test("coins never go below nothing: the refused move leaves no trace and its id stays free", async () => {
    const spend = { id: "spend", from: `user_coins:${A}`, to: `user_coins_held:${A}`, amount: 200 } as const;
    expect(await move(spend)).toBe("exceeds_balance");
    await move({ id: "buy", to: `user_coins:${A}`, amount: 100 });
    expect(await move(spend)).toBe("exceeds_balance");
    expect(await pmoney(A)).toBe(1);
    expect(await db.selectFrom("ledger_transfer").select("id").where("id", "=", "spend").execute()).toEqual(
      [],
    );
    await move({ id: "buy more", to: `user_coins:${A}`, amount: 100 });
    expect(await move(spend)).toBe("created");
    expect([await pmoney(A), await balance(`user_coins_held:${A}`)]).toEqual([0, 200]);
  });

  test("a manager's account may be negative, what was paid out may not", async () => {
    expect(await move({ from: `manager_payable:${A}` })).toBe("created");
    expect(await move({ id: "u", from: `manager_paid_out:${A}` })).toBe("exceeds_balance");
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])("%d fen are a bug, nothing is written", async (amount) => {
    await expect(move({ amount })).rejects.toThrow(RangeError);
    expect(await db.selectFrom("ledger_transfer").selectAll().execute()).toEqual([]);
  });

  test("half coins, strangers' coins and a transfer to itself are bugs", async () => {
    await expect(move({ to: `user_coins:${A}`, amount: 150 })).rejects.toThrow("no whole coins");
    await expect(move({ to: "user_coins:13800000099" })).rejects.toThrow("not in user_info");
    await expect(move({ to: "opening" })).rejects.toThrow("to itself");
    expect(await ledgerWrongs(db)).toEqual([]);
    expect(await db.selectFrom("ledger_account").selectAll().execute()).toEqual([]);
  });

  test("mustPost takes a repeat and throws for everything else", async () => {
    const coins = {
      id: "m",
      from: `user_coins:${A}`,
      to: "platform",
      amount: 100,
      reason: "TEST",
      at,
    } as const;
    await expect(transaction(db, (tx) => mustPost(tx, coins))).rejects.toThrow("transfer m: exceeds_balance");
  });
});

test("the value of a coin is fixed at the first start", async () => {
  expect(await transaction(db, (tx) => fixCoinValue(tx, 100))).toEqual({ kind: "fixed" });
  expect(await transaction(db, (tx) => fixCoinValue(tx, 50))).toEqual({ kind: "differs", fixed: 100 });
  expect(await coinValue(db)).toBe(100);
  await db.deleteFrom("setting").execute();
  await expect(coinValue(db)).rejects.toThrow("COIN_FEN");
});

describe("the check finds", () => {
  const rules = async () => (await ledgerWrongs(db)).map((v) => `${v.rule} ${v.subject}`);
  beforeEach(async () => {
    await move({ to: `user_coins:${A}`, amount: 300 });
    expect(await ledgerWrongs(db)).toEqual([]);
  });

  test("a balance that is not the sum of its postings", async () => {
    await db.updateTable("ledger_account").set({ balance: 1 }).where("account", "=", "opening").execute();
    expect(await rules()).toEqual(["sum_is_zero ledger_account", "balance_is_sum opening"]);
  });
  test("a posting that vanished", async () => {
    await db.deleteFrom("ledger_transfer").execute();
    expect(await rules()).toEqual(["balance_is_sum opening", `balance_is_sum user_coins:${A}`]);
  });
  test("coins in user_info that are not in the ledger", async () => {
    await db.updateTable("user_info").set({ pmoney: 4 }).where("user", "=", A).execute();
    expect(await rules()).toEqual([`pmoney_is_coins ${A}`]);
  });
  test("coins of somebody who is gone", async () => {
    await db.deleteFrom("user_info").where("user", "=", A).execute();
    expect(await rules()).toEqual([`pmoney_is_coins ${A}`]);
  });
  test("held coins without an open payment", async () => {
    await move({ id: "h", from: `user_coins:${A}`, to: `user_coins_held:${A}`, amount: 100 });
    expect(await rules()).toEqual([`held_is_pending ${A}`]);
  });
  test("a negative account that must not be", async () => {
    await db.updateTable("ledger_transfer").set({ amount: 1 }).execute();
    await db
      .updateTable("ledger_account")
      .set({ balance: -1 })
      .where("account", "=", `user_coins:${A}`)
      .execute();
    expect(await rules()).toContain(`not_negative user_coins:${A}`);
  });
});

test("random moves keep every invariant and agree with a plain count", async () => {
  const account = fc.constantFrom<Account>(
    `user_coins:${A}`,
    `user_coins:${B}`,
    `user_coins_held:${A}`,
    `manager_payable:${A}`,
    "wechat_clearing",
    "opening",
  );
  const step = fc.record({
    id: fc.integer({ min: 0, max: 15 }).map((n) => `t${n}`),
    from: account,
    to: account,
    amount: fc.integer({ min: 1, max: 5 }).map((n) => n * 100),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await close();
      await fresh();
      const model = new Map<string, number>();
      const seen = new Map<string, string>();
      for (const s of steps.filter((one) => one.from !== one.to)) {
        const posted = await move(s);
        const fields = JSON.stringify(s);
        const guarded = s.from.startsWith("user_coins");
        const before = seen.get(s.id);
        if (before !== undefined) {
          expect(posted).toBe(before === fields ? "exists" : "exists_with_different_fields");
        } else if (guarded && (model.get(s.from) ?? 0) < s.amount) {
          expect(posted).toBe("exceeds_balance");
        } else {
          expect(posted).toBe("created");
          seen.set(s.id, fields);
          model.set(s.from, (model.get(s.from) ?? 0) - s.amount);
          model.set(s.to, (model.get(s.to) ?? 0) + s.amount);
        }
      }
      for (const [name, amount] of model) expect(await balance(name)).toBe(amount);
      expect((await ledgerWrongs(db)).filter((v) => v.rule !== "held_is_pending")).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
