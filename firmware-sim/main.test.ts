import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Clock, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chipId } from "@bluepower/protocol/units";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openBleno } from "./bleno.ts";
import { type Connection, startCentral } from "./centralUnderTest.ts";
import { SimulatedCharger } from "./charger.ts";
import { later, NOW, signed } from "./conversation.ts";
import { startPeripheral } from "./peripheral.ts";
import { serveH4 } from "./virtual-hci/server.ts";
import { createVirtualRadio, inProcess, type VirtualRadio } from "./virtual-hci/virtualRadio.ts";

const CHIP = "A1B2C3D4E5F6";
const NAME = `BUC_${CHIP}`;
const FREE = "@OK|0|1000|2000|3000|4000&";

let built: string;
let program: string;
let folder: string;
let radio: VirtualRadio;
let air: { close(): Promise<void> };
let central: ReturnType<typeof startCentral>;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  // Beside the programs, so that what is not in the bundle is found.
  const dist = resolve(import.meta.dirname, "../dist");
  mkdirSync(dist, { recursive: true });
  built = await mkdtemp(join(dist, "charger-test-"));
  program = join(built, "main.mjs");
  const bundle = await rolldown({
    input: join(import.meta.dirname, "main.ts"),
    platform: "node",
    external: [/^@abandonware\//],
  });
  await bundle.write({ file: program, format: "esm" });
  await bundle.close();
  folder = await mkdtemp(join(tmpdir(), "charger-"));
  radio = createVirtualRadio({ timing: "instant", random: seededRandom("charger") });
  air = await serveH4(radio, join(folder, "air"));
  central = startCentral(inProcess(radio));
});
afterEach(async () => {
  for (const child of children) await kill(child);
});
afterAll(async () => {
  await air.close();
  radio.close();
  await rm(folder, { recursive: true });
  await rm(built, { recursive: true });
});

async function kill(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

interface Program {
  child: ChildProcess;
  /** Standard output and error, in the order of their coming. */
  lines: string[];
  ended: Promise<unknown>;
  control: string;
  state(): Promise<State>;
  fault(body: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
}
interface State {
  clock: string;
  connected: boolean;
  powered: boolean;
  ports: { port: number; state: string; minutesLeft: number; led: string }[];
  faults: string[];
}

/** Starts the program and waits until it advertises, or ends. */
async function start(...args: string[]): Promise<Program> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const lines: string[] = [];
  const ended = once(child, "close");
  let control = "";
  const ready = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        lines.push(line);
        control ||= /127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
        if (/advertises/.test(line) && (control !== "" || !args.includes("--control"))) done();
      });
    }
  });
  // The control port is told in either order with the first advertisement.
  await Promise.race([ready, ended]);
  return {
    child,
    lines,
    ended,
    control,
    state: async () => (await fetch(`http://${control}/state`)).json() as Promise<State>,
    fault: async (body) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await fetch(`http://${control}/fault`, { method: "POST", body: text });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
  };
}

const onAir = (...more: string[]): Promise<Program> =>
  start("--chip", CHIP, "--radio", `virtual:${join(folder, "air")}`, "--control", "0", ...more);

