import type { PortReading } from "@bluepower/protocol/charger/frames";
import type { Clock, Millis, Timer } from "@bluepower/protocol/clock";
import { millis } from "@bluepower/protocol/clock";
import type { SavedPort } from "./saved.ts";

/** `leftMs` is time of the countdown, which runs `speed` times faster than real time, from `since` on. */
type Port = { state: "free" } | { state: "damaged" } | { state: "running"; leftMs: number; since: Millis };

/** Why a port changed. */
export type PortCause = "started" | "stopped" | "ran out" | "damaged" | "repaired";

const MINUTE_MS = 60_000;

/**
 * The sockets and their countdown. It is monotonic: neither the machine's wall time nor STIME touches it, and it
 * stands still without power.
 */
export class Ports {
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #changed: (port: number, cause: PortCause) => void;
  #ports: Port[];
  #powered = true;
  #end: Timer | undefined;

  /** `changed` is called after a port has changed, with its number. */
  constructor(of: {
    count: number;
    clock: Clock;
    speed: number;
    saved: readonly SavedPort[];
    changed: (port: number, cause: PortCause) => void;
  }) {
    this.#clock = of.clock;
    this.#speed = of.speed;
    this.#changed = of.changed;
    this.#ports = Array.from({ length: of.count }, (_, i): Port => {
      const saved = of.saved[i] ?? { state: "free" };
      return saved.state === "running" ? { ...saved, since: of.clock.uptime() } : saved;
    });
    this.#awaitEnd();
  }

  get count(): number {
    return this.#ports.length;
  }

  /** Minutes are rounded up, so a running port never reads 0. */
  readings(): PortReading[] {
    this.#settle();
    return this.#ports.map((p, i): PortReading => {
      const port = i + 1;
      if (p.state !== "running") return { port, state: p.state };
      return { port, state: "running", minutesLeft: Math.ceil(this.#left(p) / MINUTE_MS) };
    });
  }

  saved(): SavedPort[] {
    this.#settle();
    return this.#ports.map((p) =>
      p.state === "running" ? { state: "running", leftMs: this.#left(p) } : { state: p.state },
    );
  }

  /** False when there is no such port, or it is busy or damaged. */
  start(port: number, minutes: number): boolean {
    this.#settle();
    if (this.#ports[port - 1]?.state !== "free") return false;
    this.#put(
      port,
      { state: "running", leftMs: minutes * MINUTE_MS, since: this.#clock.uptime() },
      "started",
    );
    return true;
  }

  /** False when there is no such port, or it is damaged; a free port is off already. */
  stop(port: number): boolean {
    this.#settle();
    const state = this.#ports[port - 1]?.state;
    if (state === "running") this.#put(port, { state: "free" }, "stopped");
    return state === "running" || state === "free";
  }

  /** Damage ends a charge; what was left of it does not come back with the repair. */
  setDamaged(port: number, damaged: boolean): void {
    this.#settle();
    const state = this.#ports[port - 1]?.state;
    if (state === undefined || (state === "damaged") === damaged) return;
    this.#put(port, { state: damaged ? "damaged" : "free" }, damaged ? "damaged" : "repaired");
  }

  setPowered(powered: boolean): void {
    if (powered === this.#powered) return;
    this.#settle();
    const now = this.#clock.uptime();
    this.#ports = this.#ports.map((p) =>
      p.state === "running" ? { ...p, leftMs: this.#left(p), since: now } : p,
    );
    this.#powered = powered;
    this.#awaitEnd();
  }

  #left(p: { leftMs: number; since: Millis }): number {
    return this.#powered ? p.leftMs - (this.#clock.uptime() - p.since) * this.#speed : p.leftMs;
  }

  #put(port: number, to: Port, cause: PortCause): void {
    this.#ports[port - 1] = to;
    this.#awaitEnd();
    this.#changed(port, cause);
  }

  /** Frees what has run out. The timer may come late: whoever looks before it sees the port free already. */
  #settle(): void {
    for (const [i, p] of this.#ports.entries()) {
      if (p.state === "running" && this.#left(p) <= 0) this.#put(i + 1, { state: "free" }, "ran out");
    }
  }

  #awaitEnd(): void {
    this.#end?.cancel();
    this.#end = undefined;
    if (!this.#powered) return;
    const left = this.#ports.flatMap((p) => (p.state === "running" ? [this.#left(p)] : []));
    if (left.length === 0) return;
    // A timer of whole milliseconds may fire a moment before the end: it is then set once more.
    const delay = millis(Math.max(1, Math.ceil(Math.min(...left) / this.#speed)));
    this.#end = this.#clock.after(delay, "end of a charge", () => {
      this.#settle();
      this.#awaitEnd();
    });
  }
}
