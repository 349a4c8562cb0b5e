import { type Clock, type Instant, millis } from "@bluepower/protocol/clock";
import { type Logger, pino } from "pino";

/** The program has been killed: nothing that it would still do takes place. */
export class Killed extends Error {}

/** One run of a program. When it is over its timers do nothing any more, and its monotonic clock is nobody's. */
export class Life {
  readonly clock: Clock;
  /** Resolves when it is over. */
  readonly ended: Promise<undefined>;
  #alive = true;
  #end: () => void = () => {};

  /** `wall` is what the machine shows; the monotonic clock begins at 0 with each run. */
  constructor(world: Clock, wall: { now(): Instant }) {
    const born = world.uptime();
    this.ended = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
    this.clock = {
      now: () => wall.now(),
      uptime: () => millis(world.uptime() - born),
      after: (delay, label, run) => {
        if (!this.#alive) return { cancel: () => {} };
        return world.after(delay, label, () => (this.#alive ? survive(run) : undefined));
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Throws when it is over. */
  check(): void {
    if (!this.#alive) throw new Killed("the program has been killed");
  }

  end(): void {
    this.#alive = false;
    this.#end();
  }
}

/** A log of errors alone, without time and process, so that the same world logs the same. */
export function quietLog(life: Life, logged: (line: string) => void): Logger {
  const write = (line: string): void => {
    if (life.alive) logged(line);
  };
  return pino({ level: "error", timestamp: false, base: null }, { write });
}

/** Runs a part of a program; being killed is no failure of the world. */
export async function survive(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
}

/** When a program is to be killed: right before or right after a commit, so many commits ahead. */
export class Doom {
  #planned: { when: "before" | "after"; commits: number } | undefined;

  plan(when: "before" | "after", commits: number): void {
    this.#planned = { when, commits };
  }

  forget(): void {
    this.#planned = undefined;
  }

  /** Told of each commit; true when this is the end. */
  comes(when: "before" | "after"): boolean {
    if (this.#planned?.when !== when) return false;
    this.#planned.commits -= 1;
    if (this.#planned.commits > 0) return false;
    this.forget();
    return true;
  }
}
