import type { Clock } from "@bluepower/protocol/clock";

/** A question that took longer than this to be answered says too little about the time. */
const ROUND_TRIP_MAX = 10_000;
/** What a crystal may be off, a part of the time since the last answer. */
const DRIFT = 200e-6;

/** Cloud time less uptime lies between the two; `at` is the uptime when that was known. */
interface Bounds {
  low: number;
  high: number;
  at: number;
}

/**
 * The gateway's estimate of cloud time, kept on the monotonic clock (spec 4, "Sync"): the wall clock may jump as it
 * likes. Only an answer to a question of this run makes an estimate: what lay in a queue for an hour proves nothing.
 */
export class CloudTime {
  readonly #clock: Clock;
  #bounds: Bounds | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get known(): boolean {
    return this.#bounds !== undefined;
  }

  /** The cloud said `sentAt` (epoch ms) in an answer to what was asked at `askedAt` (uptime). */
  answered(sentAt: number, askedAt: number): void {
    const now = this.#clock.uptime();
    if (now - askedAt > ROUND_TRIP_MAX || now < askedAt) return;
    const fresh = { low: sentAt - now, high: sentAt - askedAt, at: now };
    const old = this.#current();
    const both = old && { low: Math.max(old.low, fresh.low), high: Math.min(old.high, fresh.high), at: now };
    // Without overlap the cloud's clock was set: the newer answer holds.
    this.#bounds = both !== undefined && both.low <= both.high ? both : fresh;
    for (const listener of this.#listeners) listener();
  }

  /** The cloud said `sentAt` unasked: its time is at least that. */
  heard(sentAt: number): void {
    const bounds = this.#current();
    if (bounds === undefined) return;
    const low = sentAt - bounds.at;
    if (low > bounds.low) this.#bounds = { ...bounds, low, high: Math.max(low, bounds.high) };
  }

  /** Cloud time less uptime, ms: the middle of what is possible. Undefined before the first answer. */
  offset(): number | undefined {
    const bounds = this.#current();
    return bounds && (bounds.low + bounds.high) / 2;
  }

  /** Past as soon as it may be past: what is late must not switch power on. */
  judge(deadline: number): "open" | "past" | "unknown" {
    const bounds = this.#current();
    if (bounds === undefined) return "unknown";
    return this.#clock.uptime() + bounds.high >= deadline ? "past" : "open";
  }

  /** Milliseconds until a deadline is past, at least 0; undefined before the first answer. */
  until(deadline: number): number | undefined {
    const bounds = this.#current();
    return bounds && Math.max(0, deadline - (this.#clock.uptime() + bounds.high));
  }

  #current(): Bounds | undefined {
    if (this.#bounds === undefined) return undefined;
    const at = this.#clock.uptime();
    const drift = (at - this.#bounds.at) * DRIFT;
    return { low: this.#bounds.low - drift, high: this.#bounds.high + drift, at };
  }
}
