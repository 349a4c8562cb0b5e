import { type Clock, millis, type Timer } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { History } from "./worldHistory.ts";

const SOON = 1000;

/**
 * The rhythm of what goes wrong: each kind has draws of its own, comes again and again, and is mended after a time. Healed,
 * nothing goes wrong any more.
 */
export class WorldFaults {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #history: History;
  readonly #timers = new Map<string, Timer>();
  /** What mends the faults that are there. */
  readonly #mend = new Map<string, () => void>();
  #healed = false;

  constructor(of: { clock: Clock; random: Random; history: History }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.#history = of.history;
  }

  /** Makes a fault again and again, on average after `every`; `make` answers what it was done to, or undefined when nothing was. */
  repeat(kind: string, every: number, make: (random: Random) => string | undefined): void {
    const random = this.#random.fork(kind);
    const plan = (): void => {
      const timer = this.#clock.after(millis(1 + below(random, 2 * every)), `fault ${kind}`, () => {
        const made = make(random);
        if (made !== undefined) this.#history.fault(kind, made);
        plan();
      });
      this.#timers.set(kind, timer);
    };
    plan();
  }

  /** Mends a fault after a time; the same fault made again meanwhile lasts until then. */
  mendAfter(name: string, ms: number, mend: () => void): void {
    if (this.#mend.has(name)) return;
    this.#mend.set(name, mend);
    // Healed, nothing stays broken for long.
    const after = millis(1 + (this.#healed ? Math.min(ms, SOON) : ms));
    const timer = this.#clock.after(after, `mend ${name}`, () => {
      this.#mend.delete(name);
      this.#timers.delete(`mend ${name}`);
      mend();
    });
    this.#timers.set(`mend ${name}`, timer);
  }

  /** Nothing goes wrong any more, and what is broken is mended. */
  heal(): void {
    this.#healed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    for (const mend of this.#mend.values()) mend();
    this.#mend.clear();
  }
}
