import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Instant, instant, type Millis, seconds } from "@bluepower/protocol/clock";
import { chargerTime, instantOf, parseChargerTime, wallTime } from "@bluepower/protocol/siteTime";

/** A clock nobody has set runs from 2000-01-01 00:00:00; one that was set shows the present century's later years. */
const SET_SINCE = instantOf({ year: 2001, month: 1, day: 1, hour: 0, minute: 0, second: 0 }, "UTC") ?? 0;

/**
 * A charger's own clock, as last read or set: `YYMMDDHHMMSS` on its face. It is counted on without zone, as the charger does,
 * and on the monotonic clock, so that a jump of ours does not move it.
 */
export class ChargerClock {
  readonly #clock: Clock;
  #face: { shown: Instant; at: Millis };

  private constructor(clock: Clock, shown: Instant) {
    this.#clock = clock;
    this.#face = { shown, at: clock.uptime() };
  }

  /** Undefined when the text is no time. */
  static read(clock: Clock, text: string): ChargerClock | undefined {
    const wall = parseChargerTime(text);
    const shown = wall === undefined ? undefined : instantOf(wall, "UTC");
    return shown === undefined ? undefined : new ChargerClock(clock, shown);
  }

  /** What it shows now, as if its face were UTC. */
  #shown(): Instant {
    return instant(this.#face.shown + this.#clock.uptime() - this.#face.at);
  }

  get unset(): boolean {
    return this.#shown() < SET_SINCE;
  }

  /** The instant that it shows, read in the site's zone. */
  time(zone: string): Instant {
    const shown = this.#shown();
    return instantOf(wallTime(shown, "UTC"), zone) ?? shown;
  }

  /** How far it is from the instant given, read in the site's zone. */
  offBy(now: Instant, zone: string): Millis {
    const due = instantOf(wallTime(now, zone), "UTC") ?? now;
    return Math.abs(this.#shown() - due) as Millis;
  }

  /** The timestamp of a command, `later` seconds ahead, in the profile's form. */
  timestamp(form: ChargerProfile["timestamp"], zone: string, later: number): string {
    const shown = instant(this.#shown() + seconds(later));
    const wall = wallTime(shown, "UTC");
    if (form === "site") return chargerTime(wall);
    return String(Math.floor((instantOf(wall, zone) ?? shown) / 1000));
  }
}
