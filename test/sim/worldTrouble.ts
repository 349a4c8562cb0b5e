import { type Clock, millis } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { WorldCloud } from "./worldCloud.ts";
import { WorldFaults } from "./worldFaults.ts";
import type { History } from "./worldHistory.ts";
import type { WorldPipe } from "./worldPipe.ts";
import type { WorldCharger, WorldSite } from "./worldSite.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The cloud's clock is a server's: it is corrected by seconds, in bad times by minutes. */
const CLOUD_OFF = 120 * SECOND;
const FAILING_STEPS = ["failConnect", "failDiscover", "failSubscribe"] as const;

interface Parts {
  clock: Clock;
  random: Random;
  history: History;
  pipe: WorldPipe;
  site: WorldSite;
  cloud: WorldCloud;
}

/** What goes wrong in a world, but for payments and phones, which have their own. */
export class WorldTrouble {
  readonly #of: Parts;
  readonly #faults: WorldFaults;
  #crashes = 0;

  constructor(of: Parts) {
    this.#of = of;
    this.#faults = new WorldFaults(of);
    this.#radio();
    this.#uplink();
    this.#programs();
    this.#clocks();
  }

  /** After a crash: the program comes back by itself, mostly soon. */
  crashed(program: "gateway" | "cloud", when: string): void {
    const { history, random, site, cloud } = this.#of;
    history.fault(`crash of the ${program}`, when);
    this.#crashes += 1;
    const restart = random.fork(`restart ${this.#crashes}`);
    const late = below(restart, 12) === 0 ? 5 * MINUTE : 15 * SECOND;
    const pause = SECOND + below(restart, late);
    this.#faults.mendAfter(`crash of the ${program}`, pause, () => {
      if (program === "cloud") void cloud.boot();
      else {
        // Most wake with the time of their last shutdown or with none.
        if (below(restart, 2) === 0) site.wall.reset();
        site.boot();
      }
      history.add(`the ${program} runs again`);
    });
  }

  /** Nothing goes wrong any more, and what is broken is mended. */
  heal(): void {
    const { site, cloud, pipe } = this.#of;
    site.doom.forget();
    cloud.doom.forget();
    this.#faults.heal();
    pipe.heal();
  }

  #someCharger(random: Random): WorldCharger {
    const { chargers } = this.#of.site;
    const charger = chargers[below(random, chargers.length)];
    if (charger === undefined) throw new Error("a world has chargers");
    return charger;
  }

  #radio(): void {
    const { site } = this.#of;
    const faults = this.#faults;
    faults.repeat("link drops", 40 * SECOND, (random) => {
      const { chip, code } = this.#someCharger(random);
      site.drop(chip);
      return code;
    });
    const air = {
      "reply lost": "loseReplies",
      "request lost": "loseRequests",
      "link drops before a reply": "dropBeforeReply",
      "link drops before a request": "dropBeforeRequest",
    } as const;
    for (const [kind, name] of Object.entries(air)) {
      faults.repeat(kind, 60 * SECOND, (random) => {
        const { code } = this.#someCharger(random);
        site.air(code)[name] += 1 + below(random, 2);
        return code;
      });
    }
    // Counted when it happens, which is at the next connection.
    faults.repeat("failing connections", 45 * SECOND, (random) => {
      const step = FAILING_STEPS[below(random, FAILING_STEPS.length)] ?? "failConnect";
      site.air(this.#someCharger(random).code)[step] += 1 + below(random, 2);
      return undefined;
    });
    faults.repeat("adapter lost", 10 * MINUTE, (random) => {
      site.loseAdapter();
      const long = below(random, 4) === 0;
      faults.mendAfter("adapter", below(random, long ? 3 * MINUTE : 20 * SECOND), () => site.returnAdapter());
      return "";
    });
    faults.repeat("late replies", 3 * MINUTE, (random) => {
      const { code } = this.#someCharger(random);
      site.air(code).replyDelay = millis(3500);
      faults.mendAfter(`late ${code}`, below(random, 30 * SECOND), () => {
        site.air(code).replyDelay = millis(0);
      });
      return code;
    });
    faults.repeat("charger out of reach", 4 * MINUTE, (random) => {
      const { code } = this.#someCharger(random);
      site.air(code).absent = true;
      faults.mendAfter(`absent ${code}`, below(random, 5 * MINUTE), () => {
        site.air(code).absent = false;
      });
      return code;
    });
    faults.repeat("power cut", 4 * MINUTE, (random) => {
      const { code, charger } = this.#someCharger(random);
      charger.powerCut();
      faults.mendAfter(`power ${code}`, below(random, 6 * MINUTE), () => charger.powerUp());
      return code;
    });
  }

  #uplink(): void {
    const { pipe } = this.#of;
    this.#faults.repeat("bad uplink", 3 * MINUTE, (random) => {
      const delayMs = below(random, 2) * below(random, 8000);
      const faults = { lose: below(random, 40) / 100, double: below(random, 40) / 100, delayMs };
      pipe.faults = faults;
      this.#faults.mendAfter("uplink", below(random, 2 * MINUTE), () => {
        pipe.faults = { lose: 0, double: 0, delayMs: 0 };
      });
      return JSON.stringify(faults);
    });
    this.#faults.repeat("partition", 10 * MINUTE, (random) => {
      const noticed = below(random, 2) === 0;
      pipe.partition(noticed);
      this.#faults.mendAfter("partition", below(random, below(random, 4) === 0 ? 7 * MINUTE : MINUTE), () =>
        pipe.heal(),
      );
      return noticed ? "noticed" : "silent";
    });
  }

  /** Programs are killed at a commit, or in the middle of whatever they wait for; a disk is full for a while. */
  #programs(): void {
    const { site, cloud } = this.#of;
    this.#faults.repeat("gateway", 4 * MINUTE, (random) => {
      const draw = below(random, 4);
      if (!site.running) return undefined;
      if (draw > 0) site.doom.plan(draw === 1 ? "before" : "after", 1 + below(random, 6));
      else {
        site.kill();
        this.crashed("gateway", "between commits");
      }
      return undefined;
    });
    this.#faults.repeat("cloud", 3 * MINUTE, (random) => {
      const draw = below(random, 6);
      if (!cloud.running) return undefined;
      if (draw > 1) cloud.doom.plan(draw < 4 ? "before" : "after", 1 + below(random, 12));
      else {
        cloud.kill(draw === 0);
        this.crashed("cloud", draw === 0 ? "between commits" : "silently");
      }
      return undefined;
    });
    this.#faults.repeat("disk of the gateway full", 8 * MINUTE, (random) => {
      site.diskFull = true;
      this.#faults.mendAfter("disk", below(random, below(random, 3) === 0 ? 4 * MINUTE : 20 * SECOND), () => {
        site.diskFull = false;
      });
      return "";
    });
  }

  #clocks(): void {
    const { site, cloud } = this.#of;
    this.#faults.repeat("clock of the gateway jumps", 8 * MINUTE, (random) => {
      const hours = below(random, 25) - 12;
      site.wall.set(hours * HOUR + below(random, HOUR));
      return `${hours} h`;
    });
    this.#faults.repeat("clock of the cloud steps", 8 * MINUTE, (random) => {
      const small = below(random, 2) === 0 ? 5 * SECOND : CLOUD_OFF;
      const off = below(random, 2 * small) - small;
      cloud.wall.set(off);
      return `${Math.round(off / SECOND)} s`;
    });
  }
}
