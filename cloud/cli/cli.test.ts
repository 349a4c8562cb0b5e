import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { phone } from "@bluepower/protocol/units";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDatabase, transaction } from "../database/open.ts";
import { desiredState } from "../gateways/desired.ts";
import { greet } from "../gateways/hello.ts";
import { authenticateGateway } from "../gateways/identity.ts";
import { START } from "../gateways/testSite.ts";
import { bindPhone, openSession } from "../identity/sessions.ts";
import { readArguments } from "./arguments.ts";
import { commands, runCommand } from "./run.ts";

let folder: string;
let clock: SimulatedClock;
const random = seededRandom("cli");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bluepower-cli-"));
  clock = new SimulatedClock(START);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  code: number;
  out: string;
  err: string[];
}

async function cloud(line: string, env: Record<string, string> = {}): Promise<Ran> {
  const ran: Ran = { code: -1, out: "", err: [] };
  const words = line.split(" ").filter((w) => w !== "");
  const terminal = {
    env: { DATA_DIR: folder, ...env },
    out: (text: string) => {
      ran.out += `${text}\n`;
    },
    err: (text: string) => void ran.err.push(text),
    clock,
    random,
  };
  ran.code = await runCommand(words, terminal, async () => {
    ran.out += "serving";
  });
  return ran;
}

/** Runs a command that has to work; its JSON. */
async function json(line: string): Promise<Record<string, unknown> & Record<string, unknown>[]> {
  const ran = await cloud(`${line} --json`);
  expect(ran).toMatchObject({ code: 0, err: [] });
  return JSON.parse(ran.out);
}

async function inDatabase<T>(
  work: (db: Awaited<ReturnType<typeof openDatabase>>["db"]) => Promise<T>,
): Promise<T> {
  const { db, close } = await openDatabase({ url: `sqlite:${join(folder, "cloud.db")}` });
  try {
    return await work(db);
  } finally {
    await close();
  }
}
const audited = () =>
  inDatabase((db) =>
    db.selectFrom("audit_log").select(["who", "what", "object", "detail"]).orderBy("id").execute(),
  );

describe("a gateway", () => {
  beforeEach(async () => {
    await json("site add yard --zone Asia/Shanghai --station-id S001 --station-name Park");
  });

  test("is registered with a token that is shown once and opens the broker", async () => {
    const { token, gatewayId } = await json("gateway add gw-7 --site yard");
    expect(token).toMatch(/^[0-9A-Za-z]{43}$/);
    expect(gatewayId).toBe("gw-7");
    expect(await inDatabase((db) => authenticateGateway(db, "gw-7", String(token)))).toBe(true);
    expect((await cloud("gateway list --json")).out).not.toContain(String(token));
    expect(readFileSync(join(folder, "cloud.db")).includes(Buffer.from(String(token)))).toBe(false);
    expect(JSON.stringify(await audited())).not.toContain(String(token));
    expect((await audited()).map((a) => [a.who.split(":")[0], a.what, a.object])).toEqual([
      ["operator", "site.add", "yard"],
      ["operator", "gateway.add", "gw-7"],
    ]);
  });

  test("with --token-file shows no token and writes it where nobody else can read it", async () => {
    const file = join(folder, "token");
    const ran = await cloud(`gateway add gw-7 --site yard --token-file ${file}`);
    const token = readFileSync(file, "utf8").trim();
    expect(ran).toMatchObject({ code: 0, out: `token of gateway gw-7 written to ${file}\n` });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await inDatabase((db) => authenticateGateway(db, "gw-7", token))).toBe(true);
  });

  test("is not registered when the token cannot be written, and no file stays when it is refused", async () => {
    const file = join(folder, "token");
    writeFileSync(file, "of another");
    expect(await cloud(`gateway add gw-7 --site yard --token-file ${file}`)).toMatchObject({
      code: 1,
      err: [`--token-file ${file} is there already; remove it first`],
    });
    expect((await cloud(`gateway add gw-7 --site yard --token-file ${folder}/no/such`)).code).toBe(1);
    expect(readFileSync(file, "utf8")).toBe("of another");
    expect(await json("gateway list")).toEqual([]);

    rmSync(file);
    expect(await cloud(`gateway add gw-7 --site nowhere --token-file ${file}`)).toMatchObject({
      code: 1,
      err: ['there is no site "nowhere"; add it with: site add'],
    });
    expect(() => statSync(file)).toThrow();
  });

  test("is added once; revoked; and comes back with a new token", async () => {
    const first = String((await json("gateway add gw-7 --site yard")).token);
    expect((await cloud("gateway add gw-7 --site yard")).code).toBe(1);
    await json("gateway revoke gw-7");
    expect(await inDatabase((db) => authenticateGateway(db, "gw-7", first))).toBe(false);
    expect(await json("gateway list")).toMatchObject([
      { id: "gw-7", site: "yard", revoked: true, seenTime: null },
    ]);
    expect((await cloud("gateway revoke gw-8")).err).toEqual(['there is no gateway "gw-8"']);
    const second = String((await json("gateway token gw-7")).token);
    expect(await inDatabase((db) => authenticateGateway(db, "gw-7", first))).toBe(false);
    expect(await inDatabase((db) => authenticateGateway(db, "gw-7", second))).toBe(true);
  });

  test("with a new storage is accepted by name", async () => {
    await json("gateway add gw-7 --site yard");
    expect((await cloud("gateway accept-stream gw-7")).err).toEqual([
      'no new stream of gateway "gw-7" was refused: there is nothing to accept',
    ]);
    for (const stream of ["old", "new"]) {
      await inDatabase((db) =>
        db.transaction().execute((tx) => greet(tx, { gatewayId: "gw-7", stream, program: "p", at: START })),
      );
    }
    expect((await cloud("gateway list")).out).toContain("waits for accept-stream");
    expect(await json("gateway accept-stream gw-7")).toEqual({ gatewayId: "gw-7", stream: "new" });
  });
});

