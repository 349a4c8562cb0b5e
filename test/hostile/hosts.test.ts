import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Clock, type Instant, seconds } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { type ChipId, chipId, derivedJamCode, deviceCode } from "@bluepower/protocol/units";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SimulatedCharger } from "../../firmware-sim/charger.ts";
import { serveH4 } from "../../firmware-sim/virtual-hci/server.ts";
import { createVirtualRadio, type VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import type { ChargerSession, UseOutcome } from "../../gateway/chargers/chargers.ts";
import { Scheduler } from "../../gateway/chargers/scheduler.ts";
import { forkWorker } from "../../gateway/radio/workerProcess.ts";
import { WorkerRadio } from "../../gateway/radio/workerRadio.ts";
import { type ChargersHere, chargersHere } from "../e2e/chargersHere.ts";
import { until } from "../e2e/until.ts";
import { type HostileController, serveHostile } from "./hostileController.ts";

/**
 * The real noble and the real bleno on controllers that tell them nonsense. Either may end its process with a reason; neither
 * may stay there and do nothing, and the gateway has its radio again when the controller has come to its senses.
 */

/** So many gateways at once, each with a controller of its own; as many events go bad for each. */
const GATEWAYS = 6;
const BAD_EVENTS = 300;
/** On a busy machine there are fewer in this time. */
const HOSTILE_MS = 15_000;
/** By then a process that hangs is found out and the pauses between starts are over. */
const RECOVERY_MS = 120_000;
const began = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 1e6));
const dist = resolve(import.meta.dirname, "../../dist");

/** The pauses between two starts grow; here a process that has ended is followed by the next at once. */
const hurried: Clock = {
  ...systemClock,
  after: (delay, label, then) =>
    systemClock.after(label === "start the Bluetooth process" ? seconds(0.1) : delay, label, then),
};

