import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import Module, { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Clock, type Instant, millis, seconds } from "@bluepower/protocol/clock";
import { createHciSocketClass } from "@bluepower/protocol/hci/socket";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chipId, derivedJamCode, deviceCode, minutes, portNo } from "@bluepower/protocol/units";
import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import type { Bleno } from "../../firmware-sim/bleno.ts";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";
import { startPeripheral } from "../../firmware-sim/peripheral.ts";
import { serveH4 } from "../../firmware-sim/virtual-hci/server.ts";
import {
  createVirtualRadio,
  inProcess,
  type VirtualRadio,
} from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { Scheduler } from "../../gateway/chargers/scheduler.ts";
import { forkWorker } from "../../gateway/radio/workerProcess.ts";
import { WorkerRadio } from "../../gateway/radio/workerRadio.ts";
import { until } from "./until.ts";

/** A hundred chargers, each on a bleno of its own, linked at once to the one noble of the gateway's Bluetooth process. */

const COUNT = 100;
const numbers = Array.from({ length: COUNT }, (_, i) => i);
const chipOf = (n: number) => chipId(`SCALE${String(n).padStart(7, "0")}`);
const codeOf = (n: number) => deviceCode(`SCALE${String(n).padStart(3, "0")}`);
/** Different from neighbour to neighbour, so that an answer on another's link is seen. */
const portOf = (n: number): number => (n % 4) + 1;
const minutesOf = (n: number): number => 30 * ((n % 12) + 1);

const require = createRequire(import.meta.url);
const chargers: SimulatedCharger[] = [];
const stops: (() => void)[] = [];
const log: string[] = [];
const workers: number[] = [];
let air: VirtualRadio;
let folder: string;
let served: { close(): Promise<void> };
let radio: WorkerRadio;
let scheduler: Scheduler;

/** bleno exists once in a module graph: each charger has a graph of its own. */
function freshBleno(): Bleno {
  const path = require.resolve("@abandonware/bluetooth-hci-socket");
  for (const key of Object.keys(require.cache)) if (key.includes("/@abandonware/")) delete require.cache[key];
  const Socket = createHciSocketClass({
    EventEmitter,
    toBuffer: (bytes) => Buffer.from(bytes),
    macrotask: setImmediate,
    open: inProcess(air),
    lost: (error) => log.push(`a charger's controller: ${error.message}`),
  });
  require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports: Socket });
  const bleno = require("@abandonware/bleno");
  stops.push(() => {
    bleno._bindings._hci.pollIsDevUp = () => {};
    bleno._bindings._hci._socket.stop();
  });
  return bleno;
}

/** The chargers' timers, which have no end of their own, end with the test. */
function endableClock(): Clock & { end(): void } {
  const timers = new Set<{ cancel(): void }>();
  return {
    now: () => systemClock.now(),
    uptime: () => systemClock.uptime(),
    after(delay, label, run) {
      const timer = systemClock.after(delay, label, () => {
        timers.delete(timer);
        return run();
      });
      timers.add(timer);
      return timer;
    },
    end() {
      for (const timer of timers) timer.cancel();
    },
  };
}
const clock = endableClock();
const foreign = new Set<unknown>([...process.listeners("SIGINT"), ...process.listeners("exit")]);
const listenersMax = process.getMaxListeners();

const use = <T>(
  n: number,
  work: (session: ChargerSession) => Promise<T>,
  deadline = seconds(60),
): Promise<UseOutcome<T>> =>
  scheduler.use({ charger: codeOf(n), urgency: "command", deadline, label: "test", work });

