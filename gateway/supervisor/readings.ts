import { joinPorts, type PortReading } from "@bluepower/protocol/charger/frames";
import { seconds } from "@bluepower/protocol/clock";
import { type DeviceCode, isPortNo, minutes as minutesOf } from "@bluepower/protocol/units";
import type { ChargeOrder } from "../store/orders.ts";
import type { Page } from "./book.ts";
import { begin, type Countdown, nextReading, provenLeft } from "./countdown.ts";
import type { Surroundings } from "./surroundings.ts";
import { judgeCharging, judgeUnsettled, worthTelling } from "./verdict.ts";

const IDLE_INTERVAL = seconds(300);

export interface Reading {
  ports: PortReading[];
  uptime: number;
}

/** What the readings of one charger's ports say, over time: countdowns, ends, ports that run for nobody. */
export class Readings {
  readonly #charger: DeviceCode;
  readonly #of: Surroundings;
  readonly #countdowns = new Map<string, Countdown>();
  /** Foreign ports that were told to be switched off, with the minutes that were left. */
  readonly #switchedOff = new Map<number, number>();
  /** The newest, for whoever asks; it may be old. */
  last: Reading | undefined;

  constructor(charger: DeviceCode, surroundings: Surroundings) {
    this.#charger = charger;
    this.#of = surroundings;
  }

  /** Some port supplies, as far as is known. */
  get running(): boolean {
    return this.#orders().some((o) => o.state === "charging") || this.last?.ports.some(isRunning) === true;
  }

  /** A charge has begun, `sent` (uptime) at the earliest, or was found running, with that much left. */
  follow(order: ChargeOrder, left: number, sent?: number): void {
    this.#countdowns.set(order.orderId, begin(left, this.#now(), sent));
  }

  /** The charger was without power: what its ports have left is learned anew. */
  powerCut(): void {
    for (const [id, c] of this.#countdowns) this.#countdowns.set(id, { ...c, paused: true });
  }

  forget(order: ChargeOrder): void {
    this.#countdowns.delete(order.orderId);
  }

  /** Uptime at which the countdown of an order is over; undefined before its first reading. */
  endsBy(order: ChargeOrder): number | undefined {
    return this.#countdowns.get(order.orderId)?.end;
  }

  /** Minutes that were proven to be left. */
  leftOf(order: ChargeOrder): number {
    const countdown = this.#countdowns.get(order.orderId);
    return countdown === undefined ? (order.minutesLeft ?? order.minutes) : provenLeft(countdown);
  }

  /** Ports of a reading that run for nobody and are to be switched off. */
  toSwitchOff(reading: Reading): { port: number; minutesLeft: number }[] {
    if (this.#of.foreignPolicy() !== "switch_off") return [];
    return reading.ports.filter(isRunning).filter((p) => !this.#isOwned(p.port));
  }

  /** POWEROFF goes to a port that runs for nobody. */
  switchingOff(port: number, minutesLeft: number): void {
    this.#switchedOff.set(port, minutesLeft);
  }

  /** Uptime at which the next reading is due. */
  due(): number {
    const interval = this.#of.runningInterval();
    const last = this.last?.uptime ?? this.#now();
    const due = [last + this.interval()];
    for (const order of this.#orders()) {
      const countdown = this.#countdowns.get(order.orderId);
      if (order.state === "charging" && countdown !== undefined) due.push(nextReading(countdown, interval));
    }
    return Math.min(...due);
  }

  /** Between two readings of this charger. */
  interval(): number {
    return this.running ? this.#of.runningInterval() : IDLE_INTERVAL;
  }

  #now(): number {
    return this.#of.clock.uptime();
  }

  #orders(): readonly ChargeOrder[] {
    return this.#of.book.store.orders.openOf(this.#charger);
  }

  #isOwned(port: number): boolean {
    return this.#orders().some((o) => o.port === port);
  }

