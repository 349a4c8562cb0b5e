import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import type { ChipId, DeviceCode } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import type { ConnectOutcome, Link, Radio } from "../radio/radio.ts";
import {
  type Charger,
  enqueue,
  JOBS_MAX,
  linkToGiveUp,
  NOBODY,
  newCharger,
  nextToConnect,
  readyAt,
  wanted,
} from "./charger.ts";
import type {
  ChargerConfig,
  ChargerSession,
  ChargerStatus,
  Chargers,
  SiteTime,
  Urgency,
  UseOutcome,
} from "./chargers.ts";
import { newJob } from "./job.ts";
import { LinkBudget } from "./linkBudget.ts";
import { Session } from "./session.ts";

/** What most dongles hold (reference: about 5, some adapters 7). */
export const LINKS_DEFAULT = 5;
/**
 * An attempt that has found nobody by then gives way to whoever waits: a charger in reach advertises at
 * least once a second, so this one is most likely gone.
 */
const PATIENCE = seconds(3);
/** A link that lasts less was none: the pause before the next attempt grows. */
const SHORT_LINK = seconds(10);
/** A charger drops a central that says nothing for 60 s (spec 1). */
const KEEP_ALIVE = seconds(30);

interface Attempt {
  charger: Charger;
  cancel: AbortController;
  /** It lasted longer than patience allows; whoever waits may have it ended. */
  overdue: boolean;
  gaveWay: "overdue" | "unwanted" | undefined;
  patience: Timer;
}

/**
 * Owns the adapter: who is linked, and when (spec 4, "Radio"). One attempt at a time, links as a budget; commands before running
 * ports before idle ones, fair among the rest. A charger that nobody hears is not tried at all but waited for, so
 * that an absent one costs nobody anything. Links to spare are kept open to any charger in reach, because the first
 * command on a link costs a tenth of one without.
 */
export class Scheduler implements Chargers {
  readonly #clock: Clock;
  readonly #radio: Radio;
  readonly #site: SiteTime;
  readonly #log: Logger;
  readonly #budget: LinkBudget;
  readonly #chargers = new Map<DeviceCode, Charger>();
  readonly #byChip = new Map<ChipId, Charger>();
  readonly #presence: Parameters<Chargers["onPresence"]>[0][] = [];
  readonly #powerCuts: ((charger: DeviceCode) => void)[] = [];
  readonly #misconfigured: ((charger: DeviceCode, detail: string) => void)[] = [];
  /** Links of chargers no longer assigned, until they are closed. */
  readonly #leftovers = new Set<Link>();
  #attempt: Attempt | undefined;
  #radioReason = "the radio is starting";
  #wake: Timer | undefined;
  #pumpPlanned = false;
  #closed = false;

