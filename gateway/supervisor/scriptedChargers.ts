import type { PortReading } from "@bluepower/protocol/charger/frames";
import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import type { DeviceCode, Minutes, PortNo } from "@bluepower/protocol/units";
import type { Answer, ChargerConfig, ChargerSession, Chargers, UseOutcome } from "../chargers/chargers.ts";

type CommandName = "ports" | "time" | "powerOn" | "powerOff" | "blink";
/** What goes wrong with the next command of a kind, before or after the charger has carried it out. */
export type Fault =
  | { on: CommandName; what: "lose_reply" | "drop_after" | "lose_request" | "drop_before" }
  | { on: CommandName; what: "refuse"; result: 1 | 2 | 3 }
  /** Carried out at once and answered late, or the other way round. */
  | { on: CommandName; what: "late_reply" | "late_request"; ms: number }
  /** Called when the charger has carried the command out, before the answer is on its way. */
  | { on: CommandName; what: "meanwhile"; run: () => void };

/** One charger of a test: four ports that count down, and what goes wrong with it. It outlives the program. */
export class ScriptedCharger {
  readonly #clock: Clock;
  /** Minutes counted per minute. */
  speed = 1;
  reachable = true;
  powered = true;
  readonly #ends = new Map<number, number>();
  readonly damaged = new Set<number>();
  readonly faults: Fault[] = [];
  /** Commands that were carried out, in order. */
  readonly done: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ports(): PortReading[] {
    return [1, 2, 3, 4].map((port) => {
      if (this.damaged.has(port)) return { port, state: "damaged" };
      const left = this.#left(port);
      return left > 0 ? { port, state: "running", minutesLeft: Math.ceil(left) } : { port, state: "free" };
    });
  }

  runs(port: number): boolean {
    return this.powered && !this.damaged.has(port) && this.#left(port) > 0;
  }

