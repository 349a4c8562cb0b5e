import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, seconds } from "@bluepower/protocol/clock";
import type { DeviceCode, PortNo } from "@bluepower/protocol/units";
import type { Command, CommandBody, Desired, FailReason } from "@bluepower/protocol/uplink/messages";
import type { Logger } from "pino";
import type { Chargers } from "../chargers/chargers.ts";
import type { StoredCommand } from "../store/commands.ts";
import type { ChargeOrder, OrderState } from "../store/orders.ts";
import type { Store } from "../store/store.ts";
import type { CloudTime } from "../uplink/cloudTime.ts";
import type { Answered, Book, Page } from "./book.ts";
import { Desk } from "./desk.ts";
import { newOrder } from "./newOrder.ts";
import { isRunning } from "./readings.ts";

/** Spec 4, "Radio": 30 s with a port running, and so much per running charger where there are many. */
const RUNNING_INTERVAL = seconds(30);
const PER_RUNNING_CHARGER = 1500;
/** No command of the cloud lives longer (spec 4, "Charge"): one of an earlier boot is past when this one has lasted so long. */
const COMMAND_LIFE = seconds(60);
/** Answers that could not be stored, so that a repeat gets the same one. */
const UNSTORED_MAX = 1000;

/** What the supervisor knows, for people. `left` is in minutes, times are epoch ms. */
export interface SupervisorStatus {
  desired: number | null;
  orders: Record<OrderState, number>;
  live: {
    orderId: string;
    charger: string;
    port: number;
    minutes: number;
    state: OrderState;
    left: number | null;
  }[];
  chargers: {
    charger: string;
    present: boolean;
    linked: boolean;
    rssi: number | null;
    lastAnswer: number | null;
    problem: string | null;
    ports: { port: number; state: string; minutesLeft: number | null }[];
  }[];
}

/**
 * The orders of the site. It takes commands and the desired state, keeps a desk per charger, and tells what happens
 * in the journal; whatever it is asked is stored before it is done.
 */
export class Supervisor {
  readonly #store: Store;
  readonly #book: Book;
  readonly #chargers: Chargers;
  readonly #clock: Clock;
  readonly #time: CloudTime;
  readonly #log: Logger;
  readonly #desks = new Map<DeviceCode, Desk>();
  readonly #misconfigured = new Set<DeviceCode>();
  readonly #unstored = new Map<string, Answered>();
  #desired: Desired | undefined;
  #timeKnown = false;

