import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";

/** Not heard for so long and not linked: lost (spec 4, "Radio"). */
export const LOST_AFTER = seconds(90);

/** Whether one charger is there. A link counts as being heard all the time. */
export class Presence {
  readonly #clock: Clock;
  readonly #linked: () => boolean;
  readonly #changed: (present: boolean, reason: string) => void;
  #heardAt: Millis | undefined;
  #present = false;
  #timer: Timer | undefined;

  constructor(of: {
    clock: Clock;
    linked: () => boolean;
    /** Found after it had been lost, or for the first time; or lost. */
    changed: (present: boolean, reason: string) => void;
  }) {
    this.#clock = of.clock;
    this.#linked = of.linked;
    this.#changed = of.changed;
  }

  get present(): boolean {
    return this.#present;
  }

  /** Since when nothing was heard of it; undefined: never anything. */
  silence(): Millis | undefined {
    return this.#heardAt === undefined ? undefined : millis(this.#clock.uptime() - this.#heardAt);
  }

  heard(reason: string): void {
    this.#heardAt = this.#clock.uptime();
    if (this.#present) return;
    this.#present = true;
    this.#watch(LOST_AFTER);
    this.#changed(true, reason);
  }

  forget(): void {
    this.#timer?.cancel();
  }

  #watch(delay: Millis): void {
    this.#timer = this.#clock.after(delay, "presence", () => {
      if (this.#linked()) this.#heardAt = this.#clock.uptime();
      const left = millis(LOST_AFTER - (this.silence() ?? 0));
      if (left > 0) {
        this.#watch(left);
        return;
      }
      this.#present = false;
      this.#changed(false, `not heard for ${LOST_AFTER / 1000} s`);
    });
  }
}
