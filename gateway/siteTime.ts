import { type Clock, type Instant, instant, seconds } from "@bluepower/protocol/clock";
import type { SiteTime as ChargersTime } from "./chargers/chargers.ts";
import type { Store } from "./store/store.ts";
import type { CloudTime } from "./uplink/cloudTime.ts";

/** A charger that this gateway has set itself shows no more than the gateway knows. */
const AHEAD = seconds(20);

/**
 * What time it is on the site, by the best source there is: the cloud's time on the monotonic clock, else a wall clock
 * that is known to be synchronised, else a wall clock that is at least not before what was known earlier, or a charger's
 * that is ahead of it: a gateway without clock battery wakes in the past, and the chargers may have run on.
 */
export class SiteTime implements ChargersTime {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #cloud: CloudTime;
  readonly #wallIsSynced: () => boolean;
  readonly #zone: () => string;
  readonly #floor: number;

  constructor(of: {
    clock: Clock;
    store: Store;
    cloud: CloudTime;
    /** Whether the operating system says that its clock is synchronised. */
    wallIsSynced: () => boolean;
    zone: () => string;
  }) {
    this.#clock = of.clock;
    this.#store = of.store;
    this.#cloud = of.cloud;
    this.#wallIsSynced = of.wallIsSynced;
    this.#zone = of.zone;
    this.#floor = of.store.timeFloor();
    of.cloud.onChange(() => this.correct());
  }

  now(): Instant {
    return instant(Math.floor(this.#epoch() + this.#clock.uptime()));
  }

  synced(): boolean {
    return this.#cloud.known || this.#wallIsSynced();
  }

  zone(): string {
    return this.#zone();
  }

  /** The times of this boot are a charger's from here on, until somebody vouches for better ones. */
  chargerShows(time: Instant): void {
    if (this.synced() || time <= this.now() + AHEAD) return;
    const { boots } = this.#store;
    this.#store.write(() => boots.correct(time - this.#clock.uptime(), "charger"));
  }

  /** Corrects the times of everything that this boot has written, when the time has become known or was set. */
  correct(): void {
    const quality = this.synced() ? "synced" : "unknown";
    // A wall clock that nobody vouches for corrects nothing.
    if (quality === "unknown") return;
    const { boots } = this.#store;
    const epoch = this.#epoch();
    if (boots.differs(epoch, quality)) this.#store.write(() => boots.correct(epoch, quality));
  }

  /** Wall time less uptime. */
  #epoch(): number {
    const cloud = this.#cloud.offset();
    if (cloud !== undefined) return cloud;
    const uptime = this.#clock.uptime();
    const wall = this.#clock.now() - uptime;
    if (this.#wallIsSynced()) return wall;
    return Math.max(wall, this.#floor - uptime, this.#store.boots.epoch);
  }
}

const zones = new Map<string, boolean>();

/** Whether the platform knows an IANA zone. */
export function isZone(zone: string): boolean {
  let known = zones.get(zone);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: zone });
      known = true;
    } catch {
      known = false;
    }
    zones.set(zone, known);
  }
  return known;
}
