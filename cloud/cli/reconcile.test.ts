import { writeFileSync } from "node:fs";
import { type Instant, instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freeSandbox } from "../../test/sandbox/fixture.ts";
import { spanOf } from "../reconciliation/billDay.ts";
import { TestTerminal } from "./testTerminal.ts";

const DAY = 20261122;
const at = (hours: number): Instant => instant(spanOf(DAY).from + hours * 3_600_000);

let sandbox: Awaited<ReturnType<typeof freeSandbox>>;
let terminal: TestTerminal;
let there: SimulatedClock;

/** A day on which somebody has paid the merchant and not through us; its bill is out. */
beforeAll(async () => {
  there = new SimulatedClock(at(12));
  sandbox = await freeSandbox({ clock: there });
  for (const outTradeNo of ["OUTSIDE01", "OUTSIDE02"]) {
    const body = JSON.stringify({ outTradeNo, total: 500, openid: "demo-user-1" });
    const paid = await fetch(`${sandbox.controlUrl}/outside-payment`, { method: "POST", body });
    expect(paid.status).toBe(200);
  }
  terminal = new TestTerminal();
  // Each run has nonces of its own, as WeChat Pay demands.
  let runs = 0;
  terminal.random = { ...seededRandom("cli"), fork: (label) => seededRandom(`${label} ${++runs}`) };
  const file = terminal.path("credentials.json");
  writeFileSync(file, JSON.stringify(sandbox.credentials));
  terminal.env = { CREDENTIALS_FILE: file, WECHAT_PAY_URL: sandbox.wireUrl, WECHAT_API_URL: sandbox.wireUrl };
  await morning();
});
afterAll(async () => {
  terminal?.close();
  await sandbox?.close();
});

async function morning(): Promise<void> {
  there.jump((at(34) - there.now()) as never);
  terminal.clock = new SimulatedClock(at(34));
}

test("a day with differences is told and ends with 1, and again with nothing new", async () => {
  const first = await terminal.run("reconcile 2026-11-22");
  expect([first.code, first.err]).toEqual([1, []]);
  expect(first.out).toContain(
    "2 payments and 0 refunds are in the bill of 2026-11-22\n2 differences are open",
  );
  expect(first.out).toMatch(/1 +2026-11-22 +payment +OUTSIDE01 +only_theirs +- +5\.00 SUCCESS 4200\d+ +open/);
  const again = await terminal.run("reconcile 20261122 --json");
  expect(again.code).toBe(1);
  expect(JSON.parse(again.out)).toMatchObject({
    ...{ day: "2026-11-22", payments: 2, refunds: 0, fundFlow: true, open: 2, settled: 0, gone: 0 },
    differences: [{ id: 1, number: "OUTSIDE01" }, { id: 2 }],
  });
  expect(await terminal.json("reconcile list")).toHaveLength(2);
});

test("a difference is settled once, for a reason, by somebody who may", async () => {
  expect(await terminal.refused("reconcile settle 1", 2)).toContain("needs --note TEXT");
  expect(await terminal.refused("reconcile settle 9 --note x")).toBe("there is no difference 9");
  const settle = ["reconcile", "settle", "1", "--note", "线下收款"];
  expect((await terminal.run(settle)).out).toBe("difference 1 is settled\n");
  expect(await terminal.refused(settle)).toBe("difference 1 is settled");
  expect(await terminal.json("reconcile list --open")).toMatchObject([{ id: 2, state: "open" }]);
  expect(await terminal.json("reconcile list")).toMatchObject([
    {
      ...{ id: 1, state: "settled", note: "线下收款", settled: "2026-11-23 10:00:00" },
      settledBy: expect.stringContaining("operator:"),
    },
    { id: 2, note: null, settledBy: null, settled: null },
  ]);
  expect((await terminal.run("reconcile list")).out).toMatch(/settled +线下收款/);
  const told = (await terminal.audited()).filter((entry) => entry.what.startsWith("bill."));
  expect(told.map((entry) => [entry.what, entry.object])).toEqual([
    ["bill.reconcile", "20261122"],
    ["bill.reconcile", "20261122"],
    ["bill.settle", "1"],
  ]);
  expect(await terminal.run("reconcile 2026-11-22")).toMatchObject({
    ...{ code: 1, out: expect.stringContaining("1 differences are open, 1 settled, 0 gone") },
  });
  await terminal.run("reconcile settle 2 --note same");
  expect(await terminal.run("reconcile 2026-11-22")).toMatchObject({ code: 0, err: [] });
});

describe("one line says why it cannot be done:", () => {
  test.each([
    ["reconcile 2026-11-23", 1, "the bill of 2026-11-23 is made on the day after, at ten in China"],
    [
      "reconcile 2026-07-01",
      1,
      "WeChat Pay has no bill of 2026-07-01: INVALIDREQUEST: 参数错误: 请检查bill_date",
    ],
    ["reconcile tomorrow", 2, 'DATE is a date such as 2026-11-23, not "tomorrow" (bluepower-cloud --help)'],
  ])("%s", async (line, code, says) => {
    expect(await terminal.refused(line, code)).toBe(says);
  });

  test("without a merchant, or with a WeChat Pay that cannot be reached", async () => {
    const { env } = terminal;
    terminal.env = {};
    expect(await terminal.refused("reconcile 2026-11-22")).toBe("no merchant of WeChat Pay is configured");
    terminal.env = { ...env, WECHAT_PAY_URL: "http://127.0.0.1:1" };
    expect(await terminal.refused("reconcile 2026-11-22")).toMatch(/^WeChat Pay cannot say now: /);
    terminal.env = env;
  });
});

test("who only looks may list and neither compare nor settle", async () => {
  const password = terminal.path("password");
  writeFileSync(password, "a long enough password\n", { mode: 0o600 });
  await terminal.json(`account add looker --role viewer --password-file ${password}`);
  const { env } = terminal;
  terminal.env = { ...env, OPERATOR: "looker", OPERATOR_PASSWORD_FILE: password };
  expect(await terminal.refused("reconcile 2026-11-22")).toContain('"reconcile" needs the role cashier');
  expect(await terminal.refused("reconcile settle 2 --note x")).toContain("needs the role cashier");
  expect((await terminal.run("reconcile list")).code).toBe(0);
  terminal.env = env;
});
