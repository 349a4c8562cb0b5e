import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import type { NobleAdapter } from "./noble.ts";

/** Long enough for several advertisements of a module that sends one a second. */
const BURST = seconds(3);
/** Between bursts the radio belongs to the links; a charger is heard every few seconds all the same. */
const REST = seconds(3);
/** The controller answers a scan command within milliseconds. */
const ANSWER = seconds(2);
/** Controllers with all links in use may refuse to scan; without any link this is a broken adapter. */
const FAILED_STARTS_MAX = 5;

/**
 * Scans in bursts, and not at all while `hold` is in force, because scanning and connecting fight over the radio. A burst
 * that ends by itself, or never begins, is followed by the next one: a scan that silently stops heals by itself.
 */
export class Scanner {
  readonly #clock: Clock;
  readonly #adapter: NobleAdapter;
  readonly #fatal: (reason: string) => void;
  readonly #anyLink: () => boolean;
  #running = false;
  #held = true;
  #continuous = false;
  #timer: Timer | undefined;
  #failedStarts = 0;
  #changed: (() => void)[] = [];

  constructor(of: {
    clock: Clock;
    adapter: NobleAdapter;
    /** The adapter does not obey any more. */
    fatal: (reason: string) => void;
    anyLink: () => boolean;
  }) {
    this.#clock = of.clock;
    this.#adapter = of.adapter;
    this.#fatal = of.fatal;
    this.#anyLink = of.anyLink;
    this.#adapter.onScan((running) => {
      this.#running = running;
      if (running) this.#failedStarts = 0;
      for (const settle of this.#changed.splice(0)) settle();
    });
  }

  /** Scans, in bursts or without rest. */
  run(mode: "bursts" | "continuous"): void {
    this.#continuous = mode === "continuous";
    if (!this.#held && this.#running && !this.#continuous) return;
    this.#held = false;
    this.#burst();
  }

  /** Stops scanning; true when it has stopped. False is final: the adapter does not obey. */
  async hold(): Promise<boolean> {
    this.#held = true;
    this.#timer?.cancel();
    if (!this.#running) {
      // A start may be under way: the controller takes commands in order, so a stop after it is enough.
      this.#adapter.stopScanning();
      return true;
    }
    this.#adapter.stopScanning();
    const stopped = await this.#until(() => !this.#running);
    if (!stopped) this.#fatal("the scan does not stop");
    return stopped;
  }

  #burst(): void {
    this.#timer?.cancel();
    if (this.#held) return;
    if (!this.#running) {
      this.#adapter.startScanning();
      void this.#until(() => this.#running || this.#held).then((started) => {
        if (started) return;
        this.#failedStarts += 1;
        if (this.#failedStarts >= FAILED_STARTS_MAX && !this.#anyLink()) {
          this.#fatal("the scan does not start");
        }
      });
    }
    this.#timer = this.#clock.after(BURST, "scan burst", () => {
      // noble is started anew also when it believes to scan: a controller that lost its scan tells nobody.
      this.#adapter.stopScanning();
      this.#running = false;
      if (this.#continuous) this.#burst();
      else this.#timer = this.#clock.after(REST, "scan rest", () => this.#burst());
    });
  }

  #until(condition: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ANSWER, "scan answer", () => resolve(condition()));
      const look = (): void => {
        if (!condition()) {
          this.#changed.push(look);
          return;
        }
        timer.cancel();
        resolve(true);
      };
      look();
    });
  }
}
