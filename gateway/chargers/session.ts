import {
  decodePorts,
  encodeRequest,
  type PortReading,
  type Reply,
  type SetName,
} from "@bluepower/protocol/charger/frames";
import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Millis, seconds } from "@bluepower/protocol/clock";
import { chargerTime, wallTime } from "@bluepower/protocol/siteTime";
import type { Minutes, PortNo } from "@bluepower/protocol/units";
import type { Link } from "../radio/radio.ts";
import { ChargerClock } from "./chargerClock.ts";
import type { Answer, ChargerConfig, ChargerSession, SiteTime } from "./chargers.ts";
import { Exchange } from "./exchange.ts";
import type { Signer } from "./signer.ts";

/** A charger whose clock is further off is set (spec 4, "Radio"). It refuses commands that are off by 120 s. */
const CLOCK_OFF = seconds(20);
/** The ports read when the link was opened answer a first question that follows at once: half of a poll's work. */
const FRESH = seconds(1);

const TIMESTAMP_ERROR = 2;
const SIGNATURE_ERROR = 3;

export type Opened =
  /** `powerCut`: the clock was unset, so the charger has been without power since the last link. */
  { kind: "open"; powerCut: boolean } | { kind: "failed"; detail: string };

export interface SessionEvents {
  /** The charger said something that belongs to a request. */
  answered: () => void;
  /** The charger refused a signature. */
  misconfigured: (detail: string) => void;
}

/** The conversation with one linked charger (spec 1). */
export class Session {
  readonly #clock: Clock;
  readonly #config: ChargerConfig;
  readonly #profile: ChargerProfile;
  readonly #site: SiteTime;
  readonly #signer: Signer;
  readonly #events: SessionEvents;
  readonly #exchange: Exchange;
  #face: ChargerClock | undefined;
  #ports: { reading: PortReading[]; at: Millis } | undefined;

  constructor(of: {
    clock: Clock;
    link: Link;
    config: ChargerConfig;
    profile: ChargerProfile;
    site: SiteTime;
    /** The charger's, kept beyond the link. */
    signer: Signer;
    events: SessionEvents;
  }) {
    this.#clock = of.clock;
    this.#config = of.config;
    this.#profile = of.profile;
    this.#site = of.site;
    this.#signer = of.signer;
    this.#events = of.events;
    this.#exchange = new Exchange(of.clock, of.link);
  }

