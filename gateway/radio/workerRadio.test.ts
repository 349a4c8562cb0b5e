import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { instant, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId } from "@bluepower/protocol/units";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { FromWorker, ToWorker } from "../ble-worker/ipc.ts";
import type { ConnectOutcome } from "./radio.ts";
import type { WorkerProcess } from "./workerProcess.ts";
import { WorkerRadio } from "./workerRadio.ts";

const chip = chipId("A1B2C3D4E5F6");
const profile = chargerProfile(1) ?? expect.fail("profile 1 is missing");
const frame = Uint8Array.of(64, 38);

class ScriptedWorker implements WorkerProcess {
  readonly received: ToWorker[] = [];
  killed = false;
  readonly #clock: SimulatedClock;
  #message: (message: unknown) => void = () => {};
  #exit: (how: string) => void = () => {};

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  say(message: FromWorker | object): void {
    this.#message(message);
  }

  exit(how = "code 1"): void {
    this.#exit(how);
  }

  /** Comes up and says that it lives until told otherwise. */
  live(): void {
    this.say({ kind: "up", address: "02:b0:c0:00:00:01" });
    this.beat();
  }

  frozen = false;
  beat(): void {
    this.#clock.after(seconds(1), "beat", () => {
      if (this.frozen || this.killed) return;
      this.say({ kind: "heartbeat" });
      this.beat();
    });
  }

  send(message: ToWorker): void {
    this.received.push(message);
  }

  kill(): void {
    this.killed = true;
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#message = listener;
  }

  onExit(listener: (how: string) => void): void {
    this.#exit = listener;
  }

  onOutput(): void {}
}

function gateway() {
  const clock = new SimulatedClock(instant(0), () => new Promise((resolve) => setImmediate(resolve)));
  const workers: ScriptedWorker[] = [];
  const log: Record<string, unknown>[] = [];
  const radio = new WorkerRadio({
    clock,
    log: pino({ level: "trace" }, { write: (line: string) => log.push(JSON.parse(line)) }),
    start() {
      const worker = new ScriptedWorker(clock);
      workers.push(worker);
      return worker;
    },
  });
  const states: string[] = [];
  radio.onState((state, reason) => states.push(`${state}: ${reason}`));
  const worker = (): ScriptedWorker => workers.at(-1) ?? expect.fail("no worker was started");
  return { clock, radio, workers, worker, states, log };
}

/** A link over a worker that lives. */
async function linked() {
  const g = gateway();
  g.worker().live();
  const connecting = g.radio.connect(chip, profile);
  g.worker().say({ kind: "connected", request: 1, link: 7 });
  const outcome = await connecting;
  if (outcome.kind !== "connected") throw new Error(outcome.kind);
  return { ...g, link: outcome.link };
}

/** What became of a promise up to now. */
async function now<T>(promise: Promise<T>): Promise<T | "waiting"> {
  return Promise.race([promise, new Promise<"waiting">((resolve) => setImmediate(() => resolve("waiting")))]);
}