beforeAll(async () => {
  // Each bleno listens for the end of the process.
  process.setMaxListeners(0);
  folder = await mkdtemp(join(tmpdir(), "bluepower-scale-"));
  const socket = join(folder, "air.sock");
  air = createVirtualRadio({ timing: "instant", random: seededRandom("scale") });
  served = await serveH4(air, socket);
  await Promise.all(
    numbers.map(
      (n) =>
        new Promise<void>((ready, failed) => {
          const charger = new SimulatedCharger({ chip: chipOf(n), clock, zone: "Asia/Shanghai" });
          chargers.push(charger);
          startPeripheral({
            charger,
            clock,
            bleno: freshBleno(),
            ready: () => ready(),
            fatal: (reason) => failed(new Error(`charger ${n}: ${reason}`)),
          });
        }),
    ),
  );

  const logger = pino({ level: "info" }, { write: (line: string) => void log.push(line.trimEnd()) });
  radio = new WorkerRadio({
    clock: systemClock,
    log: logger,
    start() {
      const worker = forkWorker({
        bundle: resolve(import.meta.dirname, "../../dist/gateway/ble-worker.js"),
        radio: `virtual:${socket}`,
      });
      workers.push(worker.pid ?? 0);
      return worker;
    },
  });
  scheduler = new Scheduler({
    clock: systemClock,
    radio,
    site: { now: (): Instant => systemClock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
    log: logger,
    links: COUNT,
  });
  scheduler.assign(
    numbers.map((n) => ({
      charger: codeOf(n),
      chip: chipOf(n),
      profile: 1,
      jamCode: derivedJamCode(chipOf(n)),
    })),
  );
}, 120_000);

afterAll(async () => {
  await scheduler?.close();
  await radio?.close();
  for (const stop of stops) stop();
  clock.end();
  await served?.close();
  air?.close();
  await rm(folder, { recursive: true, force: true });
  const own = (listener: unknown): boolean => !foreign.has(listener);
  for (const listener of process.listeners("SIGINT").filter(own)) process.off("SIGINT", listener);
  for (const listener of process.listeners("exit").filter(own)) process.off("exit", listener);
  process.setMaxListeners(listenersMax);
});

test("a hundred chargers are linked to one noble; each answers STA for itself, and is switched on alone", {
  timeout: 240_000,
}, async () => {
  onTestFailed(() => console.log(log.slice(-100).join("\n")));
  const began = systemClock.uptime();
  await until(
    "all are linked",
    () => chargers.filter((c) => c.view().connected).length,
    (linked) => linked === COUNT,
    120_000,
  );
  const tookMs = millis(systemClock.uptime() - began);

  // Linked all at once: none of the answers below waits for a link to be made.
  for (const outcome of await Promise.all(numbers.map((n) => use(n, (s) => s.ports())))) {
    expect(outcome).toMatchObject({
      value: { kind: "ok", value: [1, 2, 3, 4].map((port) => ({ port, state: "free" })) },
    });
  }
  const switched = await Promise.all(
    numbers.map((n) => use(n, (s) => s.powerOn(portNo(portOf(n)), minutes(minutesOf(n))))),
  );
  expect(switched).toEqual(numbers.map(() => ({ kind: "done", value: { kind: "ok", value: null } })));
  const readings = await Promise.all(numbers.map((n) => use(n, (s) => s.ports())));
  for (const n of numbers) {
    expect(readings[n], `charger ${n}`).toEqual({
      kind: "done",
      value: {
        kind: "ok",
        value: [1, 2, 3, 4].map((port) =>
          port === portOf(n)
            ? { port, state: "running", minutesLeft: minutesOf(n) }
            : { port, state: "free" },
        ),
      },
    });
  }

  expect(chargers.every((c) => c.view().connected)).toBe(true);
  expect(air.air.links).toHaveLength(COUNT);
  expect(workers).toHaveLength(1);
  expect(log.filter((l) => /link closed|no link|controller:/.test(l))).toEqual([]);
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${workers[0]}/status`, "utf8"))?.[1];
  console.log(
    `${COUNT} chargers on one noble: all linked in ${(tookMs / 1000).toFixed(1)} s, ` +
      `the Bluetooth process holds ${Math.round(Number(memory) / 1024)} MB`,
  );
});
