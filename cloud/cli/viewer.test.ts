import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCards } from "../api/scenario.ts";
import { requestCashOut } from "../cashout/request.ts";
import { transaction } from "../database/open.ts";
import { MANAGER, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { payer } from "../payments/payer.ts";
import { commands } from "./run.ts";
import { TestTerminal } from "./testTerminal.ts";

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
const HOLDER = "欧阳某某";

async function actAs(role: "viewer" | "cashier"): Promise<void> {
  const { password } = await terminal.json(`account add ${role} --role ${role}`);
  const file = terminal.path(`password-of-${role}`);
  writeFileSync(file, String(password), { mode: 0o600 });
  terminal.env = { OPERATOR: role, OPERATOR_PASSWORD_FILE: file };
}

const viewers = commands.filter((c) => c.role === "viewer" && c.alone === undefined).map((c) => c.name);
/** The flags under which personal data is whole. */
const WHOLE = ["phones", "full"];
const flagOf = (name: string): string | undefined =>
  WHOLE.find((flag) => Object.hasOwn(commands.find((c) => c.name === name)?.flags ?? {}, flag));

/** A world with one of everything that has a person, and the words behind each command. */
async function populated(): Promise<Record<string, string>> {
  await world.giveCoins(USER, 3);
  const { orderId } = await world.charging();
  await world.finish(orderId, 60);
  await open(orderId, { pmoney: 3, cash: 0 });
  const by = { who: `manager:${MANAGER}`, at: world.clock.now() };
  const account = { bankName: "某银行", bankUser: HOLDER, bankCode: "6222021234567890" };
  const made = await transaction(world.db, (tx) =>
    requestCashOut(tx, { manager: MANAGER, account, ppm: 6000, cards: openCards }, by),
  );
  if (made.kind !== "requested") throw new Error(made.kind);
  await terminal.json("card add 0000000001 --kind physical");
  await world.db.updateTable("charge_card").set({ user: USER }).execute();
  const second = await world.charging();
  await world.finish(second.orderId, 60);
  await world.giveCoins(USER, 3);
  await open(second.orderId, { pmoney: 3, cash: 0 });
  await terminal.json(`refund order ${second.orderId} --reason R`);
  await world.charging();
  // Books that are not in order name whose they are.
  await world.db.updateTable("user_info").set({ pmoney: 77 }).where("user", "=", USER).execute();
  await world.db.updateTable("manager_money").set({ money: 7 }).execute();
  const days = "--from 2027-01-15 --to 2027-01-16 --file";
  return {
    ...Object.fromEntries(viewers.map((name) => [name, ""])),
    "order show": orderId,
    "cashout show": made.cashOutId,
    "vip show": USER,
    ...Object.fromEntries(
      ["orders", "days", "managers", "devices"].map((of) => [
        `report ${of}`,
        `${days} ${terminal.path(of)}.csv`,
      ]),
    ),
  };
}

test("a viewer is refused every flag that shows people whole, a cashier none", async () => {
  const words = await populated();
  const flagged = viewers.flatMap((name) => {
    const flag = flagOf(name);
    return flag === undefined ? [] : [{ name, line: `${name} ${words[name]} --${flag}`, flag }];
  });
  expect(flagged.length).toBeGreaterThanOrEqual(12);
  await actAs("viewer");
  for (const { line, flag } of flagged) {
    expect([line, await terminal.refused(line)]).toEqual([
      line,
      `--${flag} needs the role cashier; you are viewer`,
    ]);
  }
  terminal.env = {};
  await actAs("cashier");
  for (const { line, name } of flagged) {
    const ran = await terminal.run(line);
    // The books that are not in order are no success.
    expect([line, ran.code, ran.err]).toEqual([line, name === "audit" ? 1 : 0, []]);
  }
});

test("nothing that a viewer can call shows a whole number of a person, nor a card's holder", async () => {
  const words = await populated();
  await actAs("viewer");
  const masked: string[] = [];
  for (const name of viewers) {
    for (const json of ["", "--json"]) {
      const ran = await terminal.run(`${name} ${words[name]} ${json}`);
      expect([name, ran.err]).toEqual([name, []]);
      const file = words[name]?.split(" --file ")[1];
      // What one has typed oneself is no news.
      const said = (ran.out + (file === undefined ? "" : readFileSync(file, "utf8"))).replaceAll(
        words[name]?.match(/^1[0-9]{10}$/)?.[0] ?? "\0",
        "",
      );
      for (const secret of [USER, MANAGER, HOLDER])
        expect([name, said]).toEqual([name, expect.not.stringContaining(secret)]);
      if (/1[0-9]{2}\*{4}[0-9]{4}/.test(said)) masked.push(name);
    }
  }
  // Those have people in them, so the world had something to hide.
  expect([...new Set(masked)]).toEqual(
    viewers.filter((name) => flagOf(name) !== undefined || ["device list", "refund list"].includes(name)),
  );
});
