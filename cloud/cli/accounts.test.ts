import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { millis } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { START } from "../gateways/testSite.ts";
import { FAILURES_MAX, LOCKED_MS } from "../identity/operators.ts";
import { commands } from "./run.ts";
import { TestTerminal } from "./testTerminal.ts";

let terminal: TestTerminal;
beforeEach(() => {
  terminal = new TestTerminal();
});
afterEach(() => terminal.close());

/** From now on commands act as this account. */
function actAs(name: string, password: string): void {
  const file = terminal.path(`password-of-${name}`);
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  terminal.env = { OPERATOR: name, OPERATOR_PASSWORD_FILE: file };
}
const asMachine = () => {
  terminal.env = {};
};
const add = async (name: string, role: string): Promise<string> =>
  String((await terminal.json(`account add ${name} --role ${role}`)).password);

test("an account's password is shown once, kept as scrypt only, and the account acts under its name", async () => {
  const password = await add("boss", "admin");
  expect(password).toMatch(/^[0-9A-Za-z]{20}$/);
  expect(readFileSync(terminal.path("cloud.db")).includes(Buffer.from(password))).toBe(false);
  const hash = await terminal.inDatabase((db) =>
    db.selectFrom("operator_account").select("passwordHash").executeTakeFirstOrThrow(),
  );
  expect(hash.passwordHash).toMatch(/^scrypt:32768:8:1:[0-9A-Za-z]{22}:[0-9a-f]{64}$/);
  actAs("boss", password);
  await terminal.json("site add yard --zone Asia/Shanghai");
  expect((await terminal.audited()).map((a) => [a.who.slice(0, 9), a.what, a.object])).toEqual([
    ["operator:", "account.add", "boss"],
    ["operator:", "site.add", "yard"],
  ]);
  expect((await terminal.audited())[1]?.who).toBe("operator:boss");
  expect(JSON.stringify(await terminal.audited())).not.toContain(password);
  expect(await terminal.refused("account add boss --role viewer")).toBe('there is an account "boss" already');
});

test("a password of one's own comes from a file and is long enough", async () => {
  const file = terminal.path("own");
  writeFileSync(file, "short\n", { mode: 0o600 });
  expect(await terminal.refused(`account add li --role viewer --password-file ${file}`)).toBe(
    "--password-file holds a password of 10 to 200 characters",
  );
  writeFileSync(file, "correct horse battery\r\n");
  expect(await terminal.json(`account add li --role viewer --password-file ${file}`)).toMatchObject({
    password: null,
  });
  actAs("li", "correct horse battery");
  expect(await terminal.json("account list")).toMatchObject([
    { name: "li", role: "viewer", disabled: false },
  ]);
});

test("each role may what its commands need and nothing more; nothing is done otherwise", async () => {
  const passwords = { viewer: await add("v", "viewer"), cashier: await add("c", "cashier") };
  actAs("v", passwords.viewer);
  expect((await terminal.run("device list")).code).toBe(0);
  expect(await terminal.refused("site add yard --zone Asia/Shanghai")).toBe(
    '"site add" needs the role admin; account v is viewer',
  );
  expect(await terminal.refused("cashout approve C0001363200")).toContain("needs the role cashier");
  actAs("c", passwords.cashier);
  expect(await terminal.refused("cashout approve C0001363200")).toBe('there is no cash-out "C0001363200"');
  expect(await terminal.refused("account add w --role admin")).toContain("needs the role admin");
  expect(await terminal.json("site list")).toEqual([]);
  expect(await terminal.json("account list")).toMatchObject([{ name: "c" }, { name: "v" }]);
});

test("every command that reads only is a viewer's, every one that changes is not", () => {
  const reads = /( list| show| log|^report \w+|^doctor|^audit)$/;
  for (const c of commands) {
    if (c.name === "migrate") continue;
    expect([c.name, c.role === "viewer"]).toEqual([c.name, reads.test(c.name)]);
  }
});

