import type { Clock, Instant } from "@bluepower/protocol/clock";
import type { Quality } from "@bluepower/protocol/uplink/messages";
import type { Sqlite } from "./database.ts";

/** A point in time as the gateway itself can tell it: milliseconds of the monotonic clock of one run of the program. */
export interface Moment {
  boot: number;
  uptime: number;
}

interface Boot {
  boot: number;
  begun: number;
  ran: number;
  base: number;
  epoch: number;
  quality: Quality;
}

/** A correction smaller than this is not worth a write: the estimate moves by milliseconds with each message. */
const EPOCH_TOLERANCE = 500;

const KEEP_BOOTS = 10_000;

/**
 * The runs of the program on one time line. The wall time of a moment follows from its boot's epoch, so that one
 * row corrects all moments of a boot when the time becomes known.
 */
export class Boots {
  readonly #clock: Clock;
  readonly #current: Boot;
  readonly #write;
  readonly #read;
  readonly #trim;

  constructor(db: Sqlite, clock: Clock, floor: number) {
    this.#clock = clock;
    const last = db.prepare<[], Boot>("select * from boot order by boot desc limit 1").get();
    const begun = Math.floor(clock.uptime());
    this.#current = {
      boot: (last?.boot ?? 0) + 1,
      begun,
      ran: begun,
      base: last === undefined ? 0 : last.base + last.ran - last.begun,
      // A Raspberry Pi wakes with an old time: it is later than all that was known before.
      epoch: Math.max(clock.now(), floor) - begun,
      quality: "unknown",
    };
    this.#write = db.prepare<[Boot]>(
      `insert into boot (boot, begun, ran, base, epoch, quality) values (@boot, @begun, @ran, @base, @epoch, @quality)
       on conflict (boot) do update set ran = excluded.ran, epoch = excluded.epoch, quality = excluded.quality`,
    );
    this.#read = db.prepare<[number], Boot>("select * from boot where boot = ?");
    this.#trim = db.prepare<[number]>("delete from boot where boot <= ?");
    this.#write.run(this.#current);
  }

  /** Number of this run, counted from 1. */
  get number(): number {
    return this.#current.boot;
  }

  now(): Moment {
    return { boot: this.#current.boot, uptime: Math.floor(this.#clock.uptime()) };
  }

  /** Milliseconds since this run began. */
  running(): number {
    return this.#clock.uptime() - this.#current.begun;
  }

  get quality(): Quality {
    return this.#current.quality;
  }

  /** Wall time of uptime 0 of this run, as far as is known. */
  get epoch(): number {
    return this.#current.epoch;
  }

  /** Whether a time is worth a correction; `epoch` is wall time less uptime. */
  differs(epoch: number, quality: Quality): boolean {
    return quality !== this.#current.quality || Math.abs(epoch - this.#current.epoch) >= EPOCH_TOLERANCE;
  }

  /** Corrects all moments of this run, inside a transaction. */
  correct(epoch: number, quality: Quality): void {
    const corrected = { ...this.#current, epoch: Math.round(epoch), quality };
    this.#write.run(corrected);
    Object.assign(this.#current, corrected);
  }

  /** Writes how long this run has lasted: the age of journal entries is measured in time run, not in wall time. */
  keep(): void {
    this.#current.ran = Math.floor(this.#clock.uptime());
    this.#write.run(this.#current);
  }

  /** A program that is started over and over leaves no more rows than this. */
  trim(): void {
    this.#trim.run(this.#current.boot - KEEP_BOOTS);
  }

  /** Wall time of a moment, epoch ms, and how far it can be trusted. */
  wall(moment: Moment): { at: Instant; quality: Quality } {
    const boot = this.#of(moment);
    const epoch = boot?.epoch ?? this.#current.epoch;
    return { at: Math.max(0, epoch + moment.uptime) as Instant, quality: boot?.quality ?? "unknown" };
  }

  /** Milliseconds since a moment; undefined when it lies in another run and one of the two times is not trusted. */
  elapsed(since: Moment): number | undefined {
    if (since.boot === this.#current.boot) return Math.max(0, this.#clock.uptime() - since.uptime);
    const then = this.wall(since);
    if (then.quality !== "synced" || this.#current.quality !== "synced") return undefined;
    return Math.max(0, this.#current.epoch + this.#clock.uptime() - then.at);
  }

  /** Milliseconds that have passed at least since a moment: the time that the program has run. */
  elapsedAtLeast(since: Moment): number {
    return this.elapsed(since) ?? this.running();
  }

  /** Milliseconds the program has run up to a moment, over all runs. */
  operated(moment: Moment = this.now()): number {
    const boot = this.#of(moment);
    return boot === undefined ? 0 : boot.base + moment.uptime - boot.begun;
  }

  #of(moment: Moment): Boot | undefined {
    return moment.boot === this.#current.boot ? this.#current : this.#read.get(moment.boot);
  }
}
