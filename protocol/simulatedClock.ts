import type { Clock, Instant, Millis, Timer } from "./clock.ts";

interface Due {
  at: number;
  sequence: number;
  label: string;
  run: () => void | Promise<void>;
}

/**
 * Simulated time: a queue ordered by (at, sequence). Nothing runs until `advance` or `runUntil` is
 * called; one macrotask passes after each timer, so that promises (also a database driver's) settle before
 * time goes on and the same program gives the same history.
 */
export class SimulatedClock implements Clock {
  #uptime = 0;
  #wallOffset: number;
  #sequence = 0;
  #queue: Due[] = [];
  readonly #macrotask: () => Promise<void>;

  /** `macrotask` resolves after one turn of the event loop; the default is a zero timer of the platform. */
  constructor(start: Instant, macrotask: () => Promise<void> = platformMacrotask) {
    this.#wallOffset = start;
    this.#macrotask = macrotask;
  }

  /** Whole milliseconds, like a real one's, also where a timer fell due between two. */
  now(): Instant {
    return Math.floor(this.#wallOffset + this.#uptime) as Instant;
  }

  uptime(): Millis {
    return this.#uptime as Millis;
  }

  /** Wall time jumps, as when NTP corrects it; timers are not touched. */
  jump(by: Millis): void {
    this.#wallOffset += by;
  }

  after(delay: Millis, label: string, run: () => void | Promise<void>): Timer {
    const due: Due = { at: this.#uptime + Math.max(0, delay), sequence: this.#sequence++, label, run };
    this.#queue.splice(this.#place(due), 0, due);
    return {
      cancel: () => {
        const at = this.#place(due);
        if (this.#queue[at] === due) this.#queue.splice(at, 1);
      },
    };
  }

  /** Where it stands in the queue, or would. */
  #place({ at, sequence }: Due): number {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle] as Due;
      if (other.at < at || (other.at === at && other.sequence < sequence)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Labels of what waits, the earliest first. */
  pending(): string[] {
    return this.#queue.map((d) => d.label);
  }

  /** Lets `by` pass and runs what falls due, in order. */
  async advance(by: Millis): Promise<void> {
    const end = this.#uptime + by;
    await this.#macrotask();
    for (let due = this.#queue[0]; due !== undefined && due.at <= end; due = this.#queue[0]) {
      this.#queue.shift();
      this.#uptime = Math.max(this.#uptime, due.at);
      void due.run();
      await this.#macrotask();
    }
    this.#uptime = end;
    await this.#macrotask();
  }

  /** Runs timers until `condition` holds; throws when `limit` of simulated time has passed before. */
  async runUntil(condition: () => boolean, limit: Millis): Promise<void> {
    const end = this.#uptime + limit;
    await this.#macrotask();
    while (!condition()) {
      const due = this.#queue[0];
      if (due === undefined || due.at > end) {
        throw new Error(
          `the condition did not hold within ${limit} ms of simulated time; waiting: ${this.pending().join(", ") || "nothing"}`,
        );
      }
      this.#queue.shift();
      this.#uptime = Math.max(this.#uptime, due.at);
      void due.run();
      await this.#macrotask();
    }
  }
}

const platformMacrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
