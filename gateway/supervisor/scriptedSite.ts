import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import {
  chipId,
  derivedJamCode,
  deviceCode,
  minutes,
  type OrderId,
  orderId,
  portNo,
} from "@bluepower/protocol/units";
import type {
  CommandBody,
  CommandOutcome,
  Desired,
  DesiredOrder,
  WireEvent,
} from "@bluepower/protocol/uplink/messages";
import { pino } from "pino";
import { Store } from "../store/store.ts";
import { CloudTime } from "../uplink/cloudTime.ts";
import { Book } from "./book.ts";
import { ScriptedCharger, ScriptedChargers } from "./scriptedChargers.ts";
import { Supervisor } from "./supervisor.ts";

export const CHARGER = deviceCode("DEMO0001");
/** Cloud time less uptime. */
const CLOUD = 1_800_000_000_000;
export const MINUTE = 60_000;

/** Thrown where a test ends the program. */
class Killed extends Error {}

export const order = (n: number): OrderId => orderId(`9${String(n).padStart(13, "0")}`);

/** A site of a test: chargers and the file of the store outlive the program, which can be killed and started. */
export class ScriptedSite {
  readonly clock = new SimulatedClock(instant(1_000_000), () => new Promise((r) => setImmediate(r)));
  readonly charger: ScriptedCharger;
  readonly #dir = mkdtempSync(join(tmpdir(), "gateway-"));
  readonly #quota: number | undefined;
  readonly answers = new Map<string, CommandOutcome[]>();
  chargers: ScriptedChargers;
  store: Store;
  supervisor: Supervisor;
  book: Book;
  time: CloudTime;
  #kills: { at: number; when: "before" | "after" } | undefined;
  #writes = 0;
  killed = false;
  /** What the cloud does when the gateway is back: it repeats commands that have no answer. */
  afterKill: () => void = () => {};
  #version = 1;

  constructor(options: { quotaBytes?: number; desired?: boolean } = {}) {
    this.charger = new ScriptedCharger(this.clock);
    this.#quota = options.quotaBytes;
    [this.chargers, this.store, this.book, this.time, this.supervisor] = this.#boot();
    this.learnTime();
    if (options.desired !== false) this.desire({});
  }

  /** The cloud answers. */
  learnTime(): void {
    this.time.answered(this.cloud(), this.clock.uptime());
    this.store.write(() => this.store.boots.correct(this.time.offset() ?? 0, "synced"));
  }

