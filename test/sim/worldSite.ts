import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type Millis, millis } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { ChipId, DeviceCode, GatewayId } from "@bluepower/protocol/units";
import { type Logger, pino } from "pino";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";
import { type AirFaults, SimulatedRadio } from "../../gateway/radio/simulatedRadio.ts";
import { type Gateway, startGateway } from "../../gateway/run.ts";
import { Store } from "../../gateway/store/store.ts";
import type { Uplink } from "../../gateway/uplink/uplink.ts";
import type { WorldPipe } from "./worldPipe.ts";

/** What a killed program has written outlives it also in memory; waiting for a disk at each commit would prove nothing more. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** The program has been killed: nothing that it would still do takes place. */
class Killed extends Error {}

/** One life of the gateway's program. When it is over its timers, its radio and its uplink do nothing any more. */
interface Life {
  alive: boolean;
  clock: Clock;
  radio: SimulatedRadio;
  air: Map<DeviceCode, AirFaults>;
  store: Store;
  gateway: Gateway;
}

export interface WorldCharger {
  code: DeviceCode;
  chip: ChipId;
  charger: SimulatedCharger;
}

interface SiteParts {
  clock: Clock;
  random: Random;
  /** What is logged as an error. */
  logged: (line: string) => void;
  pipe: WorldPipe;
  id: GatewayId;
  zone: string;
}

/** One real gateway on its file, and its chargers. A crash takes the memory and leaves the file. */
export class WorldSite {
  readonly chargers: WorldCharger[];
  readonly #of: SiteParts;
  readonly #dir = mkdtempSync(join(FOLDER, "world-"));
  readonly #crashed: () => void;
  #boots = 0;
  /** Commits until the program is killed right after one. */
  #killAfter: number | undefined;
  #life: Life;

  constructor(
    of: SiteParts & {
      chargers: { code: DeviceCode; chip: ChipId }[];
      /** The program has been killed after a commit; `boot` starts it anew. */
      crashed: () => void;
    },
  ) {
    this.#of = of;
    this.#crashed = of.crashed;
    const { clock, zone } = of;
    this.chargers = of.chargers.map((c) => ({
      ...c,
      charger: new SimulatedCharger({ chip: c.chip, clock, zone }),
    }));
    this.#life = this.#boot();
  }

  get running(): boolean {
    return this.#life.alive;
  }

  get gateway(): Gateway {
    return this.#life.gateway;
  }

  /** What is stored; also that of a program that was killed, until it is started anew. */
  get store(): Store {
    return this.#life.store;
  }

  air(code: DeviceCode): AirFaults {
    const faults = this.#life.air.get(code);
    if (faults === undefined) throw new Error(`no charger ${code}`);
    return faults;
  }

  drop(chip: ChipId): void {
    this.#life.radio.drop(chip);
  }

  kill(): void {
    if (!this.#life.alive) return;
    this.#killAfter = undefined;
    this.#life.alive = false;
    this.#of.pipe.dead();
    for (const { charger } of this.chargers) charger.disconnected();
  }

  /** Kills the program right after the commit that many commits ahead, before anybody is told of it. */
  killAfterCommit(commits: number): void {
    this.#killAfter = commits;
  }

  /** No kill is planned any more. */
  forgetKill(): void {
    this.#killAfter = undefined;
  }

  /** Starts the program on its file after it was killed; who is out of reach stays so. */
  boot(): void {
    if (this.#life.alive) return;
    this.#life.store.close();
    const absent = this.chargers.filter(({ code }) => this.air(code).absent);
    this.#life = this.#boot();
    for (const { code } of absent) this.air(code).absent = true;
  }

  close(): void {
    this.kill();
    this.#life.store.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #boot(): Life {
    const { pipe, id, zone, logged } = this.#of;
    this.#boots += 1;
    const random = this.#of.random.fork(`boot ${this.#boots}`);
    const life = { alive: true };
    const clock = mortal(this.#of.clock, () => life.alive);
    const radio = new SimulatedRadio({ clock });
    const air = new Map<DeviceCode, AirFaults>();
    for (const { code, chip, charger } of this.chargers) {
      const peer = {
        connected: () => charger.connected(),
        disconnected: () => charger.disconnected(),
        receive: (bytes: Uint8Array) => charger.receive(bytes),
        onDrop: (listener: (reason: string) => void) =>
          charger.onDrop((reason) => {
            if (life.alive) listener(reason);
          }),
      };
      air.set(code, radio.add(chip, peer));
    }
    const store = new Store({
      file: join(this.#dir, "gateway.db"),
      clock,
      random,
      trace: (when) => {
        if (!life.alive) throw new Killed("the program has been killed");
        if (when === "after") this.#committed();
      },
    });
    const log = quietLog((line) => {
      if (life.alive) logged(line);
    });
    const uplink = survived(pipe.boot());
    const gateway = startGateway({
      ...{ id, clock, random, radio, uplink, store, log, zone },
      program: "gateway of the world",
    });
    return Object.assign(life, { clock, radio, air, store, gateway });
  }

  #committed(): void {
    if (this.#killAfter === undefined) return;
    this.#killAfter -= 1;
    if (this.#killAfter > 0) return;
    this.kill();
    this.#crashed();
  }
}

/** A log of errors alone, without time and process, so that the same world logs the same. */
export function quietLog(logged: (line: string) => void): Logger {
  return pino({ level: "error", timestamp: false, base: null }, { write: logged });
}

/** A clock whose timers die with the program. */
function mortal(clock: Clock, alive: () => boolean): Clock {
  return {
    now: () => clock.now(),
    uptime: (): Millis => millis(clock.uptime()),
    after: (delay, label, run) => {
      if (!alive()) return { cancel: () => {} };
      return clock.after(delay, label, () => (alive() ? survive(run) : undefined));
    },
  };
}

/** The pipe as the program sees it: what it does about a message ends where it is killed. */
function survived(pipe: Uplink): Uplink {
  return {
    get connected() {
      return pipe.connected;
    },
    onConnected: (listener) => pipe.onConnected((connected) => void survive(() => listener(connected))),
    onMessage: (listener) => pipe.onMessage((topic, payload) => void survive(() => listener(topic, payload))),
    publish: (topic, payload) => pipe.publish(topic, payload),
    reconnect: (reason) => pipe.reconnect(reason),
    close: () => pipe.close(),
  };
}

/** Runs a part of the program; being killed is no failure of the world. */
async function survive(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
}
