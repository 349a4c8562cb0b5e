import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { table as apiTable } from "../../cloud/api/table.ts";
import { freePorts } from "../e2e/ports.ts";
import { until } from "../e2e/until.ts";
import { chargers } from "./chargers.ts";
import { firstTaken } from "./ports.ts";

/** `npm start` as its user meets it, above all when it is interrupted. */

const dist = resolve(import.meta.dirname, "../../dist");
/** All that the interfaces have. */
const methods = apiTable.length;
const TABLE = /^BluePower runs/;

let folder: string;
let env: Record<string, string>;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-demo-test-"));
  const [port, mqtt, wire, control, local, ...others] = await freePorts(20);
  // Four chargers have four ports in a row.
  let first: number | undefined;
  for (const p of others) {
    if ((await firstTaken([0, 1, 2, 3].map((i) => ({ port: p + i })))) === undefined) first = p;
  }
  env = {
    PATH: process.env.PATH ?? "",
    TMPDIR: folder,
    DATA_DIR: join(folder, "data"),
    DEMO_SPEED: "60",
    PORT: String(port),
    MQTT_PORT: String(mqtt),
    SANDBOX_PORT: String(wire),
    SANDBOX_CONTROL_PORT: String(control),
    GATEWAY_PORT: String(local),
    CHARGER_CONTROL_PORT: String(first),
  };
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  for (const pid of await left()) process.kill(pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Process ids of everything that this demo has started and that still lives, found by the folder in its environment. */
async function left(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(pid)) continue;
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environment.includes(`DATA_DIR=${folder}`)) found.push(Number(pid));
  }
  return found;
}

/** Starts the demo in a process group of its own, as a shell does; resolves at the line, or when it has ended. */
async function demo(line: RegExp) {
  const child = spawn(process.execPath, [join(dist, "demo/main.js")], {
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const lines: string[] = [];
  const ended = once(child, "close");
  const reached = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (l) => {
        lines.push(l);
        if (line.test(l)) done();
      });
    }
  });
  await Promise.race([reached, ended]);
  return {
    child,
    lines,
    ended,
    /** What Ctrl-C on a terminal does: the signal goes to the whole group. */
    async interrupt() {
      process.kill(-(child.pid ?? 0), "SIGINT");
      await ended;
      return child.exitCode;
    },
  };
}

const list = async (what: string): Promise<unknown> => {
  const program = join(dist, "cloud/main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, what, "list", "--json"], { env });
  return JSON.parse(stdout);
};

/** The demo data of the specification, page 6. */
const WHOLE = chargers.map((c) => ({
  deviceCode: c.code,
  chip: c.chip,
  deviceName: c.name,
  gateway: c.gateway ? "demo-gateway" : null,
  manager: c.manager ? "139****0001" : null,
  chargeFlag: c.price === null ? 0 : 1,
  unitPrice: Number(c.price ?? 0),
  maxUnit: 12,
}));

describe("Ctrl-C while it starts", { timeout: 120_000 }, () => {
  for (const [moment, line] of [
    ["the air is there", /^air .*listening/],
    ["the sandbox is there", /^sandbox .*control plane/],
    ["the cloud makes its tables", /^cloud .*tables were brought/],
    ["the demo data is made", /^cloud .*serving/],
    ["a charger starts", /^DEMO0002 .*control port/],
  ] as const) {
    test(`${moment}: it ends with 0, nothing runs on, nothing lies about`, async () => {
      const stopped = await demo(line);
      expect(await stopped.interrupt()).toBe(0);
      expect(stopped.lines.at(-1)).not.toMatch(/Error|Node\.js/);
      await until("nothing runs on", left, (pids) => pids.length === 0, 5000);
      expect((await readdir(folder)).filter((f) => f !== "data")).toEqual([]);
    });
  }

  test("a start interrupted again and again is made up for by the next: the demo data is whole", async () => {
    let lists = 0;
    for (const wanted of [1, 2, 4]) {
      const stopped = await demo(/^cloud .*serving/);
      await until(
        "some of the demo data is made",
        async () => {
          lists =
            ((await list("manager")) as unknown[]).length + ((await list("device")) as unknown[]).length;
          return lists;
        },
        (n) => n >= wanted,
      );
      expect(await stopped.interrupt()).toBe(0);
    }
    // A token file that was made and not yet written to, and one that is gone while its gateway is known.
    await writeFile(join(folder, "data/gateway/token"), "");
    const whole = await demo(TABLE);
    expect(whole.lines).toContainEqual(expect.stringMatching(TABLE));
    expect(await list("device")).toMatchObject(WHOLE);
    await until(
      "the gateway is let in",
      () => whole.lines,
      (lines) => lines.some((l) => /gateway demo-gateway is online/.test(l)),
    );
    expect(await whole.interrupt()).toBe(0);
  });
});

test("a client written from the documents alone gets through every call, and the books balance", {
  timeout: 120_000,
}, async () => {
  const running = await demo(TABLE);
  const tour = join(import.meta.dirname, "../../docs/examples/tour.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [tour], { env, timeout: 90_000 }).catch(
    (failed: { stdout: string; stderr: string }) => {
      throw new Error(`${failed.stdout}${failed.stderr}\n${running.lines.slice(-50).join("\n")}`);
    },
  );
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
    new RegExp(`^1\\d\\d steps, ${methods} of ${methods} methods, all as documented$`),
  );
  const audit = await promisify(execFile)(process.execPath, [join(dist, "cloud/main.js"), "audit"], { env });
  expect(audit.stdout).toMatch(/invariants hold/);
  expect(await running.interrupt()).toBe(0);
});