test("wrong passwords shut an account for a while, also for the right one; unknown names are refused alike", async () => {
  const clock = new SimulatedClock(START);
  terminal.clock = clock;
  const password = await add("boss", "admin");
  actAs("boss", "wrong-password");
  const first = await terminal.refused("site list");
  expect(first).toContain('OPERATOR "boss" is refused');
  actAs("nobody", "wrong-password");
  expect((await terminal.refused("site list")).replace("nobody", "boss")).toBe(first);
  actAs("boss", password);
  await terminal.json("site list");
  actAs("boss", "wrong-password");
  for (let i = 0; i < FAILURES_MAX; i++) await terminal.refused("site list");
  actAs("boss", password);
  expect(await terminal.refused("site list")).toBe(first);
  expect((await terminal.audited()).map((a) => [a.who, a.what, a.object])).toContainEqual([
    "cloud",
    "account.lock",
    "boss",
  ]);
  clock.jump(millis(LOCKED_MS));
  await terminal.json("site list");
});

test("a disabled account is refused until it gets a new password, which is another one", async () => {
  const former = await add("li", "cashier");
  await add("boss", "admin");
  await terminal.json("account disable li");
  actAs("li", former);
  await terminal.refused("site list");
  asMachine();
  expect((await terminal.run("account list")).out).toMatch(/li +cashier +\S+ \S+ +disabled/);
  const { password } = await terminal.json("account password li");
  expect(password).not.toBe(former);
  actAs("li", String(password));
  await terminal.json("site list");
  asMachine();
  await terminal.json("account role li --role viewer");
  actAs("li", String(password));
  expect(await terminal.refused("cashout approve C0001363200")).toContain("account li is viewer");
});

test("the last admin stays one", async () => {
  await add("boss", "admin");
  await add("second", "admin");
  await terminal.json("account disable second");
  expect(await terminal.refused("account disable boss")).toContain("the last admin");
  expect(await terminal.refused("account role boss --role cashier")).toContain("the last admin");
  expect(await terminal.refused("account disable nobody")).toContain('there is no account "nobody"');
});

test("a password that others can read is none", async () => {
  const password = await add("boss", "admin");
  actAs("boss", password);
  const file = terminal.path("password-of-boss");
  for (const mode of [0o640, 0o604, 0o622]) {
    chmodSync(file, mode);
    const line = await terminal.refused("site list", 2);
    expect(line).toBe(`OPERATOR_PASSWORD_FILE ${file} can be read or written by others: chmod 600 ${file}`);
    expect(await terminal.refused(`account password boss --password-file ${file}`, 2)).toBe(line);
  }
  chmodSync(file, 0o400);
  expect(await terminal.json("site list")).toEqual([]);
});

test("doctor looks at nothing for somebody who is not who they say", async () => {
  const password = await add("v", "viewer");
  actAs("nobody", "wrong-password");
  expect(await terminal.refused("doctor")).toContain('OPERATOR "nobody" is refused');
  actAs("v", "wrong-password");
  expect(await terminal.refused("doctor")).toContain('OPERATOR "v" is refused');
  terminal.env = { OPERATOR: "v" };
  expect(await terminal.refused("doctor", 2)).toContain("are set together");
  actAs("v", password);
  // A database that cannot be opened proves nobody: that is a finding, and not silence.
  terminal.env = { ...terminal.env, WECHAT_API_URL: "https://wechat.invalid" };
  const found = JSON.parse((await terminal.run("doctor --json")).out);
  expect(found.findings.map((f: { check: string }) => f.check)).toContain("database");
  terminal.env = { ...terminal.env, DATABASE_URL: `sqlite:${terminal.folder}` };
  expect((await terminal.run("doctor")).out).toMatch(/^fail {2}database/m);
});

test("half a login is a wrong command line", async () => {
  terminal.env = { OPERATOR: "boss" };
  expect(await terminal.refused("site list", 2)).toBe("OPERATOR and OPERATOR_PASSWORD_FILE are set together");
  terminal.env = { OPERATOR: "boss", OPERATOR_PASSWORD_FILE: terminal.path("none") };
  expect(await terminal.refused("site list", 2)).toContain("cannot be read: ENOENT");
});