  #boot(): [ScriptedChargers, Store, Book, CloudTime, Supervisor] {
    const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });
    const chargers = new ScriptedChargers(this.clock, new Map([[CHARGER, this.charger]]));
    const store = new Store({
      file: join(this.#dir, "gateway.db"),
      clock: this.clock,
      random: seededRandom(1),
      ...(this.#quota === undefined ? {} : { quotaBytes: this.#quota }),
      trace: (when) => this.#trace(when, chargers),
    });
    const book = new Book(store, log);
    book.onAnswer(({ commandId, outcome }) => {
      if (chargers.dead) return;
      this.answers.set(commandId, [...(this.answers.get(commandId) ?? []), outcome]);
    });
    const time = new CloudTime(this.clock);
    const supervisor = new Supervisor({ book, chargers, clock: this.clock, time, log });
    supervisor.start();
    return [chargers, store, book, time, supervisor];
  }

  /** Ends the program in the n-th transaction from now, before its first write or after its commit. */
  killAt(at: number, when: "before" | "after"): void {
    this.#writes = 0;
    this.#kills = { at, when };
  }

  #trace(when: "before" | "after", chargers: ScriptedChargers): void {
    if (chargers.dead) throw new Killed();
    if (when === "before") this.#writes += 1;
    if (this.#kills?.when !== when || this.#kills.at !== this.#writes) return;
    this.#kills = undefined;
    this.killed = true;
    chargers.dead = true;
    throw new Killed();
  }

  kill(): void {
    this.chargers.dead = true;
    this.supervisor.close();
  }

  /** A new run of the program over the same file. `timeless`: it does not learn the cloud's time. */
  restart(options: { timeless?: boolean } = {}): void {
    this.kill();
    this.store.close();
    [this.chargers, this.store, this.book, this.time, this.supervisor] = this.#boot();
    this.killed = false;
    if (options.timeless !== true) this.learnTime();
  }

  cloud(): number {
    return CLOUD + Math.floor(this.clock.uptime());
  }

  desire(change: Partial<Desired>): void {
    const chip = chipId("A1B2C3D4E5F6");
    this.supervisor.desired({
      v: 1,
      sentAt: this.cloud(),
      version: this.#version++,
      timeZone: "Asia/Shanghai",
      foreignPorts: "report",
      chargers: [
        {
          ...{ deviceCode: CHARGER, chipId: chip, jamCode: derivedJamCode(chip), profile: 1 },
          ...{ unitPrice: 150, maxUnit: 12, enabled: true, manager: null },
        },
      ],
      orders: [],
      blackList: [],
      ...change,
    });
  }

  command(id: string, body: CommandBody, options: { deadline?: number } = {}): void {
    try {
      this.supervisor.command({
        v: 1,
        sentAt: this.cloud(),
        id,
        deadline: options.deadline ?? this.cloud() + MINUTE,
        replyTo: "cloud/node/boot/r",
        command: body,
      });
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }

  start(id: string, n: number, options: { port?: number; minutes?: number; deadline?: number } = {}): void {
    this.command(id, this.startBody(n, options), options);
  }

  startBody(n: number, options: { port?: number; minutes?: number } = {}): CommandBody {
    const [port, time] = [portNo(options.port ?? 1), minutes(options.minutes ?? 120)];
    return { kind: "start", orderId: order(n), deviceCode: CHARGER, port, minutes: time };
  }

  desiredOrder(
    n: number,
    startedAt: number | null,
    options: { port?: number; minutes?: number } = {},
  ): DesiredOrder {
    const [port, time] = [portNo(options.port ?? 1), minutes(options.minutes ?? 120)];
    return { orderId: order(n), deviceCode: CHARGER, port, minutes: time, startedAt };
  }

  cancel(id: string, n: number): void {
    this.command(id, { kind: "cancel", orderId: order(n) });
  }

  stop(id: string, n: number): void {
    this.command(id, { kind: "stop", orderId: order(n), endReason: "user" });
  }

  /** Time passes; a program that is killed meanwhile is started again after two seconds. */
  async pass(ms: number): Promise<void> {
    let left = ms;
    while (left > 0) {
      if (this.killed) {
        await this.#advance(2000);
        this.restart();
        this.afterKill();
      }
      const step = Math.min(left, this.#kills === undefined ? MINUTE : 1000);
      await this.#advance(step);
      left -= step;
    }
  }

  async #advance(ms: number): Promise<void> {
    const end = this.clock.uptime() + ms;
    while (this.clock.uptime() < end) {
      try {
        await this.clock.advance(millis(end - this.clock.uptime()));
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    }
  }

  state(n: number): string | undefined {
    return this.store.orders.get(order(n))?.state;
  }

  /** The last answer to a command. */
  answer(id: string): CommandOutcome | undefined {
    return this.answers.get(id)?.at(-1);
  }

  events(): WireEvent[] {
    const found: WireEvent[] = [];
    for (let batch = this.store.journal.after(0); batch.length > 0; ) {
      found.push(...batch);
      batch = this.store.journal.after(found.length);
    }
    return found;
  }

  /** Kinds and bodies of the entries about orders. */
  told(): string[] {
    return this.events()
      .filter(
        (e) => e.kind.startsWith("order.") || e.kind === "port.foreign" || e.kind === "charger.misconfigured",
      )
      .map((e) => {
        const { orderId: id, deviceCode: _, ...rest } = e.body as Record<string, unknown>;
        const n = id === undefined ? "" : ` ${Number(String(id).slice(1))}`;
        const { detail: __, ...shown } = rest;
        return `${e.kind}${n} ${Object.values(shown).join(" ")}`.trim();
      });
  }

  times(command: string): number {
    return this.charger.done.filter((d) => d === command).length;
  }

  close(): void {
    this.supervisor.close();
    this.store.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