describe("a charger", () => {
  beforeEach(async () => {
    await json("site add yard --zone Asia/Shanghai");
    await json("gateway add gw-7 --site yard");
    await json("manager add 13900000001 --name Li");
  });
  const version = () =>
    inDatabase((db) => db.selectFrom("gateway").select("desiredVersion").executeTakeFirstOrThrow());
  const noOrders = async () => [];

  test("goes from label to users, and its gateway has to know each step", async () => {
    await json("device add DEMO0001 --chip A1B2C3D4E5F6 --version 1 --gateway gw-7");
    const registered = (await version()).desiredVersion;
    expect(registered).toBeGreaterThan(1);
    expect((await cloud("device assign DEMO0001 --manager 13900000001")).err).toEqual([
      "manager 13900000001 waits for approval: manager approve 13900000001",
    ]);
    await json("manager approve 13900000001");
    await json("device assign DEMO0001 --manager 13900000001");
    const managed = (await version()).desiredVersion;
    expect(managed).toBeGreaterThan(registered);
    await json("device set DEMO0001 --name Hall --max-unit 12 --charge 1 --price 1.5");
    expect((await version()).desiredVersion).toBeGreaterThan(managed);

    const state = await inDatabase((db) =>
      desiredState(db, { gatewayId: "gw-7", sentAt: START, orders: noOrders }),
    );
    expect(state?.document.chargers).toMatchObject([
      { deviceCode: "DEMO0001", unitPrice: 150, maxUnit: 12, enabled: true, jamCode: "123456" },
    ]);
    const [listed] = await json("device list");
    expect(listed).toMatchObject({
      deviceCode: "DEMO0001",
      unitPrice: 1.5,
      gateway: "gw-7",
      manager: "139****0001",
    });
    expect(JSON.stringify(listed)).not.toContain("jamCode");
    expect((await cloud("device list")).out).toContain("Hall");

    await json("device set DEMO0001 --gateway none --state 1");
    expect(await json("device list")).toMatchObject([{ gateway: null, state: 1 }]);
  });

  test("whose gateway or site is unknown is not registered at all", async () => {
    for (const end of ["--gateway gw-8", "--site nowhere"]) {
      expect((await cloud(`device add DEMO0001 --chip A1B2C3D4E5F6 --version 1 ${end}`)).code).toBe(1);
    }
    expect((await cloud("device add DEMO0001 --chip A1B2C3D4E5F6 --version 9")).err).toEqual([
      "--version 9: no charger of this kind is known",
    ]);
    expect(await json("device list")).toEqual([]);
    expect((await audited()).filter((a) => a.what.startsWith("device"))).toEqual([]);
    expect((await version()).desiredVersion).toBe(1);
  });

  test("has its jam code from a file, never from an argument, and a wrong one is not repeated", async () => {
    const file = join(folder, "jam");
    writeFileSync(file, "ZZ99ZZ\n");
    await json(`device add DEMO0001 --chip A1B2C3D4E5F6 --version 1 --jam-code-file ${file}`);
    const row = await inDatabase((db) => db.selectFrom("device_info").select("jamCode").executeTakeFirst());
    expect(row?.jamCode).toBe("ZZ99ZZ");
    writeFileSync(file, "secret!");
    const wrong = await cloud(`device add DEMO0002 --chip 0123456789AB --version 1 --jam-code-file ${file}`);
    expect(wrong).toMatchObject({ code: 1, err: ["--jam-code-file holds 6 of 0-9A-Z"] });
    expect((await cloud("device add DEMO0002 --chip 0123456789AB --version 1 --jam-code ZZ99ZZ")).code).toBe(
      2,
    );
  });

  test("is refused with the flag's name when a price does not fit its longest charge", async () => {
    await json("device add DEMO0001 --chip A1B2C3D4E5F6 --version 1");
    const ran = await cloud("device set DEMO0001 --price 99.99 --charge 1");
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.err[0]).toContain("--price is 0.01 to 99.99 yuan, and at most 999.99");
    expect((await cloud("device set DEMO0001")).err[0]).toContain("nothing to set");
    expect((await cloud("device set DEMO0009 --state 1")).err).toEqual(['there is no charger "DEMO0009"']);
  });
});