  constructor(of: {
    clock: Clock;
    radio: Radio;
    site: SiteTime;
    log: Logger;
    /** How many links the adapter holds at once. */
    links?: number;
  }) {
    this.#clock = of.clock;
    this.#radio = of.radio;
    this.#site = of.site;
    this.#log = of.log;
    this.#budget = new LinkBudget({
      clock: of.clock,
      configured: of.links ?? LINKS_DEFAULT,
      grown: () => this.#pump(),
    });
    this.#radio.onSighting(({ chip, rssi }) => {
      const charger = this.#byChip.get(chip);
      if (charger === undefined) return;
      charger.rssi = rssi;
      this.#heard(charger, "heard");
      this.#pump();
    });
    this.#radio.onState((state, reason) => {
      this.#radioReason = reason;
      if (state === "up") this.#startAfresh();
      this.#pump();
    });
  }

  assign(configs: readonly ChargerConfig[]): void {
    const wantedNow = new Map(configs.map((config) => [config.charger, config]));
    for (const charger of [...this.#chargers.values()]) {
      const config = wantedNow.get(charger.config.charger);
      const { chip, profile, jamCode } = charger.config;
      if (config?.chip !== chip || config.profile !== profile) this.#remove(charger);
      else if (config.jamCode !== jamCode) {
        charger.config = config;
        charger.misconfigured = false;
        // The session signs with the code it began with.
        this.#closeLink(charger);
      }
    }
    for (const config of wantedNow.values()) {
      if (this.#chargers.has(config.charger)) continue;
      const profile = chargerProfile(config.profile);
      if (profile === undefined) {
        this.#log.error({ charger: config.charger, profile: config.profile }, "unknown profile, not driven");
        continue;
      }
      const charger = newCharger({
        clock: this.#clock,
        config,
        profile,
        presenceChanged: (...change) => this.#presenceChanged(...change),
      });
      this.#chargers.set(config.charger, charger);
      this.#byChip.set(config.chip, charger);
    }
    this.#pump();
  }

  use<T>(of: {
    charger: DeviceCode;
    urgency: Urgency;
    deadline: Millis;
    label: string;
    work: (session: ChargerSession) => Promise<T>;
  }): Promise<UseOutcome<T>> {
    const charger = this.#chargers.get(of.charger);
    const unreachable = (detail: string): UseOutcome<T> => ({ kind: "unreachable", detail });
    if (this.#closed) return Promise.resolve(unreachable("the gateway is stopping"));
    if (charger === undefined)
      return Promise.resolve(unreachable("the charger is not assigned to this gateway"));
    const { job, outcome } = newJob(this.#clock, {
      ...of,
      expired: (late) => {
        const at = charger.jobs.indexOf(late);
        if (at >= 0) charger.jobs.splice(at, 1);
        this.#pump();
        return this.#whyNot(charger);
      },
    });
    if (!enqueue(charger, job)) job.fail(`more than ${JOBS_MAX} requests wait for this charger`);
    this.#pump();
    return outcome;
  }

  onPresence(listener: Parameters<Chargers["onPresence"]>[0]): void {
    this.#presence.push(listener);
  }

  onPowerCut(listener: (charger: DeviceCode) => void): void {
    this.#powerCuts.push(listener);
  }

  onMisconfigured(listener: (charger: DeviceCode, detail: string) => void): void {
    this.#misconfigured.push(listener);
  }

  status(code: DeviceCode): ChargerStatus | undefined {
    const charger = this.#chargers.get(code);
    if (charger === undefined) return undefined;
    const { rssi, lastAnswer } = charger;
    const { present } = charger.presence;
    const linked = charger.link?.state === "open";
    const reachable = linked || (this.#radio.state === "up" && present && charger.problem === null);
    return { present, linked, rssi, lastAnswer, problem: reachable ? null : this.#whyNot(charger) };
  }

  /** Links in use and the present budget. */
  links(): { open: number; budget: number } {
    return { open: this.#linksInUse(), budget: this.#budget.links };
  }

  /** Settles what waits, closes every link. The radio stays with its owner. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.cancel();
    this.#budget.stop();
    const links = [...this.#chargers.values()].flatMap((c) => (c.link === undefined ? [] : [c.link.link]));
    for (const charger of [...this.#chargers.values()]) this.#remove(charger);
    await Promise.all(links.map((link) => link.close()));
  }

  #remove(charger: Charger): void {
    this.#chargers.delete(charger.config.charger);
    this.#byChip.delete(charger.config.chip);
    for (const job of charger.jobs.splice(0)) job.fail("the charger is no longer assigned to this gateway");
    charger.presence.forget();
    charger.keepAlive?.cancel();
    if (this.#attempt?.charger === charger) this.#attempt.cancel.abort();
    const link = charger.link?.link;
    if (link === undefined) return;
    charger.link = undefined;
    this.#leftovers.add(link);
    void link.closed.then(() => {
      this.#leftovers.delete(link);
      this.#pump();
    });
    void link.close();
  }

  /** Everything that changes calls this; what is to be done is decided once, after all that has happened. */
  #pump(): void {
    if (this.#pumpPlanned || this.#closed) return;
    this.#pumpPlanned = true;
    queueMicrotask(() => {
      this.#pumpPlanned = false;
      if (this.#closed) return;
      for (const charger of this.#chargers.values()) this.#serve(charger);
      this.#connectNext();
    });
  }

  #serve(charger: Charger): void {
    const { link } = charger;
    if (link?.state !== "open" || !link.session.alive || charger.running !== undefined) return;
    const job = charger.jobs.shift();
    if (job === undefined) return;
    charger.running = job;
    const lease = link.session.lease();
    void job.run(lease).then(() => {
      lease.revoke();
      charger.running = undefined;
      charger.lastUsed = this.#clock.uptime();
      // A link that has served somebody was a good one, however soon it is lost.
      if (link.session.alive) charger.failures = 0;
      this.#keepAlive(charger);
      this.#pump();
    });
  }

  #connectNext(): void {
    this.#wake?.cancel();
    if (this.#radio.state === "down") return;
    const now = this.#clock.uptime();
    const slotFree = this.#linksInUse() < this.#budget.links;
    const candidates: Charger[] = [];
    let wakeAt: number = Number.POSITIVE_INFINITY;
    for (const charger of this.#chargers.values()) {
      if (charger === this.#attempt?.charger || (wanted(charger) === NOBODY && !slotFree)) continue;
      const at = readyAt(charger);
      if (at === undefined) continue;
      if (at <= now) candidates.push(charger);
      else wakeAt = Math.min(wakeAt, at);
    }
    if (wakeAt < Number.POSITIVE_INFINITY) {
      this.#wake = this.#clock.after(millis(wakeAt - now), "next attempt", () => this.#pump());
    }
    const next = nextToConnect(candidates);
    if (next === undefined) return;
    if (this.#attempt !== undefined) {
      this.#giveWay(this.#attempt, next);
    } else if (slotFree) {
      this.#begin(next);
    } else if (!this.#anyClosing()) {
      const victim = linkToGiveUp(this.#chargers.values());
      if (victim !== undefined) this.#closeLink(victim);
    }
  }

  #giveWay(attempt: Attempt, next: Charger): void {
    if (wanted(next) === NOBODY || attempt.gaveWay !== undefined) return;
    if (wanted(attempt.charger) === NOBODY) attempt.gaveWay = "unwanted";
    else if (attempt.overdue) attempt.gaveWay = "overdue";
    else return;
    attempt.cancel.abort();
  }

  #begin(charger: Charger): void {
    const attempt: Attempt = {
      charger,
      cancel: new AbortController(),
      overdue: false,
      gaveWay: undefined,
      patience: this.#clock.after(PATIENCE, "patience with an attempt", () => {
        attempt.overdue = true;
        this.#pump();
      }),
    };
    this.#attempt = attempt;
    charger.lastAttempt = this.#clock.uptime();
    const { chip } = charger.config;
    void this.#radio.connect(chip, charger.profile, attempt.cancel.signal).then((outcome) => {
      attempt.patience.cancel();
      this.#attempt = undefined;
      this.#attempted(attempt, outcome);
      this.#pump();
    });
  }

  #attempted(attempt: Attempt, outcome: ConnectOutcome): void {
    const { charger } = attempt;
    const assigned = this.#chargers.get(charger.config.charger) === charger;
    switch (outcome.kind) {
      case "connected":
        if (assigned) this.#linked(charger, outcome.link);
        else void outcome.link.close();
        return;
      case "absent":
        charger.mustBeHeard = true;
        this.#failed(charger, "it does not answer a connection");
        return;
      case "cancelled":
        if (attempt.gaveWay !== "overdue") return;
        charger.mustBeHeard = true;
        this.#failed(charger, `it did not answer a connection within ${PATIENCE / 1000} s`);
        return;
      case "limit":
        this.#budget.refused(this.#linksInUse());
        this.#log.warn({ links: this.#budget.links }, "the adapter holds fewer links than believed");
        this.#failed(charger, "the adapter holds no more links");
        return;
      case "failed":
        this.#failed(charger, `${outcome.step}: ${outcome.detail}`);
        return;
      case "radio_down":
        return;
    }
  }

  #failed(charger: Charger, problem: string): void {
    charger.failures += 1;
    charger.problem = problem;
    charger.failedAt = this.#clock.uptime();
    this.#log.info({ charger: charger.config.charger, problem, failures: charger.failures }, "no link");
  }

  #linked(charger: Charger, link: Link): void {
    const { config, profile, signer } = charger;
    const code = config.charger;
    const session = new Session({
      clock: this.#clock,
      link,
      config,
      profile,
      site: this.#site,
      signer,
      events: {
        answered: () => {
          charger.lastAnswer = this.#clock.now();
        },
        misconfigured: (detail) => {
          if (charger.misconfigured) return;
          charger.misconfigured = true;
          for (const listener of this.#misconfigured) listener(code, detail);
        },
      },
    });
    const held = { link, session, state: "opening" as const, since: this.#clock.uptime() };
    charger.link = held;
    this.#heard(charger, "linked");
    void link.closed.then((reason) => this.#unlinked(charger, link, reason));
    void session.open().then((opened) => {
      if (opened.kind === "failed") {
        this.#failed(charger, opened.detail);
      } else if (charger.link?.link === link && charger.link.state === "opening") {
        charger.link.state = "open";
        charger.problem = null;
        charger.lastUsed = this.#clock.uptime();
        this.#log.info({ charger: code, powerCut: opened.powerCut }, "linked");
        if (opened.powerCut) for (const listener of this.#powerCuts) listener(code);
        this.#keepAlive(charger);
      }
      this.#pump();
    });
  }

  #unlinked(charger: Charger, link: Link, reason: string): void {
    if (charger.link?.link !== link) return;
    const { state, since } = charger.link;
    charger.link = undefined;
    charger.keepAlive?.cancel();
    this.#log.info({ charger: charger.config.charger, reason }, "link closed");
    const now = this.#clock.uptime();
    // A link that was lost while it was opened is counted where the opening fails.
    if (state === "open" && now - since < SHORT_LINK) this.#failed(charger, `the link was lost: ${reason}`);
    else if (state !== "opening") charger.failures = 0;
    if (this.#chargers.get(charger.config.charger) === charger) this.#heard(charger, "linked");
    this.#pump();
  }

  #closeLink(charger: Charger): void {
    if (charger.link === undefined || charger.link.state === "closing") return;
    charger.link.state = "closing";
    void charger.link.link.close();
  }

  /** Says something now and then, so that the charger does not take the link for a camping phone's. */
  #keepAlive(charger: Charger): void {
    charger.keepAlive?.cancel();
    if (charger.link?.state !== "open") return;
    charger.keepAlive = this.#clock.after(KEEP_ALIVE, "keep a link alive", () => {
      if (charger.running !== undefined || charger.jobs.length > 0) return;
      enqueue(charger, {
        urgency: "idle",
        label: "keep alive",
        run: async ({ session }) => void (await session.time()),
        fail: () => {},
      });
      this.#pump();
    });
  }

  #heard(charger: Charger, reason: string): void {
    charger.mustBeHeard = false;
    charger.presence.heard(reason);
  }

  #presenceChanged(charger: Charger, present: boolean, reason: string): void {
    if (!present) charger.mustBeHeard = true;
    const { rssi, config } = charger;
    for (const listener of this.#presence) listener({ charger: config.charger, present, rssi, reason });
  }

  /** What was learned, and what failed, was perhaps the adapter's fault alone. */
  #startAfresh(): void {
    this.#budget.reset();
    for (const charger of this.#chargers.values()) charger.failures = 0;
  }

  #linksInUse(): number {
    let n = this.#leftovers.size;
    for (const charger of this.#chargers.values()) if (charger.link !== undefined) n += 1;
    return n;
  }

  #anyClosing(): boolean {
    if (this.#leftovers.size > 0) return true;
    return [...this.#chargers.values()].some((c) => c.link?.state === "closing");
  }

  /** A sentence for people. */
  #whyNot(charger: Charger): string {
    if (this.#radio.state === "down") return `Bluetooth is down: ${this.#radioReason}`;
    if (charger.running !== undefined) return `it is busy with another request (${charger.running.label})`;
    const silence = charger.presence.silence();
    if (silence === undefined) return "it has never been heard";
    if (!charger.presence.present) return `it has not been heard for ${Math.floor(silence / 1000)} s`;
    return charger.problem ?? "no link became free in time";
  }
}