let folder: string;
let air: VirtualRadio;
let crowd: ChargersHere;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bluepower-hostile-"));
  air = createVirtualRadio({ timing: "instant", random: seededRandom("hostile") });
  crowd = chargersHere(air);
});
afterAll(async () => {
  crowd?.close();
  air?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A gateway's radio, through the socket given, that looks after one charger. */
function gateway(of: { chip: ChipId; socket: string }) {
  const code = deviceCode("HOSTILE1");
  const reasons: string[] = [];
  const pids: number[] = [];
  const write = (line: string): void => {
    const entry = JSON.parse(line) as { msg: string; reason?: string };
    if (entry.msg === "Bluetooth is down") reasons.push(entry.reason ?? "");
  };
  const log = pino({ level: "warn" }, { write });
  const radio = new WorkerRadio({
    clock: hurried,
    log,
    start() {
      const worker = forkWorker({
        bundle: join(dist, "gateway/ble-worker.js"),
        radio: `virtual:${of.socket}`,
      });
      pids.push(worker.pid ?? 0);
      return worker;
    },
  });
  const scheduler = new Scheduler({
    clock: systemClock,
    radio,
    site: { now: (): Instant => systemClock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
    log,
  });
  scheduler.assign([{ charger: code, chip: of.chip, profile: 1, jamCode: derivedJamCode(of.chip) }]);
  const use = <T>(work: (session: ChargerSession) => Promise<T>): Promise<UseOutcome<T>> =>
    scheduler.use({ charger: code, urgency: "command", deadline: seconds(5), label: "test", work });
  return {
    reasons,
    pids,
    radio,
    use,
    served: () =>
      until(
        "the charger is served",
        () => use((s) => s.blink()),
        (outcome) => outcome.kind === "done" && outcome.value.kind === "ok",
        RECOVERY_MS,
      ),
    async close() {
      await scheduler.close();
      await radio.close();
    },
  };
}

/** Asks for what switches nothing, again and again, until enough has gone bad. Every answer comes. */
async function useWhileHostile(
  controller: HostileController,
  ask: () => Promise<unknown>,
): Promise<{ asked: number }> {
  const end = performance.now() + HOSTILE_MS;
  let asked = 0;
  controller.hostile = true;
  while (controller.spoilt < BAD_EVENTS && performance.now() < end) {
    await ask();
    asked += 1;
  }
  controller.hostile = false;
  return { asked };
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test.concurrent("noble: its process ends with a reason or goes on, and the gateway has its radio again", {
  timeout: HOSTILE_MS + 2 * RECOVERY_MS,
}, async ({ onTestFailed }) => {
  onTestFailed(() => console.log(`again: HOSTILE_SEED=${began} npx vitest run test/hostile/hosts.test.ts`));
  const sum = { told: 0, spoilt: 0, asked: 0, ended: 0 };
  const chargers: SimulatedCharger[] = [];
  const run = async (n: number): Promise<void> => {
    const chip = chipId(`H0571LE${String(n).padStart(5, "0")}`);
    chargers.push(await crowd.add(chip));
    const socket = join(folder, `noble-${n}`);
    const controller = await serveHostile(air, { socket, seed: began + n });
    const one = gateway({ chip, socket });
    try {
      await one.served();
      const { asked } = await useWhileHostile(controller, () => one.use((s) => s.ports()));
      await one.served();
      // Each that ended was replaced by one, for a reason, and is gone.
      await until(
        "the last one is up",
        () => one.radio.state === "up" && one.pids.length === one.reasons.length + 1,
        (so) => so,
        RECOVERY_MS,
      );
      expect(one.reasons.every((reason) => reason.length > 10)).toBe(true);
      expect(one.pids.map(alive)).toEqual([...one.reasons.map(() => false), true]);
      sum.told += controller.told;
      sum.spoilt += controller.spoilt;
      sum.asked += asked;
      sum.ended += one.reasons.length;
    } finally {
      await one.close();
      await controller.close();
    }
  };
  await Promise.all(Array.from({ length: GATEWAYS }, (_, n) => run(n)));
  // Nonsense is no command: no charger has switched a port on.
  for (const charger of chargers) {
    expect(charger.view().ports.map((p) => p.state)).toEqual(["free", "free", "free", "free"]);
  }
  expect(crowd.lost).toEqual([]);
  console.log(
    `hostile controllers under noble, seed ${began}: ${sum.spoilt} of ${sum.told} packets gone bad, ` +
      `${sum.asked} requests answered, ${sum.ended} processes ended with a reason`,
  );
  expect(sum.spoilt).toBeGreaterThan(GATEWAYS * 5);
});

test.concurrent("bleno: the charger's program goes on or ends with a line", {
  timeout: HOSTILE_MS + 2 * RECOVERY_MS,
}, async ({ onTestFailed }) => {
  onTestFailed(() => console.log(`again: HOSTILE_SEED=${began} npx vitest run test/hostile/hosts.test.ts`));
  const sum = { told: 0, spoilt: 0, ended: 0 };
  const run = async (n: number): Promise<void> => {
    const chip = chipId(`H0571LEB${String(n).padStart(4, "0")}`);
    const [good, bad] = [join(folder, `good-${n}`), join(folder, `bleno-${n}`)];
    const served = await serveH4(air, good);
    const controller = await serveHostile(air, { socket: bad, seed: began + 1000 + n });
    const one = gateway({ chip, socket: good });
    const lines: string[] = [];
    let child: ChildProcess | undefined;
    let control = "";
    const start = (): void => {
      const program = [join(dist, "firmware-sim/main.js"), "--chip", chip, "--radio", `virtual:${bad}`];
      child = spawn(process.execPath, [...program, "--control", "0"], {
        env: { PATH: process.env.PATH },
        stdio: ["ignore", "pipe", "pipe"],
      });
      for (const stream of [child.stdout, child.stderr]) {
        if (stream !== null)
          createInterface({ input: stream }).on("line", (l) => {
            lines.push(l);
            control = /control port on (\S+)/.exec(l)?.[1] ?? control;
          });
      }
    };
    const running = (): boolean => child?.exitCode === null && child.signalCode === null;
    const again = (): void => {
      if (running()) return;
      sum.ended += 1;
      // The line that says why.
      expect(lines.at(-1)).toMatch(/\S/);
      start();
    };
    try {
      start();
      await one.served();
      await useWhileHostile(controller, async () => {
        again();
        await one.use((s) => s.blink());
      });
      // What still runs says so: it does not hang.
      again();
      await until(
        "its control port answers",
        async () => (await fetch(`http://${control}/state`, { signal: AbortSignal.timeout(5000) })).ok,
        (ok) => ok,
        RECOVERY_MS,
      );
      sum.told += controller.told;
      sum.spoilt += controller.spoilt;
    } finally {
      await one.close();
      child?.kill("SIGKILL");
      await controller.close();
      await served.close();
    }
  };
  await Promise.all([0, 1].map(run));
  console.log(
    `hostile controllers under bleno, seed ${began}: ${sum.spoilt} of ${sum.told} packets gone bad, ` +
      `${sum.ended} processes ended with a line`,
  );
  expect(sum.spoilt).toBeGreaterThan(0);
});