describe("the worker", () => {
  it("is up when it says so, and not asked for anything before", async () => {
    const { radio, worker, states } = gateway();
    expect(radio.state).toBe("down");
    expect(await radio.connect(chip, profile)).toEqual({
      kind: "radio_down",
      detail: "the Bluetooth process is starting",
    });
    worker().live();
    expect(radio.state).toBe("up");
    expect(states).toEqual(["up: adapter 02:b0:c0:00:00:01"]);
    expect(worker().received).toEqual([]);
  });

  it("that is silent for 5 s is killed and started anew, and everything that waited is answered", async () => {
    const { clock, radio, workers, worker, states, link } = await linked();
    const connecting = radio.connect(chip, profile);
    const writing = link.write(frame);
    const closing = link.close();
    worker().frozen = true;
    await clock.advance(seconds(4.9));
    expect(worker().killed).toBe(false);
    await clock.advance(seconds(1.2));
    expect(workers[0]?.killed).toBe(true);
    const reason = "the Bluetooth process was silent for 5 s";
    expect(await now(connecting)).toEqual({ kind: "radio_down", detail: reason });
    expect(await now(writing)).toBe("closed");
    expect(await now(link.closed)).toBe(reason);
    expect(await now(closing)).toBeUndefined();
    expect(link.open).toBe(false);
    expect(states.at(-1)).toBe(`down: ${reason}`);
    await clock.advance(seconds(1));
    expect(workers).toHaveLength(2);
    worker().live();
    expect(radio.state).toBe("up");
  });

  it("that ends is started anew with growing pauses; its own word is the reason", async () => {
    const { clock, workers, worker, radio } = gateway();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      worker().live();
      worker().say({ kind: "ending", reason: "the adapter does not answer" });
      worker().exit();
      expect(await radio.connect(chip, profile)).toMatchObject({ detail: "the adapter does not answer" });
      const ended = clock.uptime();
      const count = workers.length;
      await clock.runUntil(() => workers.length > count, seconds(100));
      pauses.push(clock.uptime() - ended);
    }
    expect(pauses).toEqual([500, 1000, 2000, 5000, 10_000, 30_000, 30_000, 30_000]);
  });

  it("that was well for a minute is started anew at once the next time", async () => {
    const { clock, workers, worker } = gateway();
    for (let i = 1; i <= 4; i++) {
      worker().exit();
      await clock.runUntil(() => workers.length > i, seconds(100));
    }
    worker().live();
    await clock.advance(seconds(61));
    expect(worker().killed).toBe(false);
    const count = workers.length;
    worker().exit();
    await clock.advance(millis(501));
    expect(workers.length).toBe(count + 1);
  });

  it("that lives but never comes up is killed", async () => {
    const { clock, workers, worker, log } = gateway();
    worker().beat();
    await clock.advance(seconds(15.1));
    expect(workers[0]?.killed).toBe(true);
    expect(log).toContainEqual(
      expect.objectContaining({ reason: "the adapter did not come up within 15 s", failures: 1 }),
    );
  });

  it("that cannot be started is tried again", async () => {
    const clock = new SimulatedClock(instant(0));
    let tries = 0;
    const radio = new WorkerRadio({
      clock,
      log: pino({ level: "silent" }),
      start() {
        tries += 1;
        throw new Error("no memory");
      },
    });
    await clock.advance(seconds(4));
    expect(tries).toBe(4);
    expect(await radio.connect(chip, profile)).toEqual({
      kind: "radio_down",
      detail: "the Bluetooth process cannot be started: no memory",
    });
    await radio.close();
  });

  it("that was replaced is not listened to any more", async () => {
    const { clock, radio, workers, worker } = gateway();
    worker().live();
    worker().exit();
    await clock.advance(seconds(1));
    workers[0]?.say({ kind: "up", address: "of the past" });
    workers[0]?.exit();
    expect(radio.state).toBe("down");
    expect(workers).toHaveLength(2);
  });

  it("may say nonsense: it is logged and passed over", async () => {
    const { radio, worker, log } = gateway();
    worker().live();
    worker().say({ kind: "sighting", chip: "?", rssi: "loud" });
    worker().say({ kind: "closed", link: 99, reason: "nobody's" });
    worker().say({ kind: "written", request: 99, outcome: "written" });
    expect(radio.state).toBe("up");
    expect(log).toContainEqual(
      expect.objectContaining({ msg: "a message of the Bluetooth process was not understood" }),
    );
  });

  it("is stopped in order, or by force after 3 s, and not started anew", async () => {
    for (const obeys of [true, false]) {
      const { clock, radio, worker, workers } = gateway();
      worker().live();
      const closing = radio.close();
      expect(worker().received).toEqual([{ kind: "stop" }]);
      if (obeys) worker().exit("code 0");
      await clock.advance(seconds(60));
      expect(await now(closing)).toBeUndefined();
      expect(worker().killed).toBe(!obeys);
      expect(workers).toHaveLength(1);
      expect(await radio.connect(chip, profile)).toMatchObject({ kind: "radio_down" });
    }
  });
});

