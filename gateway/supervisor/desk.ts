import { type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { type DeviceCode, isPortNo, minutes as minutesOf, type PortNo } from "@bluepower/protocol/units";
import type { Answer, ChargerSession, Urgency } from "../chargers/chargers.ts";
import type { StoredCommand } from "../store/commands.ts";
import type { ChargeOrder } from "../store/orders.ts";
import { isRunning, type Reading, Readings } from "./readings.ts";
import { nextStartStep, type StartStep, type Trouble } from "./starting.ts";
import type { Surroundings } from "./surroundings.ts";

/** A reading this old says nothing about what a command would find. */
const FRESH = seconds(10);
/** The pause before a command is tried again while its deadline allows. */
const RETRY_COMMAND = seconds(1);
/** The pause before a stop or a cancellation is tried again when nobody waits for it any more, and after a full store. */
const RETRY_LATER = seconds(30);
/** A poll of a charger that cannot be linked makes room for others. */
const POLL_DEADLINE = seconds(30);
/** Beyond the end by its countdown a charge whose charger cannot be read is over. */
const VANISHED_AFTER = seconds(120);
/** A visit that goes on longer than this goes round in circles. */
const STEPS_MAX = 40;
/** POWEROFFs for one port in one visit. */
const OFFS_MAX = 2;

type Step =
  | { kind: "read" }
  | { kind: "blink"; command: StoredCommand }
  | { kind: "switch_on"; order: ChargeOrder }
  | { kind: "switch_off"; port: PortNo };

interface Visit {
  /** The charger is no longer ours: no new step begins. */
  over: boolean;
  offs: number[];
  didRead: boolean;
}

/**
 * The work on one charger. Everything that has to be done follows from the store; a visit – one turn on the linked charger –
 * carries out the next step until there is none, so that a crash at any point is a visit that begins anew.
 */
export class Desk {
  readonly charger: DeviceCode;
  readonly #of: Surroundings;
  readonly readings: Readings;
  readonly #troubles = new Map<string, Trouble>();
  readonly #visits = new Map<Urgency, Visit>();
  #assigned = false;
  #closed = false;
  /** Taken in the visit that goes on, after its last command that changes ports. */
  #reading: Reading | undefined;
  #commandsAt = 0;
  #pollAt = 0;
  #timer: Timer | undefined;

  constructor(charger: DeviceCode, surroundings: Surroundings) {
    this.charger = charger;
    this.#of = surroundings;
    this.readings = new Readings(charger, surroundings);
  }

  /** A charger that is not assigned is not visited; its orders end by time. */
  assigned(yes: boolean): void {
    if (yes && !this.#assigned) this.#pollAt = this.#now();
    this.#assigned = yes;
    this.tick();
  }

  /** Something is to be done now: a command came, or the charger was seen. */
  wake(what: "command" | "poll"): void {
    if (what === "command") this.#commandsAt = this.#now();
    else this.#pollAt = this.#now();
    this.tick();
  }

  /** Nothing to do any more, now or later. */
  get idle(): boolean {
    return !this.#assigned && this.#visits.size === 0 && this.#orders().length === 0;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const visit of this.#visits.values()) visit.over = true;
  }

  /** Concludes what needs no charger, sends for the charger where it is needed, and sets the timer. */
  tick(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#conclude();
    const now = this.#now();
    if (this.#assigned) {
      if (this.#wantsCommand() && now >= this.#commandsAt) this.#visit("command", this.#commandDeadline());
      const polls = this.#visits.has("running") || this.#visits.has("idle");
      if (!polls && now >= this.#pollAt)
        this.#visit(this.readings.running ? "running" : "idle", POLL_DEADLINE);
    }
    const due = this.#due(now);
    if (due === undefined) return;
    this.#timer = this.#of.clock.after(millis(Math.max(1, due - this.#now())), `desk ${this.charger}`, () =>
      this.tick(),
    );
  }

  #due(now: number): number | undefined {
    const due: number[] = [];
    if (this.#assigned) {
      if (!this.#visits.has("command") && this.#wantsCommand()) due.push(this.#commandsAt);
      if (!this.#visits.has("running") && !this.#visits.has("idle")) due.push(this.#pollAt);
    }
    const until = (deadline: number): number => now + (this.#of.until(deadline) ?? RETRY_COMMAND);
    for (const order of this.#orders()) {
      if (order.state === "starting") due.push(until(order.deadline));
      if (order.state === "charging") due.push(this.#vanishedAt(order));
    }
    for (const command of this.#commands()) due.push(until(command.deadline));
    // What is due already could not be done: the store is full, or only the charger can tell.
    return due.length === 0 ? undefined : Math.min(...due.map((d) => (d <= now ? now + RETRY_LATER : d)));
  }

  // ---- what is wanted

  #now(): number {
    return this.#of.clock.uptime();
  }

  #orders(): readonly ChargeOrder[] {
    return this.#of.book.store.orders.openOf(this.charger);
  }

  /** Commands that end by their deadline; the start's end is its order's. */
  #commands(): StoredCommand[] {
    const { commands } = this.#of.book.store;
    const orders = this.#orders().flatMap((o) => commands.openOf(o.orderId));
    return [...commands.openBlinks(this.charger), ...orders.filter((c) => c.body.kind !== "start")];
  }

  #wantsCommand(): boolean {
    return (
      this.#orders().some(
        (o) =>
          (o.state === "starting" && this.#startStep(o).kind !== "hold") ||
          (o.state === "charging" && o.stopWanted !== null),
      ) || this.#of.book.store.commands.openBlinks(this.charger).length > 0
    );
  }

  /** The longest any of the commands may take; a stop nobody waits for any more gets a poll's time. */
  #commandDeadline(): Millis {
    const { commands } = this.#of.book.store;
    const deadlines = this.#orders()
      .flatMap((o) => [
        ...(o.state === "starting" ? [o.deadline] : []),
        ...commands.openOf(o.orderId).map((c) => c.deadline),
      ])
      .concat(commands.openBlinks(this.charger).map((c) => c.deadline));
    const longest = Math.max(0, ...deadlines.map((d) => this.#of.until(d) ?? 0));
    return millis(longest > 0 ? longest : POLL_DEADLINE);
  }

  #startStep(order: ChargeOrder): StartStep {
    const reading = this.#reading;
    return nextStartStep({
      port: order.port,
      minutes: order.minutes,
      cancelWanted: order.cancelWanted,
      outstanding: order.outstanding,
      sinceAttempt: order.attempted === null ? 0 : this.#of.book.store.boots.elapsedAtLeast(order.attempted),
      deadline: this.#of.judge(order.deadline),
      reading: reading !== undefined && this.#now() - reading.uptime < FRESH ? reading.ports : undefined,
      trouble: this.#troubles.get(order.orderId),
    });
  }

  // ---- conclusions that need no charger

  #conclude(): void {
    for (const order of this.#orders()) {
      if (order.state === "starting") this.#concludeStart(order);
      else if (order.state === "charging" && this.#now() >= this.#vanishedAt(order)) this.#vanish(order);
    }
    for (const command of this.#commands()) {
      if (this.#of.judge(command.deadline) !== "past") continue;
      const detail = this.#of.chargers.status(this.charger)?.problem ?? "the charger did not answer in time";
      this.#of.book.write((page) =>
        page.answer(command, { kind: "unreachable", detail: detail.slice(0, 200) }),
      );
    }
  }

  /** Carries out the steps that are only written; true when the order's next step may be another one now. */
  #concludeStart(order: ChargeOrder): boolean {
    const step = this.#startStep(order);
    const { book } = this.#of;
    switch (step.kind) {
      case "refuse": {
        const written = book.write((page) => page.refuse(order, step.reason, step.detail));
        return this.#settled(order, written.kind);
      }
      case "withdraw": {
        const written = book.write((page) => page.withdraw(order, step.detail));
        return this.#settled(order, written.kind);
      }
      case "not_carried_out": {
        const written = book.write(() => book.store.orders.update({ ...order, outstanding: false }));
        return written.kind === "written";
      }
      case "confirm":
        return this.#confirm(order, "sta");
      case "hold":
      case "read":
      case "switch_on":
      case "switch_off":
        return false;
    }
  }

  #confirm(order: ChargeOrder, evidence: "reply" | "sta"): boolean {
    const { book } = this.#of;
    const port = this.#reading?.ports.find((p) => p.port === order.port);
    const left =
      evidence === "sta" && port !== undefined && isRunning(port) ? port.minutesLeft : order.minutes;
    const written = book.write((page) =>
      page.confirm(order, evidence, left, order.attempted ?? book.store.boots.now()),
    );
    if (written.kind === "written" && written.value) {
      // A reply may come seconds after the charger has begun to count.
      this.readings.follow(order, left, evidence === "reply" ? order.attempted?.uptime : undefined);
      this.#pollAt = this.readings.due();
    }
    return this.#settled(order, written.kind);
  }

  #settled(order: ChargeOrder, kind: "written" | "store_full"): boolean {
    if (kind === "written") this.#troubles.delete(order.orderId);
    return kind === "written";
  }

  /** Uptime at which an order whose charger stays away has ended by time. */
  #vanishedAt(order: ChargeOrder): number {
    const end = this.readings.endsBy(order);
    if (end !== undefined) return end + VANISHED_AFTER;
    const left = order.minutesLeft ?? order.minutes;
    const since = order.leftAt === null ? 0 : this.#of.book.store.boots.elapsedAtLeast(order.leftAt);
    // After a start of the program its charger is given time to be found.
    const found = this.#now() - this.#of.book.store.boots.running() + VANISHED_AFTER;
    return Math.max(found, this.#now() - since + left * 60_000 + VANISHED_AFTER);
  }

  #vanish(order: ChargeOrder): void {
    const minutes = minutesOf(order.minutes - this.readings.leftOf(order));
    this.#of.book.write((page) => page.end(order, { minutes, endReason: "charger_lost", evidence: "none" }));
    this.readings.forget(order);
  }

  // ---- visits

  #visit(urgency: Urgency, deadline: Millis): void {
    if (this.#visits.has(urgency)) return;
    const visit: Visit = { over: false, offs: [], didRead: false };
    this.#visits.set(urgency, visit);
    const { chargers, log } = this.#of;
    chargers
      .use({
        charger: this.charger,
        urgency,
        deadline,
        label: `${urgency} ${this.charger}`,
        work: (session) => this.#converse(session, visit),
      })
      .then(
        (outcome) => this.#visited(urgency, outcome.kind === "unreachable" ? outcome.detail : undefined),
        (error) => {
          log.error({ err: error, charger: this.charger }, "a visit to a charger failed");
          this.#visited(urgency, "an error of the program");
        },
      )
      .catch((error) => log.error({ err: error, charger: this.charger }, "the end of a visit failed"));
  }

  #visited(urgency: Urgency, problem: string | undefined): void {
    const visit = this.#visits.get(urgency);
    if (visit === undefined) return;
    visit.over = true;
    this.#visits.delete(urgency);
    if (this.#closed) return;
    const now = this.#now();
    if (problem !== undefined) this.#unreachable(problem);
    if (urgency === "command") {
      const waited = this.#commands().length > 0 || this.#orders().some((o) => this.#isOpenStart(o));
      this.#commandsAt = now + (waited ? RETRY_COMMAND : RETRY_LATER);
    }
    if (visit.didRead) this.#pollAt = this.readings.due();
    else if (urgency !== "command") this.#pollAt = now + this.readings.interval();
    this.tick();
  }

  /** Told when the deadline of an order passes, unless the charger itself has said why. */
  #unreachable(detail: string): void {
    for (const { state, orderId } of this.#orders()) {
      if (state !== "starting" || this.#troubles.has(orderId)) continue;
      this.#troubles.set(orderId, { reason: "charger_unreachable", detail, refused: false });
    }
  }

  #isOpenStart(order: ChargeOrder): boolean {
    return order.state === "starting" && this.#of.judge(order.deadline) === "open";
  }

  async #converse(session: ChargerSession, visit: Visit): Promise<void> {
    this.#reading = undefined;
    try {
      for (let steps = 0; steps < STEPS_MAX && !visit.over; steps++) {
        const step = this.#next(visit);
        if (step === undefined || !(await this.#carryOut(step, session, visit))) return;
      }
    } finally {
      this.#reading = undefined;
    }
  }

  #next(visit: Visit): Step | undefined {
    for (const order of this.#orders()) {
      if (order.state === "starting") {
        let current: ChargeOrder | undefined = order;
        while (current !== undefined && this.#concludeStart(current)) current = this.#stillStarting(current);
        if (current === undefined) continue;
        const step = this.#startStep(current);
        if (step.kind === "read") return step;
        if (step.kind === "switch_on") return { kind: "switch_on", order: current };
        if (step.kind === "switch_off" && mayOff(visit, order.port)) {
          return { kind: "switch_off", port: order.port };
        }
      } else if (order.state === "charging" && order.stopWanted !== null) {
        if (this.#reading === undefined) return { kind: "read" };
        if (mayOff(visit, order.port)) return { kind: "switch_off", port: order.port };
      }
    }
    const [blink] = this.#of.book.store.commands.openBlinks(this.charger);
    if (blink !== undefined) return { kind: "blink", command: blink };
    if (!visit.didRead || this.#reading === undefined) return { kind: "read" };
    for (const { port, minutesLeft } of this.readings.toSwitchOff(this.#reading)) {
      if (!isPortNo(port) || !mayOff(visit, port)) continue;
      this.readings.switchingOff(port, minutesLeft);
      return { kind: "switch_off", port };
    }
    return undefined;
  }

  #stillStarting(order: ChargeOrder): ChargeOrder | undefined {
    const stored = this.#of.book.store.orders.get(order.orderId);
    return stored !== undefined && stored.deviceCode !== null && stored.state === "starting"
      ? stored
      : undefined;
  }

  /** False ends the visit: the charger did not do as it should, and is asked again later. */
  async #carryOut(step: Step, session: ChargerSession, visit: Visit): Promise<boolean> {
    switch (step.kind) {
      case "read": {
        const answer = await session.ports();
        if (answer.kind !== "ok") {
          this.#unreachable("the charger does not say how its ports stand");
          return false;
        }
        visit.didRead = true;
        this.#reading = this.readings.take(answer.value);
        return true;
      }
      case "blink": {
        const answer = await session.blink();
        if (answer.kind === "ok") this.#of.book.write((page) => page.answer(step.command, { kind: "done" }));
        return answer.kind === "ok";
      }
      case "switch_on":
        return await this.#switchOn(step.order, session);
      case "switch_off": {
        visit.offs.push(step.port);
        this.#reading = undefined;
        const answer = await session.powerOff(step.port);
        if (answer.kind !== "refused") return true;
        this.#of.log.warn(
          { charger: this.charger, port: step.port, result: answer.result },
          "the charger refuses to switch off",
        );
        // 1: the port is damaged, which a reading shows.
        return answer.result === 1;
      }
    }
  }

  async #switchOn(order: ChargeOrder, session: ChargerSession): Promise<boolean> {
    const { book } = this.#of;
    const attempted = book.store.boots.now();
    // Counted before it goes out: after a crash nobody knows whether it did.
    const stored = book.write(() =>
      book.store.orders.update({
        ...order,
        attempts: order.attempts + 1,
        outstanding: true,
        attempted,
      }),
    );
    if (stored.kind === "store_full") {
      this.#troubles.set(order.orderId, { reason: "store_full", detail: "the store is full", refused: true });
      return false;
    }
    // What was read before says nothing from here on, also to a cancellation that comes meanwhile.
    this.#reading = undefined;
    const answer = await session.powerOn(order.port, order.minutes);
    const now = this.#stillStarting(order);
    // Somebody else has concluded it meanwhile: a reading that came first.
    if (now === undefined) return true;
    return this.#powerOnAnswered(now, answer);
  }

  #powerOnAnswered(order: ChargeOrder, answer: Answer<null>): boolean {
    const { book } = this.#of;
    if (answer.kind === "ok") {
      // Cancelled while it went out: nobody is told that it runs; the reading that follows switches it off again.
      if (!order.cancelWanted) this.#confirm(order, "reply");
      return true;
    }
    if (answer.kind !== "refused") return true;
    const notDone = (): void => {
      book.write(() => book.store.orders.update({ ...order, outstanding: false }));
    };
    switch (answer.result) {
      case 1:
        notDone();
        this.#troubles.set(order.orderId, {
          reason: "charger_refused",
          detail: "the charger refuses to switch the port on although it reads it as free",
          refused: true,
        });
        return true;
      case 2:
        notDone();
        this.#troubles.set(order.orderId, {
          reason: "charger_refused",
          detail: "the charger refuses the time of the command, also after its clock was set",
          refused: false,
        });
        return false;
      case 3: {
        const detail = "the charger refuses the signature: its jam code is not the one in its record";
        const refused = book.write((page) => page.refuse(order, "charger_misconfigured", detail));
        this.#settled(order, refused.kind);
        this.#of.misconfigured(this.charger, detail);
        return true;
      }
    }
  }
}

const mayOff = (visit: Visit, port: number): boolean =>
  visit.offs.filter((p) => p === port).length < OFFS_MAX;
