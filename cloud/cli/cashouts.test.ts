import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { seconds } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { phone } from "@bluepower/protocol/units";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bankCards } from "../cashout/bankCards.ts";
import { exportable, markExported } from "../cashout/batch.ts";
import { failCashOut } from "../cashout/process.ts";
import { requestCashOut } from "../cashout/request.ts";
import { useSecondLimit } from "../cashout/secondLimit.ts";
import { transaction } from "../database/open.ts";
import { bindPhone, openSession } from "../identity/sessions.ts";
import { MANAGER, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { payer } from "../payments/payer.ts";
import { TestTerminal } from "./testTerminal.ts";

const CARD = "6222021234567890";
let terminal: TestTerminal;
let world: TestWorld;
beforeEach(async () => {
  terminal = new TestTerminal();
  world = await testWorld(terminal.url);
  terminal.clock = world.clock;
});
afterEach(async () => {
  await world.close();
  terminal.close();
});
const { open } = payer(() => world);

/** A cash-out of one order of 3.00 yuan. */
async function requested(bankUser = "户名"): Promise<string> {
  await world.giveCoins(USER, 3);
  const { orderId } = await world.charging();
  await world.finish(orderId, 60);
  await open(orderId, { pmoney: 3, cash: 0 });
  const account = { bankName: "某银行", bankUser, bankCode: CARD };
  const cards = bankCards(terminal.path("bank.key"), { mayMake: true });
  const by = { who: `manager:${MANAGER}`, at: world.clock.now() };
  const made = await transaction(world.db, (tx) =>
    requestCashOut(tx, { manager: MANAGER, account, ppm: 6000, cards }, by),
  );
  if (made.kind !== "requested") throw new Error(made.kind);
  return made.cashOutId;
}
const stepOf = async (id: string) => (await terminal.json(`cashout show ${id}`)).step;
const batches = () => world.db.selectFrom("cashout_batch").selectAll().execute();

test("a cash-out goes from a manager's wish to the bank and to its end", async () => {
  const id = await requested();
  expect(await terminal.json("cashout list --waiting")).toMatchObject([
    { cashOutId: id, manager: "139****0001", step: "requested", cash: 2.98, bankCode: "6222********7890" },
  ]);
  expect(await terminal.refused(`cashout paid ${id} --reference X`)).toContain("is not approved");
  expect(await terminal.json(`cashout approve ${id}`)).toEqual({
    ...{ cashOutId: id, step: "approved", warning: null },
  });
  const file = terminal.path("batch.csv");
  const made = await terminal.json(`cashout export --file ${file}`);
  expect(readFileSync(file, "utf8")).toBe(
    `\ufeff收款户名,收款账号,开户银行,金额(元),附言\r\n户名,${CARD},某银行,2.98,${id}\r\n`,
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  expect(made).toMatchObject({ batchId: "B20270115-1", sha256, count: 1, cash: 2.98, cashOutIds: [id] });
  expect(await batches()).toMatchObject([{ id: "B20270115-1", sha256, count: 1, cash: 298 }]);
  expect(await terminal.json(`cashout paid ${id} --reference B-77`)).toMatchObject({ step: "paid" });
  expect(await terminal.json(`cashout show ${id}`)).toMatchObject({
    reference: "B-77",
    batchId: "B20270115-1",
  });
  expect(await terminal.json("cashout list --waiting")).toEqual([]);
  expect(await world.violations()).toEqual([]);
  const log = await terminal.audited();
  expect(log.filter((a) => a.who.startsWith("operator:")).map((a) => a.what)).toEqual([
    "cashout.approve",
    "cashout.export",
    "cashout.batch",
    "cashout.pay",
  ]);
  for (const command of ["cashout list", `cashout show ${id}`]) {
    expect((await terminal.run(command)).out).not.toContain(CARD);
  }
  expect(JSON.stringify(log)).not.toContain(CARD);
});

test("one that fails gives its orders back", async () => {
  const id = await requested();
  await terminal.json(["cashout", "fail", id, "--reason", "卡号 有误"]);
  expect(await terminal.json(`cashout show ${id}`)).toMatchObject({ step: "failed", reason: "卡号 有误" });
  expect(await terminal.refused(`cashout approve ${id}`)).toContain("waits for no approval");
  expect(await terminal.refused(`cashout fail ${id} --reason X`)).toContain("has ended already");
});

test("what is exported is exported once, and a second time only on purpose", async () => {
  const first = await requested();
  await terminal.json(`cashout approve ${first}`);
  expect((await terminal.json(`cashout export --file ${terminal.path("1.csv")}`)).count).toBe(1);
  const none = await terminal.refused(`cashout export --file ${terminal.path("2.csv")}`);
  expect(none).toContain("no cash-out is approved and in no batch");
  expect(existsSync(terminal.path("2.csv"))).toBe(false);
  const second = await requested();
  await terminal.json(`cashout approve ${second}`);
  const next = await terminal.json(`cashout export --file ${terminal.path("2.csv")}`);
  expect(next).toMatchObject({ batchId: "B20270115-2", cashOutIds: [second] });
  const again = await terminal.json(`cashout export --file ${terminal.path("3.csv")} --again`);
  expect(again).toMatchObject({ batchId: "B20270115-3", cashOutIds: [first, second] });
});

test("an export that was interrupted is repeated; a file of another is never written over", async () => {
  const id = await requested();
  await terminal.json(`cashout approve ${id}`);
  const file = terminal.path("batch.csv");
  await terminal.json(`cashout export --file ${file}`);
  // As after an interruption between the file and the mark, and one in the middle of the file.
  await world.db.updateTable("cashout_info").set({ step: "approved", batchId: null }).execute();
  await world.db.deleteFrom("cashout_batch").execute();
  writeFileSync(`${file}.part`, "half");
  await terminal.json(`cashout export --file ${file}`);
  expect(await batches()).toHaveLength(1);
  expect(existsSync(`${file}.part`)).toBe(false);

  const other = await requested();
  await terminal.json(`cashout approve ${other}`);
  writeFileSync(file, "of another");
  expect(await terminal.refused(`cashout export --file ${file}`)).toBe(
    `--file ${file} is there already; remove it first`,
  );
  expect(readFileSync(file, "utf8")).toBe("of another");
  expect(await terminal.refused(`cashout export --file ${terminal.path("no/such.csv")}`)).toContain("ENOENT");
  expect(await stepOf(other)).toBe("approved");
});

test("a file that cannot be marked is not left, and nothing is marked", async () => {
  const id = await requested();
  await terminal.json(`cashout approve ${id}`);
  const file = terminal.path("batch.csv");
  await world.db.updateTable("cashout_info").set({ bankCode: "sealed by nobody" }).execute();
  const said = await terminal.refused(`cashout export --file ${file}`);
  expect(said).toContain(`cash-out ${id} holds up the batch`);
  expect(said).toContain("not sealed in a known form");
  expect([existsSync(file), existsSync(`${file}.part`)]).toEqual([false, false]);
  expect(await stepOf(id)).toBe("approved");
  expect(await batches()).toEqual([]);
});

test("without the key nothing is exported and no other key is made", async () => {
  const id = await requested();
  await terminal.json(`cashout approve ${id}`);
  const [key, file] = [terminal.path("elsewhere.key"), terminal.path("batch.csv")];
  terminal.env = { BANK_KEY_FILE: key };
  expect(await terminal.refused(`cashout export --file ${file}`)).toContain(
    `BANK_KEY_FILE ${key} is missing, and cash-outs with sealed card numbers are stored`,
  );
  expect([existsSync(key), existsSync(file)]).toEqual([false, false]);
});

test("what a manager has entered runs in no spreadsheet", async () => {
  const id = await requested('=HYPERLINK("http://x","a")');
  await terminal.json(`cashout approve ${id}`);
  const file = terminal.path("batch.csv");
  await terminal.json(`cashout export --file ${file}`);
  expect(readFileSync(file, "utf8").split("\r\n")[1]).toBe(
    `"'=HYPERLINK(""http://x"",""a"")",${CARD},某银行,2.98,${id}`,
  );
});

test("a large one needs two people, and where accounts exist the machine's own is none", async () => {
  const as = async (name: string, role: string) => {
    terminal.env = { CASHOUT_SECOND_FEN: "100" };
    const { password } = await terminal.json(`account add ${name} --role ${role}`);
    const file = terminal.path(name);
    writeFileSync(file, String(password), { mode: 0o600 });
    return { CASHOUT_SECOND_FEN: "100", OPERATOR: name, OPERATOR_PASSWORD_FILE: file };
  };
  const id = await requested();
  terminal.env = { CASHOUT_SECOND_FEN: "100" };
  expect((await terminal.json(`cashout approve ${id}`)).step).toBe("half_approved");
  expect(await terminal.refused(`cashout approve ${id}`)).toContain("needs a second person; you have");
  const li = await as("li", "cashier");
  const wu = await as("wu", "cashier");
  const other = await requested();
  terminal.env = { CASHOUT_SECOND_FEN: "100" };
  expect(await terminal.refused(`cashout approve ${other}`)).toContain("act as an account");
  terminal.env = li;
  expect((await terminal.json(`cashout approve ${other}`)).step).toBe("half_approved");
  await terminal.refused(`cashout approve ${other}`);
  terminal.env = wu;
  expect((await terminal.json(`cashout approve ${other}`)).step).toBe("approved");
  expect(await terminal.json(`cashout show ${other}`)).toMatchObject({
    approvedBy: "operator:li",
    secondBy: "operator:wu",
  });
});

test("above which sum it needs two is what the cloud serves with, not what the caller's environment says", async () => {
  const serve = (fen: number) =>
    transaction(world.db, (tx) => useSecondLimit(tx, fen, { who: "cloud", at: world.clock.now() }));
  terminal.env = { CASHOUT_SECOND_FEN: "999999" };
  expect(await serve(100)).toEqual({ kind: "first" });
  const first = await requested();
  expect((await terminal.json(`cashout approve ${first}`)).step).toBe("half_approved");
  expect([await serve(100), await serve(298)]).toEqual([{ kind: "kept" }, { kind: "changed", from: 100 }]);
  // What the first approval was given under holds for the second, too.
  expect(await terminal.refused(`cashout approve ${first}`)).toContain("needs a second person");
  terminal.env = { CASHOUT_SECOND_FEN: "0" };
  const second = await requested();
  expect((await terminal.json(`cashout approve ${second}`)).step).toBe("approved");
  expect((await terminal.audited()).filter((a) => a.what === "setting.change")).toMatchObject([
    { who: "cloud", object: "cashout_second_fen", detail: "from 100 to 298 fen" },
  ]);
});

test("of one whose manager's number went to another WeChat account since, whoever approves it is warned", async () => {
  const bind = (openId: string) =>
    transaction(world.db, (tx) => {
      const of = { side: "manager", openId, phone: phone(MANAGER), now: world.clock.now() } as const;
      return openSession(tx, { ...of, sessionKey: "", random: seededRandom(openId) }).then(() =>
        bindPhone(tx, of),
      );
    });
  await bind("o1");
  const id = await requested();
  expect(await terminal.json(`cashout show ${id}`)).toMatchObject({ warning: null });
  await world.clock.advance(seconds(1));
  await bind("o2");
  const warning = expect.stringContaining("another WeChat account");
  expect(await terminal.json(`cashout show ${id}`)).toMatchObject({ warning });
  expect(await terminal.json("cashout list")).toMatchObject([{ cashOutId: id, warning }]);
  expect((await terminal.run("cashout list")).out).toContain("another WeChat account");
  expect((await terminal.run(`cashout approve ${id}`)).out).toContain("WARNING: the manager's number");
  const over = await requested();
  await terminal.json(`cashout fail ${over} --reason X`);
  await bind("o3");
  expect(await terminal.json(`cashout show ${over}`)).toMatchObject({ step: "failed", warning: null });
  await terminal.json(`manager confirm ${MANAGER}`);
  expect(await terminal.json(`cashout show ${id}`)).toMatchObject({ step: "approved", warning: null });
});

test("an exported one fails only when somebody has seen that the bank has not paid it", async () => {
  const id = await requested();
  await terminal.json(`cashout approve ${id}`);
  await terminal.json(`cashout export --file ${terminal.path("1.csv")}`);
  expect(await terminal.refused(`cashout fail ${id} --reason X`)).toContain("--bank-has-not-paid");
  expect(await stepOf(id)).toBe("exported");
  expect(await terminal.json(`cashout fail ${id} --reason X --bank-has-not-paid`)).toMatchObject({
    step: "failed",
  });
  expect((await terminal.run("cashout fail --help")).out).toContain("stands in a file that the bank has");
});

test("a cash-out that fails while its batch is written makes the batch void", async () => {
  const ids = [await requested(), await requested()];
  for (const id of ids) await terminal.json(`cashout approve ${id}`);
  const cashOuts = await exportable(world.db, { again: false });
  const by = { who: "operator:li", at: world.clock.now() };
  await transaction(world.db, (tx) => failCashOut(tx, { cashOutId: ids[1] ?? "", reason: "X" }, by));
  const batch = { cashOuts, sha256: "", zone: "Asia/Shanghai" };
  expect(await transaction(world.db, (tx) => markExported(tx, batch, by))).toEqual({ kind: "changed" });
  expect(await stepOf(ids[0] ?? "")).toBe("approved");
  expect(await batches()).toEqual([]);
});
