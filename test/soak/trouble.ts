import { type Clock, millis, wait } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { ScriptedGateway } from "./gateway.ts";
import { control, oneOf, pause, type World } from "./world.ts";

const TARGETS = ["pay", "pay", "pay", "login", "shipping"] as const;
const FAULTS = ["500", "429", "bad-signature", "500", "timeout-after-commit"] as const;

/** On a busy machine a cloud that is killed by the clock would do nothing but start. */
const CALLS_OF_A_LIFE = 60;

/** What goes wrong until it is healed: the cloud is killed, WeChat misbehaves, gateways are cut off. */
export class Trouble {
  readonly #world: World;
  readonly #gateways: readonly ScriptedGateway[];
  readonly #random: Random;
  readonly #clock: Clock;
  #healed = false;
  #running: Promise<void>[] = [];

  constructor(world: World, of: { gateways: readonly ScriptedGateway[]; random: Random }) {
    this.#world = world;
    this.#gateways = of.gateways;
    this.#random = of.random;
    this.#clock = world.clock;
  }

  /** `pauseMs`: how long the cloud may live, and half of it at least. */
  begin(pauseMs: number): void {
    this.#running = [this.#kills(pauseMs), this.#faults(), this.#cuts()];
  }

  async heal(): Promise<void> {
    this.#healed = true;
    await Promise.all(this.#running);
    for (const on of new Set(TARGETS)) await control(this.#world, "/fault", { on, kind: "500", times: 0 });
    for (const gateway of this.#gateways) {
      gateway.faulty = false;
      gateway.connect();
    }
  }

  /** Nothing is flushed and nobody is told. */
  async kill(): Promise<void> {
    const { site, journal } = this.#world;
    await site.kill("cloud", "SIGKILL");
    journal.count("kill -9 of the cloud");
    await site.start("cloud");
    // A gateway may wait a minute before it comes again, which is of no use here.
    for (const gateway of this.#gateways) {
      await gateway.disconnect();
      gateway.connect();
    }
  }

  async #kills(pauseMs: number): Promise<void> {
    const random = this.#random.fork("kills");
    while (!this.#healed) {
      const before = this.#world.journal.counts.get("call") ?? 0;
      const enough = (): boolean =>
        this.#healed || (this.#world.journal.counts.get("call") ?? 0) >= before + CALLS_OF_A_LIFE;
      await wait(this.#clock, millis(pauseMs / 2 + below(random, pauseMs / 2)), "kill");
      while (!enough()) await wait(this.#clock, millis(below(random, 200)), "kill");
      if (!this.#healed) await this.kill();
    }
  }

  async #faults(): Promise<void> {
    const random = this.#random.fork("faults");
    while (!this.#healed) {
      await pause(this.#world, random, 500, 3000);
      const on = oneOf(random, TARGETS) ?? "pay";
      const drawn = oneOf(random, FAULTS) ?? "500";
      const kind = drawn === "bad-signature" && on !== "pay" ? "500" : drawn;
      // Five seconds of somebody's time each.
      if (kind === "timeout-after-commit" && !chance(random, 0.4)) continue;
      const times = kind === "timeout-after-commit" ? 1 : 1 + below(random, 3);
      if ((await control(this.#world, "/fault", { on, kind, times })) !== undefined) {
        this.#world.journal.count(`WeChat ${kind}`);
      }
    }
  }

  async #cuts(): Promise<void> {
    const random = this.#random.fork("cuts");
    while (!this.#healed) {
      await pause(this.#world, random, 2000, 8000);
      const gateway = oneOf(random, this.#gateways);
      if (gateway === undefined || this.#healed) continue;
      this.#world.journal.count("gateway cut off");
      await gateway.disconnect();
      await pause(this.#world, random, 200, 2500);
      gateway.connect();
    }
  }
}
