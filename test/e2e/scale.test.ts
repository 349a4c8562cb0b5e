import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { millis, seconds } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { chipId, deviceCode, minutes, portNo } from "@bluepower/protocol/units";
import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import type { SimulatedCharger } from "../../firmware-sim/charger.ts";
import { serveH4 } from "../../firmware-sim/virtual-hci/server.ts";
import { createVirtualRadio, type VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { type ChargersHere, chargersHere } from "./chargersHere.ts";
import { type GatewayRadio, gatewayRadio } from "./gatewayRadio.ts";
import { until } from "./until.ts";

/** A hundred chargers, each on a bleno of its own, linked at once to the one noble of the gateway's Bluetooth process. */

const COUNT = 100;
const numbers = Array.from({ length: COUNT }, (_, i) => i);
const chipOf = (n: number) => chipId(`SCALE${String(n).padStart(7, "0")}`);
const codeOf = (n: number) => deviceCode(`SCALE${String(n).padStart(3, "0")}`);
/** Different from neighbour to neighbour, so that an answer on another's link is seen. */
const portOf = (n: number): number => (n % 4) + 1;
const minutesOf = (n: number): number => 30 * ((n % 12) + 1);

let crowd: ChargersHere;
const chargers: SimulatedCharger[] = [];
const log: string[] = [];
let air: VirtualRadio;
let folder: string;
let served: { close(): Promise<void> };
let gateway: GatewayRadio;

const use = <T>(n: number, work: (session: ChargerSession) => Promise<T>): Promise<UseOutcome<T>> =>
  gateway.use(codeOf(n), work, seconds(60));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-scale-"));
  const socket = join(folder, "air.sock");
  air = createVirtualRadio({ timing: "instant", random: seededRandom("scale") });
  served = await serveH4(air, socket);
  crowd = chargersHere(air);
  // One after the other: each has a few seconds for its start, and this process does them all.
  for (const n of numbers) chargers.push(await crowd.add(chipOf(n)));

  const logger = pino({ level: "info" }, { write: (line: string) => void log.push(line.trimEnd()) });
  gateway = gatewayRadio({
    ...{ socket, log: logger, links: COUNT },
    bundle: resolve(import.meta.dirname, "../../dist/gateway/ble-worker.js"),
    chargers: numbers.map((n) => ({ code: codeOf(n), chip: chipOf(n) })),
  });
}, 120_000);

afterAll(async () => {
  await gateway?.close();
  crowd?.close();
  await served?.close();
  air?.close();
  await rm(folder, { recursive: true, force: true });
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
  expect(gateway.workers).toHaveLength(1);
  expect(log.filter((l) => /link closed|no link/.test(l))).toEqual([]);
  expect(crowd.lost).toEqual([]);
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.workers[0]}/status`, "utf8"))?.[1];
  console.log(
    `${COUNT} chargers on one noble: all linked in ${(tookMs / 1000).toFixed(1)} s, ` +
      `the Bluetooth process holds ${Math.round(Number(memory) / 1024)} MB`,
  );
});
