import type { Clock } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { DeviceCode } from "@bluepower/protocol/units";
import { type Desired, desired as desiredShape } from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import { Boots } from "./boots.ts";
import { Commands } from "./commands.ts";
import { isFull, openDatabase, type Sqlite } from "./database.ts";
import { Journal } from "./journal.ts";
import { Meta } from "./meta.ts";
import { Orders } from "./orders.ts";

/** What the database may take of the disk. */
export const QUOTA_BYTES = 256 * 1024 * 1024;
/** Above this share of the quota telemetry is not written any more. */
const TELEMETRY_SHARE = 0.9;
/** Above this share no new order is taken: what is left belongs to the ends of those that run. */
const ORDER_SHARE = 0.97;

/** `nearly_full`: telemetry is left out; `full`: no new order is taken, or the disk takes nothing at all. */
export type Fill = "ok" | "nearly_full" | "full";

export type Written<T> = { kind: "written"; value: T } | { kind: "store_full" };

/** What the cloud was last told of a charger's ports (the STA fields joined), and its ports that run for nobody. */
export interface ChargerPorts {
  ports: string;
  foreign: number[];
}

/**
 * Everything the gateway keeps. Opening it begins a new boot. Reading is possible at any time; every write happens
 * inside `write`.
 */
export class Store {
  readonly #db: Sqlite;
  readonly #quota: number;
  readonly #trace: ((when: "before" | "after") => void) | undefined;
  readonly #run: (work: () => unknown) => unknown;
  readonly #desired;
  readonly #setDesired;
  readonly #ports;
  readonly #setPorts;
  readonly meta: Meta;
  readonly boots: Boots;
  readonly journal: Journal;
  readonly commands: Commands;
  readonly orders: Orders;
  /** Random id of this database: the cloud counts events per stream. */
  readonly stream: string;
  /** Writes that found the disk or the quota full. */
  refusals = 0;
  #refusing = false;

  /**
   * `trace` is called before the first write and after the commit of each transaction; what it throws stops the
   * transaction: so a test ends the program there, or has no disk left. Throws where the file cannot be opened.
   */
  constructor(options: {
    file: string;
    clock: Clock;
    random: Random;
    quotaBytes?: number;
    trace?: (when: "before" | "after") => void;
  }) {
    const db = openDatabase(options.file);
    this.#db = db;
    this.#trace = options.trace;
    this.#quota = options.quotaBytes ?? QUOTA_BYTES;
    const pageSize = Number(db.pragma("page_size", { simple: true }));
    db.pragma(`max_page_count = ${Math.ceil(this.#quota / pageSize)}`);
    const run = db.transaction((work: () => unknown) => work());
    this.#run = (work) => run.immediate(work);
    this.meta = new Meta(db);
    const stream = this.meta.get("stream") ?? text(options.random.fork("stream"), 22, BASE62);
    this.meta.set("stream", stream);
    this.stream = stream;
    this.boots = new Boots(db, options.clock, this.timeFloor());
    this.journal = new Journal(db, this.boots, this.meta);
    this.commands = new Commands(db);
    this.orders = new Orders(db);
    this.#desired = db.prepare<[], { body: string }>("select body from desired");
    this.#setDesired = db.prepare<[number, string]>(
      `insert into desired (one, version, body) values (1, ?, ?)
       on conflict (one) do update set version = excluded.version, body = excluded.body`,
    );
    this.#ports = db.prepare<[string], { ports: string; foreignPorts: string }>(
      "select ports, foreignPorts from chargerPorts where deviceCode = ?",
    );
    this.#setPorts = db.prepare<[string, string, string]>(
      `insert into chargerPorts (deviceCode, ports, foreignPorts) values (?, ?, ?)
       on conflict (deviceCode) do update set ports = excluded.ports, foreignPorts = excluded.foreignPorts`,
    );
  }

  /**
   * One durable transaction: all of it or nothing. `store_full`: nothing was written. Other errors of the
   * database are thrown.
   */
  write<T>(work: () => T): Written<T> {
    try {
      this.#trace?.("before");
      const value = this.#run(work) as T;
      this.#trace?.("after");
      this.#refusing = false;
      return { kind: "written", value };
    } catch (error) {
      this.orders.rolledBack();
      this.commands.rolledBack();
      if (!isFull(error)) throw error;
      this.refusals += 1;
      this.#refusing = true;
      return { kind: "store_full" };
    }
  }

  /** The last whole desired state of this stream. */
  desired(): Desired | undefined {
    const row = this.#desired.get();
    if (row === undefined) return undefined;
    const decoded = decodeJson(desiredShape, row.body);
    // Written by an older program: the cloud is asked for it again.
    return "problem" in decoded ? undefined : decoded.value;
  }

  setDesired(desired: Desired): void {
    this.#setDesired.run(desired.version, JSON.stringify(desired));
  }

  chargerPorts(charger: DeviceCode): ChargerPorts {
    const row = this.#ports.get(charger);
    return row === undefined
      ? { ports: "", foreign: [] }
      : { ports: row.ports, foreign: row.foreignPorts.split("").map(Number) };
  }

  setChargerPorts(charger: DeviceCode, told: ChargerPorts): void {
    this.#setPorts.run(charger, told.ports, told.foreign.join(""));
  }

  /** Wall time, epoch ms, that has certainly passed. */
  timeFloor(): number {
    return Number(this.meta.get("timeFloor") ?? 0);
  }

  /** 0 to 1, of the quota. */
  used(): number {
    const read = (name: string): number => Number(this.#db.pragma(name, { simple: true }));
    return ((read("page_count") - read("freelist_count")) * read("page_size")) / this.#quota;
  }

  get fill(): Fill {
    if (this.#refusing || !this.takesOrders()) return "full";
    return this.takesTelemetry() ? "ok" : "nearly_full";
  }

  takesTelemetry(): boolean {
    return this.used() < TELEMETRY_SHARE;
  }

  takesOrders(): boolean {
    return this.used() < ORDER_SHARE;
  }

  /** Once a minute: how long this run has lasted, the time floor, and what is old enough to go. */
  keep(): Written<void> {
    return this.write(() => {
      this.boots.keep();
      this.boots.trim();
      const { at, quality } = this.boots.wall(this.boots.now());
      if (quality === "synced" && at > this.timeFloor()) this.meta.set("timeFloor", String(at));
      this.journal.trim();
      this.commands.trim();
      this.orders.trim();
    });
  }

  close(): void {
    this.#db.close();
  }
}
