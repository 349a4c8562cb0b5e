import { join } from "node:path";
import type { Clock } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { ChipId, DeviceCode, GatewayId } from "@bluepower/protocol/units";
import Sqlite from "better-sqlite3";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";
import type { Radio } from "../../gateway/radio/radio.ts";
import { type AirFaults, SimulatedRadio } from "../../gateway/radio/simulatedRadio.ts";
import { type Gateway, startGateway } from "../../gateway/run.ts";
import { Store } from "../../gateway/store/store.ts";
import type { Uplink } from "../../gateway/uplink/uplink.ts";
import { crystal, WallClock } from "./worldClocks.ts";
import { worldFolder } from "./worldFolder.ts";
import { Doom, Killed, Life, quietLog, survive } from "./worldLife.ts";
import type { WorldPipe } from "./worldPipe.ts";

/** How much the crystals of the site are off at most, in millionths: a charger's is a cheap one. */
const CHARGER_PPM = 1000;
const GATEWAY_PPM = 100;
const ADAPTER_GONE = "the adapter is gone";

/** One life of the gateway's program. When it is over its timers, its radio and its uplink do nothing any more. */
interface Run {
  life: Life;
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
  /** Called right after each commit, also one that the program does not outlive. */
  committed: () => void;
  /** Called after each write that has reached a charger. */
  written: (code: DeviceCode) => void;
  /** A connection has failed on its way. */
  connectFailed: (chip: ChipId, step: string) => void;
  /** The program has been killed at a commit; `boot` starts it anew. */
  crashed: (when: "before" | "after") => void;
}

/** One real gateway on its file, and its chargers. A crash takes the memory and leaves the file. */
export class WorldSite {
  readonly chargers: WorldCharger[];
  /** The gateway's machine has no battery for it, and nobody sets it. */
  readonly wall: WallClock;
  /** The disk takes nothing. */
  diskFull = false;
  readonly doom = new Doom();
  readonly #of: SiteParts;
  readonly #clock: Clock;
  readonly #folder = worldFolder("site");
  /** Of the gateway's store. */
  readonly file = join(this.#folder.path, "gateway.db");
  #boots = 0;
  #adapter = true;
  #run: Run;

  constructor(of: SiteParts & { chargers: { code: DeviceCode; chip: ChipId }[] }) {
    this.#of = of;
    const { zone } = of;
    const crystals = of.random.fork("crystals");
    const off = (ppm: number): Clock => crystal(of.clock, below(crystals, 2 * ppm + 1) - ppm);
    this.#clock = off(GATEWAY_PPM);
    this.wall = new WallClock(of.clock);
    this.chargers = of.chargers.map((c) => ({
      ...c,
      charger: new SimulatedCharger({ chip: c.chip, clock: off(CHARGER_PPM), zone }),
    }));
    this.#run = this.#boot();
  }

  get running(): boolean {
    return this.#run.life.alive;
  }

  get gateway(): Gateway {
    return this.#run.gateway;
  }

  /** What is stored; also that of a program that was killed, until it is started anew. */
  get store(): Store {
    return this.#run.store;
  }

  air(code: DeviceCode): AirFaults {
    const faults = this.#run.air.get(code);
    if (faults === undefined) throw new Error(`no charger ${code}`);
    return faults;
  }

  drop(chip: ChipId): void {
    this.#run.radio.drop(chip);
  }

  /** Somebody pulls the adapter out: it is missing until it is back, also to a program that is started meanwhile. */
  loseAdapter(): void {
    if (!this.#adapter) return;
    this.#adapter = false;
    if (this.running) this.#run.radio.fail(ADAPTER_GONE);
  }

  returnAdapter(): void {
    if (this.#adapter) return;
    this.#adapter = true;
    if (this.running) this.#run.radio.recover();
  }

  kill(): void {
    if (!this.running) return;
    this.doom.forget();
    this.#run.life.end();
    this.#of.pipe.dead();
    for (const { charger } of this.chargers) charger.disconnected();
  }

  /** Starts the program on its file after it was killed; who is out of reach stays so. */
  boot(): void {
    if (this.running) return;
    this.#run.store.close();
    const absent = this.chargers.filter(({ code }) => this.air(code).absent);
    this.#run = this.#boot();
    for (const { code } of absent) this.air(code).absent = true;
  }

  close(): void {
    this.kill();
    this.#run.store.close();
    this.#folder.remove();
  }

  #boot(): Run {
    const { pipe, id, zone, logged } = this.#of;
    this.#boots += 1;
    const random = this.#of.random.fork(`boot ${this.#boots}`);
    const life = new Life(this.#clock, this.wall);
    const { clock } = life;
    const radio = new SimulatedRadio({ clock });
    const air = new Map<DeviceCode, AirFaults>();
    for (const { code, chip, charger } of this.chargers) {
      const peer = {
        connected: () => charger.connected(),
        disconnected: () => charger.disconnected(),
        receive: (bytes: Uint8Array) => {
          const answers = charger.receive(bytes);
          this.#of.written(code);
          return answers;
        },
        onDrop: (listener: (reason: string) => void) =>
          charger.onDrop((reason) => {
            if (life.alive) listener(reason);
          }),
      };
      air.set(code, radio.add(chip, peer));
    }
    if (!this.#adapter) radio.fail(ADAPTER_GONE);
    const store = new Store({
      file: this.file,
      clock,
      random,
      trace: (when) => this.#traced(life, when),
    });
    const log = quietLog(life, logged);
    const uplink = survived(pipe.boot());
    const gateway = startGateway({
      ...{ id, clock, random, uplink, store, log, zone },
      radio: told(radio, this.#of.connectFailed),
      program: "gateway of the world",
    });
    return { life, radio, air, store, gateway };
  }

  #traced(life: Life, when: "before" | "after"): void {
    life.check();
    if (when === "before" && this.diskFull) {
      throw new Sqlite.SqliteError("database or disk is full", "SQLITE_FULL");
    }
    if (when === "after") this.#of.committed();
    if (!this.doom.comes(when)) return;
    this.kill();
    this.#of.crashed(when);
    throw new Killed(`the program has been killed ${when} a commit`);
  }
}

/** The radio as the program sees it, and whoever wants to know of connections that fail. */
function told(radio: Radio, failed: SiteParts["connectFailed"]): Radio {
  return {
    get state() {
      return radio.state;
    },
    onState: (listener) => radio.onState(listener),
    onSighting: (listener) => radio.onSighting(listener),
    async connect(chip, profile, cancelled) {
      const outcome = await radio.connect(chip, profile, cancelled);
      if (outcome.kind === "failed") failed(chip, outcome.step);
      return outcome;
    },
    close: () => radio.close(),
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
