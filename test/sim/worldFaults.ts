import { type Clock, millis, type Timer } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { History } from "./worldHistory.ts";
import type { WorldPipe } from "./worldPipe.ts";
import type { WorldCharger, WorldSite } from "./worldSite.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface FaultParts {
  clock: Clock;
  random: Random;
  history: History;
  pipe: WorldPipe;
  site: WorldSite;
}

/** What goes wrong at the site and on the way to the cloud. Each kind has draws and a rhythm of its own. */
export class WorldFaults {
  readonly #of: FaultParts;
  readonly #timers = new Map<string, Timer>();
  /** What mends the faults that are there. */
  readonly #mend = new Map<string, () => void>();
  #healed = false;

  constructor(of: FaultParts) {
    this.#of = of;
    this.#repeat("drop", 40 * SECOND, (random) => {
      const { chip, code } = this.#someCharger(random);
      this.#of.site.drop(chip);
      return code;
    });
    for (const kind of ["loseReplies", "loseRequests", "dropBeforeReply", "dropBeforeRequest"] as const) {
      this.#repeat(kind, 90 * SECOND, (random) => {
        const { code } = this.#someCharger(random);
        this.#of.site.air(code)[kind] += 1 + below(random, 2);
        return code;
      });
    }
    this.#repeat("late replies", 4 * MINUTE, (random) => {
      const { code } = this.#someCharger(random);
      this.#of.site.air(code).replyDelay = millis(3500);
      this.#for(`late ${code}`, below(random, 30 * SECOND), () => {
        this.#of.site.air(code).replyDelay = millis(0);
      });
      return code;
    });
    this.#repeat("absent", 5 * MINUTE, (random) => {
      const { code } = this.#someCharger(random);
      this.#of.site.air(code).absent = true;
      this.#for(`absent ${code}`, below(random, 5 * MINUTE), () => {
        this.#of.site.air(code).absent = false;
      });
      return code;
    });
    this.#repeat("power cut", 5 * MINUTE, (random) => {
      const { code, charger } = this.#someCharger(random);
      charger.powerCut();
      this.#for(`power ${code}`, below(random, 6 * MINUTE), () => charger.powerUp());
      return code;
    });
    this.#repeat("bad uplink", 4 * MINUTE, (random) => {
      const delayMs = below(random, 2) * below(random, 8000);
      const faults = { lose: below(random, 40) / 100, double: below(random, 40) / 100, delayMs };
      this.#of.pipe.faults = faults;
      this.#for("uplink", below(random, 2 * MINUTE), () => {
        this.#of.pipe.faults = { lose: 0, double: 0, delayMs: 0 };
      });
      return JSON.stringify(faults);
    });
    this.#repeat("partition", 10 * MINUTE, (random) => {
      const noticed = below(random, 2) === 0;
      this.#of.pipe.partition(noticed);
      this.#for("partition", below(random, 7 * MINUTE), () => this.#of.pipe.heal());
      return noticed ? "noticed" : "silent";
    });
    this.#repeat("crash", 6 * MINUTE, (random) => {
      if (below(random, 3) > 0) this.#of.site.killAfterCommit(1 + below(random, 6));
      else if (this.#of.site.running) {
        this.#of.site.kill();
        this.crashed("between commits");
      }
      return undefined;
    });
  }

  /** After a crash: the program comes back by itself, mostly soon. */
  crashed(when: string): void {
    const { random } = this.#of;
    this.#of.history.fault("crash", when);
    const restart = random.fork(`restart ${this.#of.history.faults.crash ?? 0}`);
    const late = below(restart, 4) === 0 ? 10 * MINUTE : 20 * SECOND;
    this.#for("boot", SECOND + below(restart, late), () => {
      this.#of.site.boot();
      this.#of.history.add("the gateway runs again");
    });
  }

  /** Nothing goes wrong any more, and what is broken is mended. */
  heal(): void {
    this.#healed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    for (const mend of this.#mend.values()) mend();
    this.#mend.clear();
    this.#of.site.forgetKill();
    this.#of.pipe.heal();
  }

  #someCharger(random: Random): WorldCharger {
    const { chargers } = this.#of.site;
    const charger = chargers[below(random, chargers.length)];
    if (charger === undefined) throw new Error("a world has chargers");
    return charger;
  }

  /** Makes a fault again and again, on average after `every`; `make` answers what it was done to, or undefined when that is told elsewhere. */
  #repeat(kind: string, every: number, make: (random: Random) => string | undefined): void {
    const random = this.#of.random.fork(kind);
    const plan = (): void => {
      const timer = this.#of.clock.after(millis(1 + below(random, 2 * every)), `fault ${kind}`, () => {
        const made = make(random);
        if (made !== undefined) this.#of.history.fault(kind, made);
        plan();
      });
      this.#timers.set(kind, timer);
    };
    plan();
  }

  /** Mends a fault after a time; the same fault made again meanwhile lasts until then. */
  #for(name: string, ms: number, mend: () => void): void {
    if (this.#mend.has(name)) return;
    if (this.#healed) {
      mend();
      return;
    }
    this.#mend.set(name, mend);
    const timer = this.#of.clock.after(millis(ms + 1), `mend ${name}`, () => {
      this.#mend.delete(name);
      this.#timers.delete(`mend ${name}`);
      mend();
    });
    this.#timers.set(`mend ${name}`, timer);
  }
}