  constructor(of: { book: Book; chargers: Chargers; clock: Clock; time: CloudTime; log: Logger }) {
    this.#book = of.book;
    this.#store = of.book.store;
    this.#chargers = of.chargers;
    this.#clock = of.clock;
    this.#time = of.time;
    this.#log = of.log;
    of.time.onChange(() => {
      if (this.#timeKnown) return;
      this.#timeKnown = true;
      for (const desk of [...this.#desks.values()]) desk.wake("command");
    });
    of.chargers.onPresence(({ charger, present, rssi, reason }) => {
      this.#book.write((page) => {
        if (present) page.telemetry({ kind: "charger.seen", body: { deviceCode: charger, rssi } });
        else
          page.telemetry({
            kind: "charger.lost",
            body: { deviceCode: charger, reason: reason.slice(0, 200) },
          });
      });
      this.#log.info(
        { event: present ? "charger.seen" : "charger.lost", charger, rssi },
        present ? `${charger} is in reach` : `${charger} is out of reach: ${reason}`,
      );
      if (present) this.#desks.get(charger)?.wake("poll");
    });
    of.chargers.onPowerCut((charger) => {
      this.#log.info({ charger }, `${charger} has been without power`);
      const desk = this.#desks.get(charger);
      desk?.readings.powerCut();
      desk?.wake("poll");
    });
    of.chargers.onMisconfigured((charger, detail) => this.#isMisconfigured(charger, detail));
  }

  /** Takes up what the store holds: the desired state as last applied, orders that have not ended, open commands. */
  start(): void {
    this.#desired = this.#store.desired();
    for (const order of this.#store.orders.open()) this.#deskOf(order.deviceCode);
    if (this.#desired !== undefined) this.#assign(this.#desired);
  }

  /** Version of the stored desired state. */
  get desiredVersion(): number | null {
    return this.#desired?.version ?? null;
  }

  /** The site's zone, from the desired state. */
  get zone(): string | undefined {
    return this.#desired?.timeZone;
  }

  knows(charger: DeviceCode): boolean {
    return this.#desired?.chargers.some((c) => c.deviceCode === charger) === true;
  }

  /** Stores a whole desired state and goes by it; one that is not newer is dropped. */
  desired(desired: Desired): "applied" | "not_newer" | "store_full" {
    if (this.#desired !== undefined && desired.version <= this.#desired.version) return "not_newer";
    const written = this.#book.write(() => {
      this.#store.setDesired(desired);
      for (const order of desired.orders) {
        if (order.startedAt === null || this.#store.orders.get(order.orderId) !== undefined) continue;
        if (this.#store.orders.holder(order.deviceCode, order.port) !== undefined) continue;
        this.#store.orders.insert(this.#adopted(order, "charging"));
      }
    });
    if (written.kind === "store_full") return "store_full";
    this.#desired = desired;
    this.#misconfigured.clear();
    this.#book.write((page) => {
      // A stop may have come before the order it means was known; the charger of another may have gone.
      for (const command of this.#store.commands.open()) {
        if (command.body.kind !== "start") this.#take(page, command);
      }
    });
    this.#assign(desired);
    return "applied";
  }

  /** Takes a command of the cloud: stored first; the answer comes through the book, for a repeat the stored one. */
  command(command: Command): void {
    const unstored = this.#unstored.get(command.id);
    const known = this.#store.commands.get(command.id);
    if (unstored !== undefined || known !== undefined) {
      const outcome = unstored?.outcome ?? known?.outcome ?? null;
      if (outcome !== null) {
        this.#book.answerAgain({ commandId: command.id, replyTo: command.replyTo, outcome });
      }
      return;
    }
    const received = this.#store.boots.now();
    const stored: StoredCommand = {
      id: command.id,
      body: command.command,
      deadline: Math.min(command.deadline, this.#latestDeadline()),
      replyTo: command.replyTo,
      received,
      outcome: null,
    };
    const written = this.#book.write((page) => {
      this.#store.commands.insert(stored);
      this.#take(page, stored);
    });
    if (written.kind === "store_full") {
      this.#refuseUnstored(command);
      return;
    }
    const desk = this.#deskFor(command.command);
    desk?.wake("command");
  }

  /** Orders by state and chargers as they stand, for people. */
  status(): SupervisorStatus {
    return {
      desired: this.desiredVersion,
      orders: this.#store.orders.counts(),
      live: this.#store.orders
        .open()
        .filter((o) => o.state !== "finished")
        .map((o) => ({
          orderId: o.orderId,
          charger: o.deviceCode,
          port: o.port,
          minutes: o.minutes,
          state: o.state,
          left: o.minutesLeft,
        })),
      chargers: (this.#desired?.chargers ?? []).map(({ deviceCode }) => {
        const status = this.#chargers.status(deviceCode);
        const ports = this.#desks.get(deviceCode)?.readings.last?.ports ?? [];
        return {
          charger: deviceCode,
          present: status?.present ?? false,
          linked: status?.linked ?? false,
          rssi: status?.rssi ?? null,
          lastAnswer: status?.lastAnswer ?? null,
          problem: status === undefined ? "this program does not know its profile" : status.problem,
          ports: ports.map((p) => ({
            port: p.port,
            state: p.state,
            minutesLeft: isRunning(p) ? p.minutesLeft : null,
          })),
        };
      }),
    };
  }

  close(): void {
    for (const desk of this.#desks.values()) desk.close();
  }

  // ---- commands

  /** Inside a transaction: what a command that is stored means for its order; the answer, where it is known. */
  #take(page: Page, command: StoredCommand): void {
    switch (command.body.kind) {
      case "start":
        this.#takeStart(page, command, command.body);
        return;
      case "stop":
      case "cancel":
        this.#takeEnd(page, command, command.body);
        return;
      case "blink":
        if (this.#late(command))
          page.answer(command, { kind: "unreachable", detail: "the command came too late" });
        // A charger that is not driven has no desk that would answer.
        else if (!this.#drives(command.body.deviceCode)) {
          page.answer(command, {
            kind: "unreachable",
            detail: "no charger of this gateway, or none it knows",
          });
        }
        return;
    }
  }

  #drives(charger: DeviceCode): boolean {
    const known = this.#desired?.chargers.find((c) => c.deviceCode === charger);
    return known !== undefined && chargerProfile(known.profile) !== undefined;
  }