  /**
   * What every new link begins with: read the clock, set it when it is unset, or off while ours can be trusted, read the
   * ports. On `failed` the link is closed.
   */
  async open(): Promise<Opened> {
    const fail = (step: string, answer: Answer<unknown>): Opened => {
      this.#exchange.abort();
      return { kind: "failed", detail: `${step}: ${inWords(answer)}` };
    };
    const time = await this.#time();
    if (time.kind !== "ok" || this.#face === undefined) return fail("reading its clock", time);
    const powerCut = this.#face.unset;
    if (!powerCut && !this.#site.synced()) this.#site.chargerShows?.(this.#face.time(this.#site.zone()));
    if (this.#clockIsDue()) {
      const set = await this.#setClock();
      // A refused clock is no reason to do without the readings.
      if (set.kind !== "ok" && set.kind !== "refused") return fail("setting its clock", set);
    }
    const ports = await this.#readPorts();
    if (ports.kind !== "ok") return fail("reading its ports", ports);
    this.#ports = { reading: ports.value, at: this.#clock.uptime() };
    return { kind: "open", powerCut };
  }

  get alive(): boolean {
    return this.#exchange.open;
  }

  /**
   * The commands for one job. After `revoke` nothing is sent any more: a request under way ends as `no_reply` and closes
   * the link, later ones are `closed`.
   */
  lease(): { session: ChargerSession; revoke: () => void } {
    let revoked = false;
    let underWay = 0;
    const run = async <T>(command: () => Promise<Answer<T>>): Promise<Answer<T>> => {
      if (revoked) return { kind: "closed" };
      underWay += 1;
      try {
        return await command();
      } finally {
        underWay -= 1;
      }
    };
    return {
      session: {
        ports: () => run(() => this.#freshPorts()),
        time: () => run(() => this.#time()),
        powerOn: (port: PortNo, minutes: Minutes) =>
          run(() => this.#command("POWERON", [String(port), String(minutes)])),
        powerOff: (port: PortNo) => run(() => this.#command("POWEROFF", [String(port)])),
        blink: () => run(() => this.#ask(() => encodeRequest({ kind: "query", name: "LEDBLINK" }), nothing)),
      },
      revoke: () => {
        revoked = true;
        if (underWay > 0) this.#exchange.abort();
      },
    };
  }

  async #ask<T>(frame: () => string, read: (reply: Reply) => T | undefined): Promise<Answer<T>> {
    const answer = await this.#exchange.ask(frame, read);
    if (answer.kind === "ok" || answer.kind === "refused") this.#events.answered();
    return answer;
  }

  async #time(): Promise<Answer<string>> {
    const answer = await this.#ask(
      () => encodeRequest({ kind: "query", name: "QTIME" }),
      ({ payload: [text, ...rest] }) =>
        text !== undefined && rest.length === 0 && ChargerClock.read(this.#clock, text) !== undefined
          ? text
          : undefined,
    );
    if (answer.kind === "ok") this.#face = ChargerClock.read(this.#clock, answer.value);
    return answer;
  }

  async #freshPorts(): Promise<Answer<PortReading[]>> {
    const known = this.#ports;
    this.#ports = undefined;
    if (known !== undefined && this.#exchange.open && this.#clock.uptime() - known.at < FRESH) {
      return { kind: "ok", value: known.reading };
    }
    return await this.#readPorts();
  }

  #readPorts(): Promise<Answer<PortReading[]>> {
    return this.#ask(
      () => encodeRequest({ kind: "query", name: "STA" }),
      ({ payload }) => {
        const ports = decodePorts(payload);
        return ports?.every((p) => p.port <= this.#profile.ports) === true ? ports : undefined;
      },
    );
  }

  #clockIsDue(): boolean {
    if (this.#face === undefined) return false;
    if (this.#face.unset) return true;
    return this.#site.synced() && this.#face.offBy(this.#site.now(), this.#site.zone()) > CLOCK_OFF;
  }

  async #setClock(): Promise<Answer<null>> {
    const zone = this.#site.zone();
    const time = chargerTime(wallTime(this.#site.now(), zone));
    // The command is dated by the time it sets: the charger's clock may be anything before it.
    const face = ChargerClock.read(this.#clock, time);
    const answer = await this.#signed("STIME", [time], face);
    if (answer.kind === "ok") this.#face = face;
    return answer;
  }

  /** A set command, with a clock that fits, and once more after a timestamp error. */
  async #command(name: SetName, parameters: readonly string[]): Promise<Answer<null>> {
    this.#ports = undefined;
    // Ours may have been corrected since the link was opened.
    if (this.#clockIsDue()) {
      const set = await this.#setClock();
      if (set.kind !== "ok" && set.kind !== "refused") return set;
    }
    const answer = await this.#signed(name, parameters, this.#face);
    if (answer.kind !== "refused" || answer.result !== TIMESTAMP_ERROR) return answer;

    const time = await this.#time();
    if (time.kind !== "ok") return time.kind === "refused" ? answer : time;
    if (this.#site.synced() || this.#face?.unset === true) {
      const set = await this.#setClock();
      if (set.kind !== "ok" && set.kind !== "refused") return set;
    }
    return await this.#signed(name, parameters, this.#face);
  }

  /** Dated by the charger's own clock, so that one that runs wrong and may not be set can be driven all the same. */
  async #signed(
    name: SetName,
    parameters: readonly string[],
    face: ChargerClock | undefined,
  ): Promise<Answer<null>> {
    // Without its clock nothing can be dated; `open` has read it.
    if (face === undefined) return { kind: "closed" };
    const timestamp = (later: number): string =>
      face.timestamp(this.#profile.timestamp, this.#site.zone(), later);
    const answer = await this.#ask(
      () => this.#signer.frame({ name, parameters, jamCode: this.#config.jamCode, timestamp }),
      nothing,
    );
    if (answer.kind === "refused" && answer.result === SIGNATURE_ERROR) {
      this.#events.misconfigured(
        `it refuses the signature of ${name}: its jam code is not the one in its record`,
      );
    }
    return answer;
  }
}

/** A confirmation carries nothing; a reply with a payload answers something else. */
const nothing = (reply: Reply): null | undefined => (reply.payload.length === 0 ? null : undefined);

function inWords(answer: Answer<unknown>): string {
  switch (answer.kind) {
    case "ok":
      return "done";
    case "refused":
      return `it answers with result ${answer.result}`;
    case "no_reply":
      return "no answer within 3 s";
    case "closed":
      return "the link was lost";
    case "garbled":
      return answer.detail;
  }
}