  /** Takes a reading: what it proves about orders, what the cloud should know, what runs for nobody. */
  take(ports: PortReading[]): Reading {
    const { book } = this.#of;
    const reading = { ports, uptime: this.#now() };
    this.last = reading;
    for (const order of this.#orders()) {
      const port = ports.find((p) => p.port === order.port);
      if (port === undefined) continue;
      if (order.state === "charging") this.#judge(order, port);
      else if (order.state === "finished") this.#judgeEnded(order, port);
    }
    for (const p of ports) {
      if (!isRunning(p) || !isPortNo(p.port) || this.#isOwned(p.port)) continue;
      const order = this.#of.adoptable(this.#charger, p.port);
      if (order === undefined || p.minutesLeft > order.minutes) continue;
      book.write((page) => {
        book.store.orders.insert(order);
        page.confirm(order, "sta", p.minutesLeft, book.store.boots.now());
      });
    }
    this.#tell(ports);
    return reading;
  }

  #judge(order: ChargeOrder, port: PortReading): void {
    const { book } = this.#of;
    const { boots } = book.store;
    const countdown = this.#countdowns.get(order.orderId);
    const verdict = judgeCharging({
      order,
      port,
      countdown,
      uptime: this.#now(),
      sinceLeft: order.leftAt === null ? undefined : boots.elapsed(order.leftAt),
      running: boots.running(),
    });
    switch (verdict.kind) {
      case "wait":
        return;
      case "runs": {
        this.#countdowns.set(order.orderId, verdict.countdown);
        const left = provenLeft(verdict.countdown);
        if (left === order.minutesLeft) return;
        book.write(() => book.store.orders.update({ ...order, minutesLeft: left, leftAt: boots.now() }));
        return;
      }
      case "ended": {
        const { minutes, endReason, before } = verdict;
        const at = { boot: boots.number, uptime: Math.floor(this.#now() - before) };
        const written = book.write((page) => page.end(order, { minutes, endReason, evidence: "sta", at }));
        if (written.kind === "written") this.#countdowns.delete(order.orderId);
      }
    }
  }

  #judgeEnded(order: ChargeOrder, port: PortReading): void {
    const { book } = this.#of;
    const verdict = judgeUnsettled(order, port);
    if (verdict.kind === "ended") {
      const { minutes, endReason } = verdict;
      book.write((page) => page.correct(order, { minutes, endReason, evidence: "sta" }));
    } else if (verdict.kind === "settled") {
      book.write(() => book.store.orders.update({ ...order, settled: true }));
    } else if (verdict.left !== order.minutesLeft) {
      book.write(() => book.store.orders.update({ ...order, minutesLeft: verdict.left }));
    }
  }

  /** Journal entries about the ports themselves. */
  #tell(ports: PortReading[]): void {
    const { book } = this.#of;
    const told = book.store.chargerPorts(this.#charger);
    const policy = this.#of.foreignPolicy();
    const foreign = ports.filter((p) => isRunning(p) && !this.#isOwned(p.port));
    const joined = joinPorts(ports);
    const changed = worthTelling(told.ports, ports);
    // Before the whole desired state is known, a port may run for an order that this gateway has not heard of.
    const known = policy === undefined ? told.foreign : foreign.map((p) => p.port);
    const off = [...this.#switchedOff].filter(([port]) => !foreign.some((p) => p.port === port));
    if (!changed && known.join() === told.foreign.join() && off.length === 0) return;
    book.write((page) => {
      if (changed)
        page.telemetry({ kind: "port.changed", body: { deviceCode: this.#charger, ports: joined } });
      for (const p of policy === undefined ? [] : foreign) {
        // One that is to be switched off is told when that is done, or has failed.
        const waiting = policy === "switch_off" && !this.#switchedOff.has(p.port);
        if (told.foreign.includes(p.port) || waiting) continue;
        this.#tellForeign(page, p.port, isRunning(p) ? p.minutesLeft : 0, false);
      }
      for (const [port, left] of off) this.#tellForeign(page, port, left, true);
      const kept = known.filter(
        (p) => policy !== "switch_off" || told.foreign.includes(p) || this.#switchedOff.has(p),
      );
      book.store.setChargerPorts(this.#charger, { ports: changed ? joined : told.ports, foreign: kept });
    });
    for (const [port] of off) this.#switchedOff.delete(port);
  }

  #tellForeign(page: Page, port: number, left: number, off: boolean): void {
    if (!isPortNo(port)) return;
    page.note({
      kind: "port.foreign",
      body: { deviceCode: this.#charger, port, minutes: minutesOf(left), switchedOff: off },
    });
  }
}

export const isRunning = (p: PortReading): p is Extract<PortReading, { state: "running" }> =>
  p.state === "running";