  /** As somebody with a phone, or the gateway, does it. */
  on(port: number, minutes: number): boolean {
    if (this.damaged.has(port) || this.#left(port) > 0) return false;
    this.#ends.set(port, this.#clock.uptime() + (minutes * 60_000) / this.speed);
    return true;
  }

  off(port: number): boolean {
    if (this.damaged.has(port)) return false;
    this.#ends.delete(port);
    return true;
  }

  /** Without power it keeps what is left. */
  powerCut(): () => void {
    const left = new Map([...this.#ends].map(([port, end]) => [port, end - this.#clock.uptime()]));
    this.powered = false;
    this.reachable = false;
    // Nothing counts, however long it takes.
    for (const [port, span] of left) this.#ends.set(port, Number.MAX_SAFE_INTEGER + span);
    return () => {
      for (const [port, span] of left) this.#ends.set(port, this.#clock.uptime() + span);
      this.powered = true;
      this.reachable = true;
    };
  }

  #left(port: number): number {
    const end = this.#ends.get(port);
    return end === undefined ? 0 : ((end - this.#clock.uptime()) * this.speed) / 60_000;
  }
}

/** Time of a command on the air. */
const LATENCY = millis(20);
const NO_REPLY = millis(3000);
const ATTEMPT = millis(200);

/** The radio side of one run of the program, over chargers that outlive it. */
export class ScriptedChargers implements Chargers {
  readonly #clock: Clock;
  readonly #chargers: Map<string, ScriptedCharger>;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #presence: Parameters<Chargers["onPresence"]>[0][] = [];
  readonly #powerCuts: ((charger: DeviceCode) => void)[] = [];
  readonly #misconfigured: ((charger: DeviceCode, detail: string) => void)[] = [];
  assigned: readonly ChargerConfig[] = [];
  /** The program was killed: nothing reaches a charger any more, and nothing comes back. */
  dead = false;

  constructor(clock: Clock, chargers: Map<string, ScriptedCharger>) {
    this.#clock = clock;
    this.#chargers = chargers;
  }

  assign(chargers: readonly ChargerConfig[]): void {
    this.assigned = chargers;
  }

  use<T>(
    job: Parameters<Chargers["use"]>[0] & { work: (session: ChargerSession) => Promise<T> },
  ): Promise<UseOutcome<T>> {
    if (this.dead) return new Promise(() => {});
    const deadline = this.#clock.uptime() + job.deadline;
    const before = this.#busy.get(job.charger) ?? Promise.resolve();
    const outcome = before.then(() => this.#run(job, deadline));
    this.#busy.set(
      job.charger,
      outcome.then(
        () => undefined,
        () => undefined,
      ),
    );
    return outcome;
  }

  onPresence(listener: Parameters<Chargers["onPresence"]>[0]): void {
    this.#presence.push(listener);
  }

  onPowerCut(listener: (charger: DeviceCode) => void): void {
    this.#powerCuts.push(listener);
  }

  onMisconfigured(listener: (charger: DeviceCode, detail: string) => void): void {
    this.#misconfigured.push(listener);
  }

  status(charger: DeviceCode) {
    const present = this.#chargers.get(charger)?.reachable === true;
    const problem = present ? null : "it has not been heard";
    return { present, linked: present, rssi: -60, lastAnswer: null, problem };
  }

  /** The charger is heard again, or lost. */
  present(charger: DeviceCode, present: boolean): void {
    for (const listener of this.#presence) listener({ charger, present, rssi: -60, reason: "scripted" });
  }

  /** A new link finds the clock unset. */
  powerCutSeen(charger: DeviceCode): void {
    for (const listener of this.#powerCuts) listener(charger);
  }

  async #run<T>(
    job: { charger: DeviceCode; work: (session: ChargerSession) => Promise<T> },
    deadline: number,
  ): Promise<UseOutcome<T>> {
    const charger = this.#chargers.get(job.charger);
    const assigned = this.assigned.some((c) => c.charger === job.charger);
    while (charger === undefined || !assigned || !charger.reachable) {
      if (!assigned || this.#clock.uptime() >= deadline)
        return { kind: "unreachable", detail: "it has not been heard" };
      await wait(this.#clock, millis(Math.min(ATTEMPT, deadline - this.#clock.uptime())), "scripted attempt");
      if (this.dead) return await new Promise(() => {});
    }
    const value = await job.work(this.#session(charger, deadline));
    return this.dead ? await new Promise(() => {}) : { kind: "done", value };
  }

  #session(charger: ScriptedCharger, deadline: number): ChargerSession {
    let open = true;
    const command = async <T>(name: CommandName, act: () => T | 1): Promise<Answer<T>> => {
      if (this.dead) return await new Promise(() => {});
      if (!open || !charger.reachable || this.#clock.uptime() >= deadline) return { kind: "closed" };
      const at = charger.faults.findIndex((f) => f.on === name);
      const fault = at < 0 ? undefined : charger.faults.splice(at, 1)[0];
      if (fault?.what === "drop_before" || fault?.what === "drop_after" || fault?.what === "lose_reply")
        open = false;
      await wait(this.#clock, LATENCY, "scripted command");
      if (fault?.what === "late_request") await wait(this.#clock, millis(fault.ms), "scripted delay");
      if (fault?.what === "drop_before") return { kind: "closed" };
      if (fault?.what === "refuse") return { kind: "refused", result: fault.result };
      let value: T | 1 = 1;
      if (fault?.what !== "lose_request") {
        value = act();
        charger.done.push(name);
      }
      if (fault?.what === "meanwhile") fault.run();
      if (fault?.what === "late_reply") await wait(this.#clock, millis(fault.ms), "scripted delay");
      // What the charger does, it does; the program that asked may be gone.
      if (this.dead) return await new Promise(() => {});
      if (fault?.what === "drop_after") return { kind: "closed" };
      if (fault?.what === "lose_reply" || fault?.what === "lose_request") {
        open = false;
        await wait(this.#clock, NO_REPLY, "scripted silence");
        return { kind: "no_reply" };
      }
      return value === 1 ? { kind: "refused", result: 1 } : { kind: "ok", value };
    };
    const done = (yes: boolean): null | 1 => (yes ? null : 1);
    return {
      ports: () => command("ports", () => charger.ports()),
      time: () => command("time", () => "261122103000"),
      powerOn: (port: PortNo, minutes: Minutes) => command("powerOn", () => done(charger.on(port, minutes))),
      powerOff: (port: PortNo) => command("powerOff", () => done(charger.off(port))),
      blink: () => command("blink", () => null),
    };
  }
}
