import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import type { Clock, Instant, Millis } from "@bluepower/protocol/clock";
import { instant, seconds } from "@bluepower/protocol/clock";
import { chargerTime, instantOf, parseChargerTime, wallTime } from "@bluepower/protocol/siteTime";

/**
 * A reading of a wall clock without a zone, counted as if the wall hung in UTC. The charger knows no zones: it
 * shows what STIME told it, and runs on.
 */
export type WallReading = Instant;

/** `000101000000`: what the clock shows at power-up, because it has no battery (spec 1). */
const INITIAL: WallReading = instant(946_684_800_000);

/** A set command's timestamp may be this far from the charger's clock (spec 1). */
export const TIMESTAMP_TOLERANCE = seconds(120);

/** The charger's own clock. It runs at the speed of real time and never reads the wall time of the machine. */
export class ChargerClock {
  readonly #clock: Clock;
  readonly #zone: string;
  readonly #form: ChargerProfile["timestamp"];
  #base: WallReading = INITIAL;
  #since: Millis;
  #set = false;

  constructor(of: { clock: Clock; zone: string; form: ChargerProfile["timestamp"] }) {
    this.#clock = of.clock;
    this.#zone = of.zone;
    this.#form = of.form;
    this.#since = of.clock.uptime();
  }

  get isSet(): boolean {
    return this.#set;
  }

  /** `YYMMDDHHMMSS`, running also while it is not set. */
  text(): string {
    return chargerTime(wallTime(this.#reading(), "UTC"));
  }

  set(to: WallReading): void {
    this.#base = to;
    this.#since = this.#clock.uptime();
    this.#set = true;
  }

  /** Power came back. */
  reset(): void {
    this.set(INITIAL);
    this.#set = false;
  }

  /** True when the clock is set and `at` is within the tolerance of what it shows. */
  accepts(at: WallReading): boolean {
    return this.#set && near(at, this.#reading());
  }

  /** A timestamp of a set command in the profile's form; undefined when it is none. */
  readTimestamp(text: string): WallReading | undefined {
    if (this.#form === "site") return readWall(text);
    if (!/^[0-9]{9,11}$/.test(text)) return undefined;
    return instantOf(wallTime(instant(Number(text) * 1000), this.#zone), "UTC");
  }

  /** Whole seconds, as the charger counts. */
  #reading(): WallReading {
    const passed = this.#clock.uptime() - this.#since;
    return instant(Math.floor((this.#base + passed) / 1000) * 1000);
  }
}

/** `YYMMDDHHMMSS` as a reading; undefined when there is no such date. */
export function readWall(text: string): WallReading | undefined {
  const wall = parseChargerTime(text);
  return wall === undefined ? undefined : instantOf(wall, "UTC");
}

export const near = (a: WallReading, b: WallReading): boolean => Math.abs(a - b) <= TIMESTAMP_TOLERANCE;