test("an order that nobody ends is listed and closed, and no other", async () => {
  expect((await cloud("order list")).out).toBe("no order holds a port\n");
  const orderId = "90001800000000";
  const moneyOf = { unitPrice: 150, unit: 2, money: 300, agreedUnit: 2, agreedMoney: 300 };
  const nothing = { payTime: null, cashOutId: null, endTime: null, minutes: null, endReason: null };
  await inDatabase(async (db) => {
    await db.insertInto("setting").values({ name: "coin_fen", value: "100" }).execute();
    await db
      .insertInto("order_info")
      .values({
        ...{ orderId, user: "13800000001", deviceCode: "DEMO0001", deviceName: "", port: 1, ...moneyOf },
        ...{ ...nothing, evidence: null, cancelReason: null, manager: "13900000001", gatewayId: null },
        ...{ orderTime: START, startTime: START, updateTime: START, state: "charging", payState: "unpaid" },
      })
      .execute();
    await db.insertInto("live_order").values({ deviceCode: "DEMO0001", port: 1, orderId }).execute();
  });
  expect(await json("order list --overdue")).toEqual([]);
  expect((await cloud(`order close ${orderId} --minutes 0`)).err[0]).toContain("may run until 2");
  clock.jump(millis(3_600_000 + 1));
  expect(await json("order list --overdue")).toMatchObject([{ orderId, user: "138****0001", port: 1 }]);
  expect(await json(`order close ${orderId} --minutes 31`)).toEqual({ orderId, billed: 3 });
  expect(await json("order list")).toEqual([]);
  expect((await audited()).map((a) => [a.what, a.object])).toEqual([["order.close", orderId]]);
  expect((await cloud(`order close ${orderId} --minutes 0`)).code).toBe(1);
});

test("people are listed with the middle of their numbers left out, unless it is asked for", async () => {
  await json("manager add 13900000001 --name Li");
  expect(await json("manager list")).toMatchObject([
    { manager: "139****0001", managerName: "Li", approved: 0 },
  ]);
  expect(await json("manager list --phones")).toMatchObject([{ manager: "13900000001" }]);
  expect((await cloud("manager add 13900000001 --name Li")).code).toBe(1);
  expect((await cloud("manager approve 13900000009")).code).toBe(1);
  await inDatabase((db) =>
    db
      .insertInto("user_info")
      .values({ user: "13800000001", userName: "Wang", setupTime: 1, professionId: null })
      .execute(),
  );
  expect(await json("user list")).toMatchObject([{ user: "138****0001", userName: "Wang", pmoney: 0 }]);
});

test.each([
  ["user", "13800000001"],
  ["manager", "13900000001"],
] as const)("a %s whose phone number moved to another WeChat account is confirmed", async (side, number) => {
  const confirm = `${side} confirm ${number}`;
  expect((await cloud(confirm)).err).toEqual([`there is no ${side} ${number}`]);
  await inDatabase((db) =>
    transaction(db, async (tx) => {
      for (const openId of ["o1", "o2"]) {
        const of = { side, openId, now: START } as const;
        await openSession(tx, { ...of, sessionKey: "", random });
        await bindPhone(tx, { ...of, phone: phone(number) });
      }
    }),
  );
  expect((await cloud(confirm)).out).toBe(`${side} ${number} is confirmed\n`);
  expect(await json(confirm)).toEqual({ [side]: number, confirmed: 1 });
  expect((await audited()).map((a) => a.what)).toEqual(["phone.rebound", `${side}.confirm`]);
});

test("serve serves, and takes nothing on its command line", async () => {
  expect(await cloud("serve")).toEqual({ code: 0, out: "serving", err: [] });
  expect((await cloud("serve --help")).out).toContain("MQTT_PORT=1883");
  expect(await cloud("serve --port 80")).toMatchObject({ code: 2, out: "" });
});

test("migrate says what it has done, and then that nothing is left", async () => {
  expect((await cloud("migrate")).out).toContain("carried out: 0001_first");
  expect((await cloud("migrate")).out).toBe("the tables are up to date\n");
});

