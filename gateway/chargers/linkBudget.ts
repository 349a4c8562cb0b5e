import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";

/** A refusal may have had a passing reason; one link more is tried after this. */
const RELEARN = seconds(600);

/** How many links the adapter is believed to hold: as configured, until it refuses. */
export class LinkBudget {
  readonly #clock: Clock;
  readonly #configured: number;
  readonly #grown: () => void;
  #links: number;
  #relearn: Timer | undefined;

  constructor(of: {
    clock: Clock;
    configured: number;
    /** There may be room for one link more. */
    grown: () => void;
  }) {
    this.#clock = of.clock;
    this.#configured = of.configured;
    this.#grown = of.grown;
    this.#links = of.configured;
  }

  get links(): number {
    return this.#links;
  }

  /** The adapter refused a link beside those in use. */
  refused(inUse: number): void {
    this.#links = Math.max(1, inUse);
    this.#growLater();
  }

  /** Another adapter, or the same after a reset. */
  reset(): void {
    this.stop();
    this.#links = this.#configured;
  }

  stop(): void {
    this.#relearn?.cancel();
  }

  #growLater(): void {
    this.#relearn?.cancel();
    this.#relearn = this.#clock.after(RELEARN, "one link more", () => {
      if (this.#links >= this.#configured) return;
      this.#links += 1;
      this.#growLater();
      this.#grown();
    });
  }
}
