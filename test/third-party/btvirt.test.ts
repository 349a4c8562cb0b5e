import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { seconds } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chipId, derivedJamCode, deviceCode, minutes, portNo } from "@bluepower/protocol/units";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { Scheduler } from "../../gateway/chargers/scheduler.ts";
import { forkWorker } from "../../gateway/radio/workerProcess.ts";
import { WorkerRadio } from "../../gateway/radio/workerRadio.ts";
import { until } from "../e2e/until.ts";
import { ended, installed } from "./programs.ts";

/**
 * The charger's program and the gateway's Bluetooth process on the controller emulator of BlueZ, which knows
 * nothing of ours: what they say to a controller is Bluetooth, not only what our own virtual controller takes.
 */

const dist = resolve(import.meta.dirname, "../../dist");
const CHIP = chipId("B70000000001");
const CODE = deviceCode("BTVIRT01");
const ok = { kind: "done", value: { kind: "ok" } };
const present = installed("charger and gateway on BlueZ's controller emulator", ["btvirt", "cc"]);

interface View {
  ports: { port: number; state: string; minutesLeft: number }[];
  clock: string;
  connected: boolean;
  /** The address of its controller. */
  radio: string;
}

describe.runIf(present)("on the controllers of btvirt", { timeout: 60_000 }, () => {
  const log: string[] = [];
  const children: ChildProcess[] = [];
  let dir: string;
  let radio: WorkerRadio;
  let scheduler: Scheduler;
  let control = "";
  let workers = 0;

  const started = (name: string, child: ChildProcess): ChildProcess => {
    children.push(child);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (l) => log.push(`${name}: ${l}`));
    }
    child.once("error", (error) => log.push(`${name}: ${error.message}`));
    return child;
  };
  const view = async (): Promise<View> =>
    (await (await fetch(`http://${control}/state`, { signal: AbortSignal.timeout(2000) })).json()) as View;
  const use = <T>(work: (session: ChargerSession) => Promise<T>): Promise<UseOutcome<T>> =>
    scheduler.use({ charger: CODE, urgency: "command", deadline: seconds(20), label: "test", work });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "btvirt-"));
    const preload = join(dir, "sandbox.so");
    execFileSync("cc", [
      ...["-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-o", preload],
      ...[join(import.meta.dirname, "btvirt-sandbox.c"), "-ldl"],
    ]);
    const env = { PATH: process.env.PATH, LD_PRELOAD: preload, BTVIRT_DIR: dir };
    started("btvirt", spawn("btvirt", ["-s"], { env, stdio: ["ignore", "pipe", "pipe"] }));
    const socket = join(dir, "bt-server-le");
    await until(
      "btvirt listens",
      () => existsSync(socket),
      (there) => there,
    );

    const charger = [join(dist, "firmware-sim/main.js"), "--chip", CHIP, "--radio", `virtual:${socket}`];
    const child = spawn(process.execPath, [...charger, "--control", "0", "--json", "--verbose"], {
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started("charger", child);
    const said = (event: string) => log.find((l) => l.includes(`"event":"${event}"`));
    await until(
      "the charger advertises",
      () => said("ready") !== undefined && said("control") !== undefined,
      (ready) => ready,
    );
    control = /"control":"([^"]+)"/.exec(said("control") ?? "")?.[1] ?? "";

    const logger = pino({ level: "debug" }, { write: (line: string) => void log.push(`gateway: ${line}`) });
    radio = new WorkerRadio({
      clock: systemClock,
      log: logger,
      start() {
        workers += 1;
        return forkWorker({ bundle: join(dist, "gateway/ble-worker.js"), radio: `virtual:${socket}` });
      },
    });
    scheduler = new Scheduler({
      clock: systemClock,
      radio,
      site: { now: () => systemClock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
      log: logger,
    });
    scheduler.assign([{ charger: CODE, chip: CHIP, profile: 1, jamCode: derivedJamCode(CHIP) }]);
  });

  afterAll(async () => {
    await scheduler?.close();
    await radio?.close();
    for (const child of children.reverse()) await ended(child);
    await rm(dir, { recursive: true, force: true });
  });

  test("the charger is heard, linked and read; its clock is set on the new link", async () => {
    onTestFailed(() => console.log(log.join("\n")));
    // An address of btvirt's, not of a controller of ours.
    expect(await view()).toMatchObject({ clock: "unset", radio: expect.stringMatching(/^00:aa:01:/) });
    expect(await use((s) => s.ports())).toMatchObject({
      value: { kind: "ok", value: [1, 2, 3, 4].map((port) => ({ port, state: "free" })) },
    });
    const time = await use((s) => s.time());
    expect(time).toMatchObject({ value: { kind: "ok", value: expect.stringMatching(/^[0-9]{12}$/) } });
    expect(await view()).toMatchObject({ connected: true, clock: expect.stringMatching(/^[0-9]{12}$/) });
    expect(workers).toBe(1);
  });

  test("a port is switched on by a POWERON of several packets, and off again; no other port moves", async () => {
    onTestFailed(() => console.log(log.join("\n")));
    expect(await use((s) => s.powerOn(portNo(2), minutes(120)))).toMatchObject(ok);
    expect((await view()).ports.map((p) => p.state)).toEqual(["free", "running", "free", "free"]);
    expect(await use((s) => s.ports())).toMatchObject({
      value: { value: [{}, { port: 2, state: "running", minutesLeft: 120 }, {}, {}] },
    });
    expect(await use((s) => s.powerOff(portNo(2)))).toMatchObject(ok);
    expect((await view()).ports.map((p) => p.state)).toEqual(["free", "free", "free", "free"]);
  });

  test("a link that the charger ends is made again, and the charge goes on", async () => {
    onTestFailed(() => console.log(log.join("\n")));
    const links = () => log.filter((l) => l.includes('"event":"link","connected":true')).length;
    expect(links()).toBe(1);
    expect(await use((s) => s.powerOn(portNo(4), minutes(30)))).toMatchObject(ok);
    const fault = {
      method: "POST",
      body: JSON.stringify({ kind: "drop-link" }),
      signal: AbortSignal.timeout(2000),
    };
    expect((await fetch(`http://${control}/fault`, fault)).status).toBe(200);
    await until(
      "the charger is served again",
      () => use((s) => s.ports()),
      (outcome) => outcome.kind === "done" && outcome.value.kind === "ok",
      30_000,
    );
    expect((await view()).ports.map((p) => p.state)).toEqual(["free", "free", "free", "running"]);
    expect(links()).toBe(2);
    expect(workers).toBe(1);
  });
});