describe("a wrong command line is one line and exit code 2, and touches nothing", () => {
  const wrong: [string, string][] = [
    ["", "which command?"],
    ["fly", '"fly" is no command'],
    ["gateway", '"gateway" goes with one of add, list, revoke, token, accept-stream'],
    ["gateway fly", '"gateway" goes with one of'],
    ["gateway add", '"gateway add" needs ID'],
    ["gateway add gw-7", '"gateway add" needs --site NAME: the site it stands on'],
    ["gateway add gw/7 --site yard", 'ID is 1 to 40 of A-Za-z0-9_-, not "gw/7"'],
    ["gateway add gw-7 gw-8 --site yard", '"gateway add" takes one ID; "gw-8" is too much'],
    ["gateway add gw-7 --site", "--site needs a value: --site NAME"],
    ["gateway add gw-7 --site --json", "--site needs a value: --site NAME"],
    ["gateway add gw-7 --site a --site b", "--site is given twice"],
    [
      "gateway add gw-7 --site yard --token abc",
      '--token is no flag of "gateway add"; it has --site, --token-file, --json, --help',
    ],
    ["gateway list --json=yes", "--json takes no value"],
    ["gateway list all", '"gateway list" takes no argument "all"'],
    [
      "site add yard --zone Mars/Olympus",
      '--zone is an IANA time zone such as Asia/Shanghai, not "Mars/Olympus"',
    ],
    [
      "site add yard --zone Asia/Shanghai --foreign-ports kill",
      '--foreign-ports is one of report, switch_off, not "kill"',
    ],
    ["device add SHORT --chip A1B2C3D4E5F6 --version 1", 'CODE is 8 of 0-9A-Za-z, not "SHORT"'],
    ["device add DEMO0001 --chip a1 --version 1", '--chip is 12 of 0-9A-Z, not "a1"'],
    [
      "device add DEMO0001 --chip A1B2C3D4E5F6 --version one",
      '--version is a whole number from 1 to 65535, not "one"',
    ],
    ["device set DEMO0001 --max-unit 13", '--max-unit is a whole number from 1 to 12, not "13"'],
    [
      "device set DEMO0001 --price 1.505",
      '--price is 0.01 to 99.99 yuan with at most two decimals, not "1.505"',
    ],
    ["device set DEMO0001 --price 0", "--price is 0.01 to 99.99"],
    ["order close 9000 --minutes 0", 'ORDER is 9 and 13 more digits, not "9000"'],
    ["order close 90001800000000", '"order close" needs --minutes N'],
    ["order close 90001800000000 --minutes 361", "--minutes is a whole number from 0 to 360"],
    ["device set DEMO0001 --charge yes", '--charge is 0 or 1, not "yes"'],
    ["device assign DEMO0001 --manager 42", '--manager is 11 digits beginning with 1, not "42"'],
    ["user list --phones=all", "--phones takes no value"],
  ];
  for (const [line, message] of wrong) {
    test(`bluepower-cloud ${line}`, async () => {
      const ran = await cloud(line);
      expect(ran.code).toBe(2);
      expect(ran.out).toBe("");
      expect(ran.err.length).toBe(1);
      expect(ran.err[0]).toContain(message);
      expect(ran.err[0]).not.toContain("\n");
      expect(() => statSync(join(folder, "cloud.db"))).toThrow();
    });
  }

  test("and so is a wrong variable", async () => {
    const ran = await cloud("device list", { MQTT_PORT: "x" });
    expect(ran).toMatchObject({
      code: 2,
      out: "",
      err: ['MQTT_PORT is a whole number from 1 to 65535, not "x"'],
    });
  });
});

test("a database that cannot be opened is one line and exit code 1", async () => {
  const ran = await cloud("device list", { DATABASE_URL: `sqlite:${folder}` });
  expect(ran.code).toBe(1);
  expect(ran.err.length).toBe(1);
  expect(ran.err[0]).not.toContain("\n");
});

describe("help", () => {
  test("names every command", async () => {
    const { out, code } = await cloud("--help");
    expect(code).toBe(0);
    for (const name of ["serve", ...commands.map((c) => c.name)]) expect(out).toContain(`\n  ${name}`);
    expect((await cloud("gateway --help")).out).toContain("gateway accept-stream");
  });

  for (const command of commands) {
    test(`of "${command.name}" names its flags, and its examples are right`, async () => {
      const { out, code } = await cloud(`${command.name} --help`);
      expect(code).toBe(0);
      for (const flag of Object.keys(command.flags)) expect(out).toContain(`--${flag}`);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) {
        expect(out).toContain(`bluepower-cloud ${example}`);
        expect(example.startsWith(command.name)).toBe(true);
        const args = example
          .slice(command.name.length)
          .split(" ")
          .filter((w) => w !== "");
        expect(readArguments(command, args)).toMatchObject({ kind: "input" });
      }
    });
  }
});
