import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@bluepower/protocol/random";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCards } from "../api/scenario.ts";
import { transaction } from "../database/open.ts";
import { rebill } from "../orders/bill.ts";
import { managerMoney } from "../orders/managerMoney.ts";
import { MANAGER, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { payer } from "../payments/payer.ts";
import { bankCards, bankCardsOf, maskCard } from "./bankCards.ts";
import { cashOutsOf } from "./lists.ts";
import { approveCashOut, type CashOut, failCashOut, payCashOut } from "./process.ts";
import { priced, requestCashOut, withdrawable } from "./request.ts";

const PPM = 6000;
let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const by = (who = "operator:a") => ({ who, at: world.clock.now() });
const account = { bankName: "银行", bankUser: "户名", bankCode: "6222021234567890" };
const request = () =>
  transaction(world.db, (tx) =>
    requestCashOut(tx, { manager: MANAGER, account, ppm: PPM, cards: openCards }, by(`manager:${MANAGER}`)),
  );
const can = () => withdrawable(world.db, MANAGER, PPM);
const { open, payable, balance } = payer(() => world);

/** An order of two units for 3.00 yuan that is finished and paid with coins. */
async function paid(): Promise<string> {
  await world.giveCoins(USER, 3);
  const { orderId } = await world.charging();
  await world.finish(orderId, 60);
  await open(orderId, { pmoney: 3, cash: 0 });
  return orderId;
}
const refund = async (orderId: string, units: number): Promise<void> => {
  const order = await world.order(orderId);
  await transaction(world.db, (tx) => rebill(tx, order, units, world.clock.now()));
};
async function requested(): Promise<string> {
  const made = await request();
  if (made.kind !== "requested") throw new Error(made.kind);
  return made.cashOutId;
}
const stored = (cashOutId: string): Promise<CashOut> =>
  world.db
    .selectFrom("cashout_info")
    .selectAll()
    .where("cashOutId", "=", cashOutId)
    .executeTakeFirstOrThrow();
const approve = (cashOutId: string, who = "operator:a", secondAboveFen = 100_000) =>
  transaction(world.db, (tx) => approveCashOut(tx, { cashOutId, secondAboveFen }, by(who)));
const pay = (cashOutId: string) =>
  transaction(world.db, (tx) => payCashOut(tx, { cashOutId, reference: "B-1" }, by()));
const deeds = () =>
  world.db
    .selectFrom("audit_log")
    .select(["who", "what", "object", "detail"])
    .where("what", "like", "cashout.%")
    .orderBy("id")
    .execute();
const fail = (cashOutId: string) =>
  transaction(world.db, (tx) => failCashOut(tx, { cashOutId, reason: "卡号有误" }, by()));

describe("what a cash-out costs", () => {
  test.each([
    [0, 0],
    [83, 0],
    [84, 1],
    [249, 1],
    [250, 2],
    [10_000, 60],
  ])("%d fen cost %d fen: half a fen is rounded up", (money, service) => {
    expect(priced(money, PPM)).toEqual({ money, service, cash: money - service });
  });
});

describe("a cash-out", () => {
  test("takes exactly the paid orders; an unpaid one, and one that is paid later, stay out of it", async () => {
    const first = await paid();
    const second = await paid();
    const unpaid = await world.charging({ port: 2 });
    expect(await can()).toEqual({ count: 2, money: 600, service: 4, cash: 596 });
    const cashOutId = await requested();
    expect(cashOutId).toMatch(/^C0001[0-9]{6}$/);
    expect(await stored(cashOutId)).toMatchObject({
      ...{ manager: MANAGER, state: 2, step: "requested", money: 600, service: 4, cash: 596, debt: 0 },
      ...{ bankCode: "sealed 6222021234567890", bankMask: "6222********7890" },
    });
    for (const id of [first, second]) {
      expect(await world.order(id)).toMatchObject({ cashOutFlag: 1, cashOutId });
    }
    expect(await world.order(unpaid.orderId)).toMatchObject({ cashOutFlag: 0, cashOutId: null });
    expect(await can()).toEqual({ count: 0, money: 0, service: 0, cash: 0 });
    expect(await request()).toEqual({ kind: "nothing" });
    expect(await payable()).toBe(600);
    expect(await world.violations()).toEqual([]);
  });

  test("moves money when the bank has paid, and not before; twice is once", async () => {
    const orderId = await paid();
    const cashOutId = await requested();
    expect(await pay(cashOutId)).toBe("out_of_order");
    expect(await approve(cashOutId)).toBe("approved");
    expect(await payable()).toBe(300);
    expect([await pay(cashOutId), await pay(cashOutId), await fail(cashOutId)]).toEqual([
      "paid",
      "out_of_order",
      "out_of_order",
    ]);
    expect([
      await payable(),
      await balance(`manager_paid_out:${MANAGER}`),
      await balance("platform"),
    ]).toEqual([0, 298, 2]);
    expect(await world.order(orderId)).toMatchObject({ cashOutFlag: 2, cashOutId });
    expect(await stored(cashOutId)).toMatchObject({ state: 0, step: "paid", reference: "B-1" });
    expect(await cashOutsOf(world.db, MANAGER, { startIndex: 0, pageSize: 10 })).toMatchObject({
      totalCount: 1,
      totalCash: 298,
    });
    expect(await world.violations()).toEqual([]);
  });

  test("that failed gives its orders back, moves nothing, and counts in no total", async () => {
    const orderId = await paid();
    const cashOutId = await requested();
    expect(await fail(cashOutId)).toBe("failed");
    expect(await world.order(orderId)).toMatchObject({ cashOutFlag: 0, cashOutId: null });
    expect(await stored(cashOutId)).toMatchObject({ state: 1, step: "failed", reason: "卡号有误" });
    expect(await can()).toMatchObject({ count: 1, money: 300 });
    expect(await payable()).toBe(300);
    const list = await cashOutsOf(world.db, MANAGER, { startIndex: 0, pageSize: 10 });
    expect(list).toMatchObject({ totalCount: 0, totalCash: 0, rows: [{ cashOutId }] });
    expect(await deeds()).toEqual([
      { who: `manager:${MANAGER}`, what: "cashout.request", object: cashOutId, detail: "298 fen" },
      { who: "operator:a", what: "cashout.fail", object: cashOutId, detail: "卡号有误" },
    ]);
    expect((await request()).kind).toBe("requested");
  });

  test("of exactly the limit needs one person, of one fen more two", async () => {
    for (const [limit, said] of [
      [298, "approved"],
      [297, "needs_second"],
    ] as const) {
      await paid();
      const cashOutId = await requested();
      expect(await approve(cashOutId, "operator:a", limit)).toBe(said);
      expect(await stored(cashOutId)).toMatchObject({ cash: 298, secondAboveFen: limit });
    }
  });

  test("above the limit needs two different people", async () => {
    await paid();
    const cashOutId = await requested();
    expect(await approve(cashOutId, "operator:a", 100)).toBe("needs_second");
    expect(await pay(cashOutId)).toBe("out_of_order");
    expect(await approve(cashOutId, "operator:a", 100)).toBe("same_person");
    expect(await approve(cashOutId, "operator:b", 100)).toBe("approved");
    expect(await approve(cashOutId, "operator:c", 100)).toBe("out_of_order");
    expect(await stored(cashOutId)).toMatchObject({ approvedBy: "operator:a", secondBy: "operator:b" });
    expect(await approve("C0000000000", "operator:a", 100)).toBe("unknown");
  });
});

describe("a refund of an order that is withdrawn", () => {
  test("lowers the next cash-out, never below nothing", async () => {
    const orderId = await paid();
    const first = await requested();
    await approve(first);
    await pay(first);
    await refund(orderId, 0);
    expect(await payable()).toBe(-300);
    expect(await can()).toMatchObject({ count: 0, money: 0, cash: 0 });
    await paid();
    expect(await can()).toMatchObject({ count: 1, money: 0 });
    expect(await request()).toEqual({ kind: "nothing" });
    await paid();
    expect(await can()).toMatchObject({ count: 2, money: 300 });
    const second = await requested();
    expect(await stored(second)).toMatchObject({ money: 300, debt: 300 });
    await approve(second);
    await pay(second);
    expect(await payable()).toBe(0);
    expect(await transaction(world.db, (tx) => managerMoney(tx, MANAGER))).toEqual({
      count: 0,
      money: 0,
      debt: 0,
    });
    expect(await world.violations()).toEqual([]);
  });

  test("that is refunded while its cash-out is pending comes back with less", async () => {
    const orderId = await paid();
    await paid();
    const cashOutId = await requested();
    await refund(orderId, 1);
    expect(await transaction(world.db, (tx) => managerMoney(tx, MANAGER))).toMatchObject({ debt: 200 });
    await fail(cashOutId);
    expect(await can()).toMatchObject({ count: 2, money: 400 });
    expect(await payable()).toBe(400);
  });
});

test("what a later cash-out took up for one that then failed can be withdrawn again", async () => {
  const orderId = await paid();
  const first = await requested();
  await refund(orderId, 0);
  await paid();
  await paid();
  const second = await requested();
  expect(await stored(second)).toMatchObject({ money: 300, debt: 300 });
  await fail(first);
  expect(await can()).toMatchObject({ count: 0, money: 300 });
  expect(await world.violations()).toEqual([]);
  await approve(second);
  await pay(second);
  const third = await requested();
  expect(await stored(third)).toMatchObject({ money: 300, debt: -300 });
  expect(await world.violations()).toEqual([]);
  await fail(third);
  expect(await can()).toMatchObject({ count: 0, money: 300 });
  const fourth = await requested();
  await approve(fourth);
  await pay(fourth);
  expect([await payable(), (await can()).money]).toEqual([0, 0]);
  expect(await world.violations()).toEqual([]);
});

test("whatever is paid, refunded, withdrawn and returned: what a manager is owed is what can be withdrawn and what is under way", async () => {
  const deed = fc.oneof(
    fc.constant({ do: "pay" as const }),
    fc.record({ do: fc.constant("refund" as const), n: fc.nat(9), units: fc.nat(1) }),
    fc.constant({ do: "request" as const }),
    fc.record({ do: fc.constantFrom("paid" as const, "fail" as const), n: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 4, maxLength: 25 }), async (deeds) => {
      await world.close();
      world = await testWorld();
      const orders: string[] = [];
      const cashOuts: string[] = [];
      for (const d of deeds) {
        if (d.do === "pay") orders.push(await paid());
        else if (d.do === "request") {
          const made = await request();
          if (made.kind === "requested") cashOuts.push(made.cashOutId);
        } else if (d.do === "refund") {
          const orderId = orders[d.n];
          if (orderId !== undefined) await refund(orderId, d.units);
        } else {
          const cashOutId = cashOuts[d.n];
          if (cashOutId === undefined) continue;
          if (d.do === "fail") await fail(cashOutId);
          else if ((await approve(cashOutId)) === "approved") await pay(cashOutId);
        }
        const { money, debt } = await transaction(world.db, (tx) => managerMoney(tx, MANAGER));
        const rows = await world.db.selectFrom("cashout_info").selectAll().execute();
        const underWay = rows.filter((r) => r.state === 2).reduce((sum, r) => sum + r.money, 0);
        expect(await payable()).toBe(money - debt + underWay);
      }
      expect(await world.violations()).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

describe("a bank card number", () => {
  const MAKE = { mayMake: true };
  const KEEP = { mayMake: false };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "bluepower-cards-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("is sealed under a key that is made once, for its owner only; equal numbers look different", async () => {
    const file = join(folder, "bank.key");
    const cards = bankCards(file, MAKE);
    const sealed = cards.seal("6222021234567890");
    expect(sealed).not.toContain("6222");
    expect(cards.seal("6222021234567890")).not.toBe(sealed);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["bank.key"]);
    expect(bankCards(file, KEEP).open(sealed)).toBe("6222021234567890");
  });

  test("is not opened by another key, nor when it was altered; a key file without a key is named", async () => {
    const sealed = bankCards(join(folder, "a"), MAKE).seal("6222021234567890");
    expect(() => bankCards(join(folder, "b"), MAKE).open(sealed)).toThrow("which is not in BANK_KEY_FILE");
    const random = seededRandom("altered");
    for (let i = 0; i < 50; i++) {
      const at = 3 + (random.u32() % (sealed.length - 3));
      const altered = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
      expect(() => {
        const opened = bankCards(join(folder, "a"), MAKE).open(altered);
        // The last character of base64 may hold bits that say nothing.
        if (opened === "6222021234567890") throw new Error("the same");
      }).toThrow();
    }
    await writeFile(join(folder, "c"), "no key", { mode: 0o600 });
    expect(() => bankCards(join(folder, "c"), MAKE)).toThrow("64 hex characters");
    expect(await readFile(join(folder, "c"), "utf8")).toBe("no key");
  });

  test("is opened by any key of the file and sealed by the last, the older form too", async () => {
    const [file, old] = [join(folder, "bank.key"), join(folder, "old.key")];
    const before = bankCards(old, MAKE).seal("6222021234567890");
    const next = bankCards(file, MAKE).seal("6222021234567890");
    const v1 = before.replace(/^v2:[0-9a-f]{8}:/, "v1:");
    const keys = [old, file].map((f) => readFileSync(f, "utf8"));
    await writeFile(file, keys.join("\n"));
    const cards = bankCards(file, KEEP);
    expect([before, v1, next].map(cards.open)).toEqual(Array(3).fill("6222021234567890"));
    expect(cards.seal("12345678").split(":")[1]).toBe(next.split(":")[1]);
    await writeFile(file, keys[1] ?? "");
    for (const shut of [before, v1])
      expect(() => bankCards(file, KEEP).open(shut)).toThrow("is not in BANK_KEY_FILE");
  });

  test("has no new key where the old one is missing, and none that others can read", async () => {
    const file = join(folder, "bank.key");
    await paid();
    await requested();
    await expect(bankCardsOf(world.db, file)).rejects.toThrow(`BANK_KEY_FILE ${file} is missing`);
    await expect(stat(file)).rejects.toThrow("ENOENT");
    bankCards(file, MAKE);
    await bankCardsOf(world.db, file);
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(file, mode);
      await expect(bankCardsOf(world.db, file)).rejects.toThrow(`chmod 600 ${file}`);
    }
  });

  test("is shown with its middle hidden, a short one by its end alone", () => {
    expect(["6222021234567890", "12345678", "123456789012"].map(maskCard)).toEqual([
      "6222********7890",
      "****5678",
      "1234****9012",
    ]);
  });
});