describe("a request", () => {
  const outcomes: ConnectOutcome[] = [
    { kind: "absent" },
    { kind: "limit" },
    { kind: "failed", step: "subscribe", detail: "no" },
  ];
  for (const failure of outcomes) {
    it(`to connect may end as ${failure.kind}`, async () => {
      const { radio, worker } = gateway();
      worker().live();
      const connecting = radio.connect(chip, profile);
      expect(worker().received).toEqual([
        { kind: "connect", request: 1, chip, profile: { service: "ffe0", write: "ffe1", notify: "ffe2" } },
      ]);
      worker().say({ kind: "not_connected", request: 1, failure });
      expect(await connecting).toEqual(failure);
    });
  }

  it("to connect can be cancelled, and what comes too late is closed again", async () => {
    const { clock, radio, worker } = gateway();
    worker().live();
    const cancel = new AbortController();
    const connecting = radio.connect(chip, profile, cancel.signal);
    cancel.abort();
    expect(worker().received.at(-1)).toEqual({ kind: "cancel", request: 1 });
    worker().say({ kind: "not_connected", request: 1, failure: { kind: "cancelled" } });
    expect(await connecting).toEqual({ kind: "cancelled" });
    worker().say({ kind: "connected", request: 1, link: 9 });
    expect(worker().received.at(-1)).toEqual({ kind: "close", link: 9 });
    expect(await radio.connect(chip, profile, cancel.signal)).toEqual({ kind: "cancelled" });
    await clock.advance(seconds(60));
    expect(worker().killed).toBe(false);
  });

  const unanswered = {
    connect: { after: 25, ask: (g: Awaited<ReturnType<typeof linked>>) => g.radio.connect(chip, profile) },
    write: { after: 5, ask: (g: Awaited<ReturnType<typeof linked>>) => g.link.write(frame) },
    close: { after: 5, ask: (g: Awaited<ReturnType<typeof linked>>) => g.link.close() },
  };
  for (const [name, { after, ask }] of Object.entries(unanswered)) {
    it(`to ${name} that a living worker does not answer within ${after} s is its end`, async () => {
      const g = await linked();
      const asking: Promise<unknown> = ask(g);
      await g.clock.advance(seconds(after - 0.1));
      expect(g.workers[0]?.killed).toBe(false);
      await g.clock.advance(seconds(0.2));
      expect(g.workers[0]?.killed).toBe(true);
      expect(await now(asking)).not.toBe("waiting");
    });
  }
});

describe("a link", () => {
  it("carries bytes both ways until it is closed", async () => {
    const { worker, link } = await linked();
    const heard: Uint8Array[] = [];
    link.onBytes((bytes) => heard.push(bytes));
    const writing = link.write(frame);
    expect(worker().received.at(-1)).toEqual({ kind: "write", request: 2, link: 7, bytes: frame });
    worker().say({ kind: "written", request: 2, outcome: "written" });
    expect(await writing).toBe("written");
    worker().say({ kind: "bytes", link: 7, bytes: frame });
    worker().say({ kind: "closed", link: 7, reason: "the charger ended it" });
    worker().say({ kind: "bytes", link: 7, bytes: frame });
    expect(heard).toEqual([frame]);
    expect(await link.closed).toBe("the charger ended it");
    expect(await link.write(frame)).toBe("closed");
    await link.close();
    expect(worker().received.filter((m) => m.kind === "close")).toEqual([]);
  });

  it("has at most 16 writes under way", async () => {
    const { link, worker } = await linked();
    const writes = Array.from({ length: 17 }, () => link.write(frame));
    expect(await now(writes[16] ?? expect.fail())).toBe("closed");
    expect(worker().received.filter((m) => m.kind === "write")).toHaveLength(16);
  });
});