/** Asks until it holds; the test's own timeout is the deadline. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((done) => setTimeout(done, 20));
}

describe("on the air", () => {
  let charger: Program;
  let link: Connection;
  beforeEach(async () => {
    charger = await onAir();
    link = await central.connect(NAME);
  });

  test("one advertisement carries name and service; a charge is switched on and off over GATT", async () => {
    expect(link.advertisement).toMatchObject({ localName: NAME, serviceUuids: ["ffe0"] });
    expect(await link.ask("@QTIME&")).toMatch(/^@OK\|0\|0001010000\d\d&$/);
    expect(await link.ask(signed("POWERON", ["1", "120"], NOW))).toBe("@OK|2&");
    expect(await link.ask(signed("STIME", [NOW], NOW))).toBe("@OK|0&");
    expect(await link.ask(signed("POWERON", ["1", "120"], NOW))).toBe("@OK|0&");
    expect(await link.ask("@STA&")).toBe("@OK|0|1120|2000|3000|4000&");
    expect((await charger.state()).ports[0]).toEqual({
      port: 1,
      state: "running",
      minutesLeft: 120,
      led: "on",
    });
    expect(await link.ask(signed("POWEROFF", ["1"], later(NOW, 1)))).toBe("@OK|0&");
    expect(await link.ask("@STA&")).toBe(FREE);
    expect(charger.lines.filter((l) => l.startsWith("POWERON"))).toEqual([
      "POWERON|1|120: timestamp error",
      "POWERON|1|120: done",
    ]);
    expect(charger.lines.join("\n")).not.toMatch(/[0-9a-f]{32}/);
  });

  test("replies are cut at the MTU less three", async () => {
    expect(await link.ask("@STA&")).toBe(FREE);
    const size = (link.mtu ?? 23) - 3;
    expect(Math.max(...link.chunks)).toBeLessThanOrEqual(size);
    expect(link.chunks.reduce((a, b) => a + b)).toBe(FREE.length);
  });

  test("drop-link ends the link and half a frame with it; the charger is there again", async () => {
    await link.write("@STA");
    expect((await charger.fault({ kind: "drop-link" })).status).toBe(200);
    await link.closed;
    const again = await central.connect(NAME);
    await again.write("&");
    expect(await again.ask("@STA&")).toBe(FREE);
    expect(again.unread()).toEqual([]);
  });

  test("a central that leaves makes room for the next", async () => {
    await link.close();
    await until(async () => !(await charger.state()).connected);
    expect(await (await central.connect(NAME)).ask("@STA&")).toBe(FREE);
  });

  test("silent ignores as many frames as it was told, and carries nothing out", async () => {
    await link.ask(signed("STIME", [NOW], NOW));
    await charger.fault({ kind: "silent", times: 2 });
    await link.write(signed("POWERON", ["1", "30"], NOW));
    await link.write("@STA&");
    expect(await link.ask("@STA&")).toBe(FREE);
    expect(link.unread()).toEqual([]);
  });

  test("lose-reply carries out and does not answer; queries are answered meanwhile", async () => {
    await link.ask(signed("STIME", [NOW], NOW));
    await charger.fault({ kind: "lose-reply" });
    expect(await link.ask("@STA&")).toBe(FREE);
    await link.write(signed("POWERON", ["1", "30"], NOW));
    expect(await link.ask("@STA&")).toBe("@OK|0|1030|2000|3000|4000&");
    expect(await link.ask(signed("POWEROFF", ["1"], NOW))).toBe("@OK|0&");
  });

  test("delay holds a reply back, and what comes after it keeps its place", async () => {
    await link.ask(signed("STIME", [NOW], NOW));
    await charger.fault({ kind: "delay", ms: 300 });
    await link.write(signed("POWERON", ["1", "30"], NOW));
    await until(async () => (await charger.state()).ports[0]?.state === "running");
    expect(link.unread()).toEqual([]);
    expect(await link.ask("@STA&")).toBe("@OK|0&");
    await until(async () => link.unread().length === 1);
    expect(link.unread()).toEqual(["@OK|0|1030|2000|3000|4000&"]);
  });

  test("power-cut drops the link and takes it off the air; afterwards the port goes on with an unset clock", async () => {
    await link.ask(signed("STIME", [NOW], NOW));
    await link.ask(signed("POWERON", ["1", "30"], NOW));
    await charger.fault({ kind: "power-cut", ms: 400 });
    await link.closed;
    expect(await charger.state()).toMatchObject({ powered: false, clock: "unset", connected: false });
    const again = await central.connect(NAME);
    expect((await charger.state()).powered).toBe(true);
    expect(await again.ask("@STA&")).toBe("@OK|0|1030|2000|3000|4000&");
    expect(await again.ask("@QTIME&")).toMatch(/^@OK\|0\|0001010000\d\d&$/);
  });

  test("damage and repair", async () => {
    expect((await charger.fault({ kind: "port-damaged", port: 2 })).body).toMatchObject({
      ports: [{}, { port: 2, state: "damaged" }, {}, {}],
    });
    expect(await link.ask("@STA&")).toBe("@OK|0|1000|2999|3000|4000&");
    await charger.fault({ kind: "port-repaired", port: 2 });
    expect(await link.ask("@STA&")).toBe(FREE);
  });

  test("an adapter that is pulled out ends the program with a line that says so", async () => {
    radio.find(NAME)?.unplug();
    await charger.ended;
    expect(charger.child.exitCode).toBe(1);
    expect(charger.lines.at(-1)).toMatch(/^the virtual controller at .* is gone/);
  });
});

test("notifications of one byte are still whole replies", async () => {
  await onAir("--chunk", "1");
  const link = await central.connect(NAME);
  expect(await link.ask("@STA&")).toBe(FREE);
  expect(link.chunks).toEqual(Array.from(FREE, () => 1));
});

test("a camping central is dropped, and another one finds the charger", async () => {
  const hurried: Clock = {
    ...systemClock,
    after: (delay, label, run) =>
      systemClock.after(label === "camping central" ? millis(500) : delay, label, run),
  };
  const charger = new SimulatedCharger({ chip: chipId(CHIP), clock: hurried, zone: "Asia/Shanghai" });
  const bleno = openBleno({ radio: { kind: "virtual", socket: join(folder, "air") }, lost: () => {} });
  await new Promise<void>((ready, fatal) => {
    startPeripheral({ charger, clock: hurried, bleno, ready: () => ready(), fatal });
  });
  const link = await central.connect(NAME);
  expect(await link.ask("@STA&")).toBe(FREE);
  await link.closed;
  expect(await (await central.connect(NAME)).ask("@STA&")).toBe(FREE);
  charger.powerCut();
});

describe("the state file", () => {
  test("after kill -9 the port goes on with what was left; the time without power does not pass", async () => {
    const state = join(folder, "killed.json");
    const killed = await onAir("--state", state, "--speed", "60");
    let link = await central.connect(NAME);
    await link.ask(signed("STIME", [NOW], NOW));
    await link.ask(signed("POWERON", ["1", "60"], NOW));
    await killed.fault({ kind: "port-damaged", port: 3 });
    await until(async () => ((await killed.state()).ports[0]?.minutesLeft ?? 60) <= 58);
    await kill(killed.child);
    await link.closed;
    const saved = JSON.parse(await readFile(state, "utf8")).ports[0].leftMs;
    expect(saved).toBeLessThan(3_600_000);
    await new Promise((done) => setTimeout(done, 1500));

    const next = await onAir("--state", state);
    const [first, , third] = (await next.state()).ports;
    expect(first).toEqual({ port: 1, state: "running", minutesLeft: Math.ceil(saved / 60_000), led: "on" });
    expect(third?.state).toBe("damaged");
    link = await central.connect(NAME);
    expect(await link.ask(signed("STIME", [NOW], NOW))).toBe("@OK|0&");
    expect(await link.ask(signed("POWEROFF", ["1"], NOW))).toBe("@OK|0&");
    await kill(next.child);
    expect((await (await onAir("--state", state)).state()).ports[0]?.state).toBe("free");
  });

  test("SIGTERM saves to the millisecond and ends with 0", async () => {
    const state = join(folder, "ended.json");
    const ended = await onAir("--state", state);
    const link = await central.connect(NAME);
    await link.ask(signed("STIME", [NOW], NOW));
    await link.ask(signed("POWERON", ["4", "60"], NOW));
    await new Promise((done) => setTimeout(done, 300));
    await kill(ended.child, "SIGTERM");
    expect(ended.child.exitCode).toBe(0);
    const { leftMs } = JSON.parse(await readFile(state, "utf8")).ports[3];
    expect(leftMs).toBeLessThanOrEqual(3_600_000 - 300);
  });

  test("a place that cannot be written is a clear line and code 1", async () => {
    const refused = await onAir("--state", "/proc/charger.json");
    await refused.ended;
    expect(refused.child.exitCode).toBe(1);
    expect(refused.lines).toEqual([expect.stringMatching(/^cannot write \/proc\/charger.json: ENOENT/)]);
  });

  for (const [what, content, said] of [
    ["garbage", "{", /holds no state of a charger: it is no JSON/],
    [
      "another charger's",
      '{"v":1,"chip":"0123456789AB","ports":[]}',
      /belongs to the chip 0123456789AB, not to A1B2C3D4E5F6/,
    ],
  ] as const) {
    test(`${what} is refused and left as it is`, async () => {
      const state = join(folder, "foreign.json");
      await writeFile(state, content);
      const refused = await onAir("--state", state);
      await refused.ended;
      expect(refused.child.exitCode).toBe(1);
      expect(refused.lines).toEqual([expect.stringMatching(said)]);
      expect(await readFile(state, "utf8")).toBe(content);
    });
  }
});

describe("the control port", () => {
  test("says what is wrong with a fault, and does nothing then", async () => {
    const charger = await onAir();
    const wrong = [
      ["{", "body"],
      ["[]", "body"],
      ["{}", "kind"],
      ['{"kind":"explode"}', "kind"],
      ['{"kind":"port-damaged"}', "port"],
      ['{"kind":"port-damaged","port":5}', "port"],
      ['{"kind":"port-damaged","port":"1"}', "port"],
      ['{"kind":"delay"}', "ms"],
      ['{"kind":"power-cut","ms":0}', "ms"],
      ['{"kind":"silent","times":-1}', "times"],
      ['{"kind":"silent","time":1}', "time"],
    ] as const;
    for (const [body, field] of wrong) {
      expect(await charger.fault(body)).toMatchObject({ status: 400, body: { field } });
    }
    expect((await charger.fault("x".repeat(5000))).status).toBe(413);
    expect(await charger.state()).toMatchObject({ powered: true, faults: [] });
    const others = [
      ["GET", "/fault", 405],
      ["POST", "/state", 405],
      ["GET", "/", 404],
    ] as const;
    for (const [method, path, status] of others) {
      expect((await fetch(`http://${charger.control}${path}`, { method })).status).toBe(status);
    }
  });

  test("a port that is taken is a clear line and code 1", async () => {
    const first = await onAir();
    const port = first.control.split(":")[1] ?? "";
    const second = await start(
      ...["--chip", "0123456789AB", "--radio", `virtual:${join(folder, "air")}`, "--control", port],
    );
    await second.ended;
    expect(second.child.exitCode).toBe(1);
    expect(second.lines.at(-1)).toMatch(/^--control: .*EADDRINUSE/);
  });
});

test("--json writes JSON lines", async () => {
  const charger = await onAir("--json", "--verbose");
  const link = await central.connect(NAME);
  await link.ask(signed("STIME", [NOW], NOW));
  const lines = charger.lines.map((l) => JSON.parse(l));
  expect(lines).toContainEqual(expect.objectContaining({ event: "ready", address: expect.any(String) }));
  expect(lines).toContainEqual(expect.objectContaining({ event: "command", name: "STIME", result: 0 }));
});

describe("flags", () => {
  for (const [args, said] of [
    [[], /--chip is missing/],
    [["--chip", "a1b2c3d4e5f6"], /--chip is 12 of 0-9A-Z/],
    [["--chip", CHIP, "--jam-code", "12"], /--jam-code is 6 of/],
    [["--chip", CHIP, "--radio", "usb"], /--radio is hci or virtual:SOCKET/],
    [["--chip", CHIP, "--speed", "0"], /--speed is a number above 0/],
    [["--chip", CHIP, "--speed", "1e3"], /--speed is a number above 0/],
    [["--chip", CHIP, "--control", "65536"], /--control is a port/],
    [["--chip", CHIP, "--chunk", "0"], /--chunk is a number of bytes/],
    [["--chip", CHIP, "--profile", "7"], /--profile is the number of a device profile/],
    [["--chip", CHIP, "--zone", "Mars/North"], /--zone is a time zone/],
    [["--chip", CHIP, "--state", ""], /--state is the path/],
    [["--chap", CHIP], /'--chap'/],
  ] as const) {
    test(`${args.join(" ") || "none"} is refused in one line`, async () => {
      const refused = await start(...args);
      await refused.ended;
      expect(refused.child.exitCode).toBe(2);
      expect(refused.lines).toEqual([expect.stringMatching(said)]);
    });
  }

  test("--help has examples and ends with 0", async () => {
    const help = await start("--help");
    await help.ended;
    expect(help.child.exitCode).toBe(0);
    expect(help.lines.join("\n")).toMatch(/Examples:\n {2}bluepower-charger --chip/);
  });

  test("an air that is not there is a clear line and code 1", async () => {
    const alone = await start("--chip", CHIP, "--radio", `virtual:${join(folder, "nowhere")}`);
    await alone.ended;
    expect(alone.child.exitCode).toBe(1);
    expect(alone.lines).toEqual([
      expect.stringMatching(/^the virtual controller at .*nowhere is gone.*ENOENT/),
    ]);
  });
});
