import { type Clock, type Instant, instant, millis } from "@bluepower/protocol/clock";

/** What a machine's wall clock shows: the world's time and whatever it is off. */
export class WallClock {
  readonly #world: Clock;
  readonly #steps: { at: number; by: number }[] = [];
  #off = 0;

  constructor(world: Clock) {
    this.#world = world;
  }

  now(): Instant {
    return instant(this.#world.now() + this.#off);
  }

  /** It is so many milliseconds ahead of the world's time from now on. */
  set(off: number): void {
    this.#steps.push({ at: this.#world.uptime(), by: off - this.#off });
    this.#off = off;
  }

  /** No battery: it wakes at the beginning of its time. */
  reset(): void {
    this.set(-this.#world.now());
  }

  /** By how much it has been set back, in all, since an uptime of the world. */
  setBackSince(uptime: number): number {
    const back = this.#steps.filter(({ at, by }) => at >= uptime && by < 0);
    return back.reduce((sum, { by }) => sum - by, 0);
  }
}

/** A clock whose crystal is off by so many millionths. Like a real timer's, its delays are whole milliseconds of the world. */
export function crystal(clock: Clock, ppm: number): Clock {
  const rate = 1 + ppm / 1e6;
  return {
    now: () => clock.now(),
    uptime: () => millis(clock.uptime() * rate),
    after: (delay, label, run) => clock.after(millis(Math.ceil(delay / rate)), label, run),
  };
}