test("the operator's password is shown at the first start, is good, and is not shown again", {
  timeout: 60_000,
}, async () => {
  const first = await demo(TABLE);
  const shown = /Operator +operator, password (\S+) \(shown this once\)/;
  await until(
    "the table is whole",
    () => first.lines.join("\n"),
    (text) => /^ +Data /m.test(text),
  );
  const password = shown.exec(first.lines.join("\n"))?.[1] ?? "";
  const file = join(folder, "password");
  await writeFile(file, password, { mode: 0o600 });
  const as = { ...env, OPERATOR: "operator", OPERATOR_PASSWORD_FILE: file };
  const program = join(dist, "cloud/main.js");
  const set = ["device", "set", "DEMO0001", "--price", "2.00"];
  await promisify(execFile)(process.execPath, [program, ...set], { env: as });
  const { stdout } = await promisify(execFile)(process.execPath, [program, "audit", "log", "--json"], {
    env: as,
  });
  expect((JSON.parse(stdout) as { who: string }[])[0]?.who).toBe("operator:operator");
  await first.interrupt();
  const second = await demo(TABLE);
  await until(
    "the table is whole",
    () => second.lines.join("\n"),
    (text) => /^ +Data /m.test(text),
  );
  expect(second.lines.join("\n")).not.toMatch(/password/);
  expect(await second.interrupt()).toBe(0);
});

test("what a person changed after the first start stays at the second", { timeout: 60_000 }, async () => {
  const first = await demo(TABLE);
  const cloud = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(dist, "cloud/main.js"), ...args], { env });
  await cloud("device", "set", "DEMO0001", "--price", "2.00");
  await cloud("device", "assign", "DEMO0002", "--manager", "none");
  await first.interrupt();
  const second = await demo(TABLE);
  expect(await list("device")).toMatchObject([{ unitPrice: 2 }, { manager: null }, {}, {}]);
  expect(await second.interrupt()).toBe(0);
});

test("killed by force it takes its programs with it: the next start finds the ports free", {
  timeout: 60_000,
}, async () => {
  const killed = await demo(TABLE);
  killed.child.kill("SIGKILL");
  await killed.ended;
  await until("nothing runs on", left, (pids) => pids.length === 0, 15_000);
  const next = await demo(TABLE);
  expect(next.lines).toContainEqual(expect.stringMatching(TABLE));
  expect(await next.interrupt()).toBe(0);
});

test("a DATA_DIR that is no folder is one line that names it", async () => {
  env.DATA_DIR = join(folder, "file");
  await writeFile(env.DATA_DIR, "");
  const refused = await demo(TABLE);
  await refused.ended;
  expect(refused.child.exitCode).toBe(1);
  expect(refused.lines).toEqual([
    expect.stringMatching(/^DATA_DIR is a folder that can be written to, not "/),
  ]);
});