  #takeStart(page: Page, command: StoredCommand, body: CommandBody & { kind: "start" }): void {
    const { orders } = this.#store;
    if (orders.get(body.orderId) === undefined) {
      const order = newOrder(body, command.deadline, command.received);
      const problem = this.#whyNotStart(body, command);
      if (problem === undefined) {
        orders.insert(order);
      } else {
        // Stored as well, so that it starts under no other command either.
        page.refuseNew(order, problem.reason, problem.detail);
      }
    }
    page.answerOpen(body.orderId);
  }

  #whyNotStart(
    body: CommandBody & { kind: "start" },
    command: StoredCommand,
  ): { reason: FailReason; detail: string } | undefined {
    switch (this.#time.judge(command.deadline)) {
      case "unknown":
        return { reason: "time_unknown", detail: "the gateway does not know the cloud's time yet" };
      case "past":
        return { reason: "late", detail: "the command came after its deadline" };
      case "open":
        break;
    }
    const charger = this.#desired?.chargers.find((c) => c.deviceCode === body.deviceCode);
    if (charger === undefined) return { reason: "device_unknown", detail: "no charger of this gateway" };
    if (chargerProfile(charger.profile) === undefined) {
      return { reason: "profile_unknown", detail: `this program does not know profile ${charger.profile}` };
    }
    const holder = this.#store.orders.holder(body.deviceCode, body.port);
    if (holder !== undefined) return { reason: "port_busy", detail: `order ${holder} has the port` };
    if (!this.#store.takesOrders()) return { reason: "store_full", detail: "the gateway's store is full" };
    return undefined;
  }

  #takeEnd(page: Page, command: StoredCommand, body: CommandBody & { kind: "stop" | "cancel" }): void {
    const { orders } = this.#store;
    if (this.#late(command)) {
      page.answer(command, { kind: "unreachable", detail: "the command came too late" });
      return;
    }
    const order = orders.get(body.orderId);
    if (order === undefined) {
      this.#takeEndOfUnknown(page, command, body);
      return;
    }
    if (order.deviceCode !== null) {
      if (order.state === "starting") {
        // What has not begun is not begun any more, whichever way it is ended.
        orders.update({ ...order, cancelWanted: true });
        if (!order.outstanding)
          page.withdraw(order, `${body.kind === "stop" ? "stopped" : "cancelled"} before it began`);
      } else if (order.state === "charging" && body.kind === "stop") {
        orders.update({ ...order, stopWanted: body.endReason });
      }
    }
    page.answerOpen(body.orderId);
  }

  #takeEndOfUnknown(
    page: Page,
    command: StoredCommand,
    body: CommandBody & { kind: "stop" | "cancel" },
  ): void {
    if (body.kind === "cancel") {
      // Its start may still be on the way.
      const detail = "cancelled before its start came";
      this.#store.orders.bury(body.orderId, command.received, detail);
      page.note({ kind: "order.cancelled", body: { orderId: body.orderId, detail } });
      page.answerOpen(body.orderId);
    } else if (this.#desired !== undefined) {
      page.answer(command, { kind: "already", state: "finished" });
    }
    // Before the first desired state a running order may be unknown here: it stays open until that has come.
  }

  #late(command: StoredCommand): boolean {
    return this.#time.judge(command.deadline) === "past";
  }

  /** Nothing lives longer than a minute from now: a deadline further off is a mistake of somebody's clock. */
  #latestDeadline(): number {
    const offset = this.#time.offset();
    return offset === undefined
      ? Number.MAX_SAFE_INTEGER
      : Math.ceil(offset + this.#clock.uptime() + COMMAND_LIFE);
  }

  #refuseUnstored(command: Command): void {
    const detail = "the gateway's store is full";
    const answered: Answered = {
      commandId: command.id,
      replyTo: command.replyTo,
      outcome:
        command.command.kind === "start"
          ? { kind: "failed", reason: "store_full", detail }
          : { kind: "unreachable", detail },
    };
    this.#unstored.set(command.id, answered);
    const [oldest] = this.#unstored.keys();
    if (this.#unstored.size > UNSTORED_MAX && oldest !== undefined) this.#unstored.delete(oldest);
    this.#book.answerAgain(answered);
  }

  // ---- desks

  #assign(desired: Desired): void {
    const driven = desired.chargers.filter((c) => {
      const known = chargerProfile(c.profile) !== undefined;
      if (!known) {
        this.#log.warn(
          { charger: c.deviceCode, profile: c.profile },
          "a charger with an unknown profile is not driven",
        );
      }
      return known;
    });
    this.#chargers.assign(
      driven.map((c) => ({ charger: c.deviceCode, chip: c.chipId, jamCode: c.jamCode, profile: c.profile })),
    );
    const codes = new Set(driven.map((c) => c.deviceCode));
    for (const order of this.#store.orders.open()) this.#deskOf(order.deviceCode);
    for (const code of codes) this.#deskOf(code);
    for (const [code, desk] of [...this.#desks]) {
      desk.assigned(codes.has(code));
      if (!desk.idle) continue;
      desk.close();
      this.#desks.delete(code);
    }
  }

  #deskOf(charger: DeviceCode): Desk {
    const existing = this.#desks.get(charger);
    if (existing !== undefined) return existing;
    const desk = new Desk(charger, {
      book: this.#book,
      chargers: this.#chargers,
      clock: this.#clock,
      log: this.#log,
      judge: (deadline) => this.#judge(deadline),
      until: (deadline) => this.#time.until(deadline),
      runningInterval: () => this.#runningInterval(),
      foreignPolicy: () => this.#desired?.foreignPorts,
      adoptable: (code, port) => this.#adoptable(code, port),
      misconfigured: (code, detail) => this.#isMisconfigured(code, detail),
    });
    this.#desks.set(charger, desk);
    return desk;
  }

  #deskFor(body: CommandBody): Desk | undefined {
    if (body.kind === "start" || body.kind === "blink") return this.#desks.get(body.deviceCode);
    const order = this.#store.orders.get(body.orderId);
    return order === undefined || order.deviceCode === null ? undefined : this.#desks.get(order.deviceCode);
  }

  #judge(deadline: number): "open" | "past" | "unknown" {
    const judged = this.#time.judge(deadline);
    return judged === "unknown" && this.#store.boots.running() > COMMAND_LIFE ? "past" : judged;
  }

  #runningInterval(): number {
    const running = [...this.#desks.values()].filter((d) => d.readings.running).length;
    return Math.max(RUNNING_INTERVAL, running * PER_RUNNING_CHARGER);
  }

  /** An order that the cloud counts as starting, and that an earlier gateway, or this one before it lost its store, has begun. */
  #adoptable(charger: DeviceCode, port: PortNo): ChargeOrder | undefined {
    const order = this.#desired?.orders.find((o) => o.deviceCode === charger && o.port === port);
    if (order === undefined || this.#store.orders.get(order.orderId) !== undefined) return undefined;
    return this.#adopted(order, "starting");
  }

  #adopted(order: Desired["orders"][number], state: "starting" | "charging"): ChargeOrder {
    const { boots } = this.#store;
    const now = boots.now();
    const offset = this.#time.offset();
    const at =
      order.startedAt === null || offset === undefined
        ? now
        : { boot: now.boot, uptime: Math.min(now.uptime, Math.floor(order.startedAt - offset)) };
    return {
      ...newOrder(order, 0, now),
      state,
      minutesLeft: state === "charging" ? order.minutes : null,
      leftAt: state === "charging" ? at : null,
    };
  }

  #isMisconfigured(charger: DeviceCode, detail: string): void {
    if (this.#misconfigured.has(charger)) return;
    this.#misconfigured.add(charger);
    this.#log.error({ event: "charger.misconfigured", charger }, `${charger}: ${detail}`);
    this.#book.write((page) =>
      page.note({
        kind: "charger.misconfigured",
        body: { deviceCode: charger, reason: detail.slice(0, 200) },
      }),
    );
  }
}
