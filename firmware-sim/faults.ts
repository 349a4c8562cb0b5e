import { decodeRequest } from "@bluepower/protocol/charger/frames";
import { FrameReader, frameBytes } from "@bluepower/protocol/charger/reader";
import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import type { SimulatedCharger } from "./charger.ts";

export const FAULT_KINDS = [
  "power-cut",
  "port-damaged",
  "port-repaired",
  "drop-link",
  "silent",
  "lose-reply",
  "delay",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type Fault =
  | { kind: "power-cut"; ms: Millis }
  | { kind: "port-damaged" | "port-repaired"; port: number }
  | { kind: "drop-link" }
  | { kind: "silent"; ms: Millis; times: number }
  | { kind: "lose-reply"; times: number }
  | { kind: "delay"; ms: Millis; times: number };

/** What a fault does when the request says no more. */
export const POWER_CUT_DEFAULT = seconds(3);
export const SILENT_DEFAULT = seconds(60);
const TIMES_DEFAULT = 1;

const MS_MAX = 3_600_000;
const TIMES_MAX = 1000;

/** Checks the body of a fault request (spec 6); the problem names the field and what is allowed. */
export function readFault(body: unknown, ports: number): Fault | { problem: string; field: string } {
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    return { field: "body", problem: 'the body is an object, for example {"kind": "drop-link"}' };
  }
  const fields = body as Record<string, unknown>;
  const kind = FAULT_KINDS.find((k) => k === fields.kind);
  if (kind === undefined) return { field: "kind", problem: `kind is one of ${FAULT_KINDS.join(", ")}` };
  const foreign = Object.keys(fields).find((name) => !["kind", "port", "ms", "times"].includes(name));
  if (foreign !== undefined) {
    return { field: foreign, problem: `${foreign} is not known: kind, port, ms and times are` };
  }
  const { port, ms, times } = fields;
  if (port !== undefined && !whole(port, 1, ports)) {
    return { field: "port", problem: `port is a whole number from 1 to ${ports}` };
  }
  if (ms !== undefined && !whole(ms, 1, MS_MAX)) {
    return { field: "ms", problem: `ms is a whole number from 1 to ${MS_MAX}` };
  }
  if (times !== undefined && !whole(times, 0, TIMES_MAX)) {
    return { field: "times", problem: `times is a whole number from 0 (ends the fault) to ${TIMES_MAX}` };
  }
  switch (kind) {
    case "power-cut":
      return { kind, ms: millis(ms ?? POWER_CUT_DEFAULT) };
    case "port-damaged":
    case "port-repaired":
      return port === undefined
        ? { field: "port", problem: `port is missing: a whole number from 1 to ${ports}` }
        : { kind, port };
    case "drop-link":
      return { kind };
    case "silent":
      return silence(ms, times);
    case "lose-reply":
      return { kind, times: times ?? TIMES_DEFAULT };
    case "delay":
      return ms === undefined
        ? { field: "ms", problem: `ms is missing: a whole number from 1 to ${MS_MAX}` }
        : { kind, ms: millis(ms), times: times ?? TIMES_DEFAULT };
  }
}

/** Until `ms` have passed or `times` frames were ignored, whichever comes first; with neither, for a minute. */
function silence(ms: number | undefined, times: number | undefined): Fault {
  const forTimes = times === undefined ? SILENT_DEFAULT : MS_MAX;
  return { kind: "silent", ms: millis(ms ?? forTimes), times: times ?? Number.POSITIVE_INFINITY };
}

const whole = (n: unknown, low: number, high: number): n is number =>
  typeof n === "number" && Number.isInteger(n) && n >= low && n <= high;

/** A reply and how long it is held back. */
export interface DueReply {
  bytes: Uint8Array;
  delay: Millis;
}

/**
 * The charger with the faults of spec 6 around it. A silent charger is one whose firmware hangs: it takes bytes and
 * carries nothing out. `lose-reply` and `delay` act on set commands, which are carried out; queries pass them by and are
 * not counted, so that a test can aim at one POWERON while somebody polls.
 */
export class FaultyCharger {
  readonly #charger: SimulatedCharger;
  readonly #clock: Clock;
  readonly #dropLink: () => void;
  readonly #reader = new FrameReader();
  #power: Timer | undefined;
  #silentUntil = 0;
  #silentTimes = 0;
  #lose = 0;
  #delay = { ms: millis(0), times: 0 };

  constructor(of: { charger: SimulatedCharger; clock: Clock; dropLink: () => void }) {
    this.#charger = of.charger;
    this.#clock = of.clock;
    this.#dropLink = of.dropLink;
  }

  apply(fault: Fault): void {
    switch (fault.kind) {
      case "power-cut":
        this.#charger.powerCut();
        this.#power?.cancel();
        this.#power = this.#clock.after(fault.ms, "power comes back", () => this.#charger.powerUp());
        break;
      case "port-damaged":
      case "port-repaired":
        this.#charger.setDamaged(fault.port, fault.kind === "port-damaged");
        break;
      case "drop-link":
        this.#dropLink();
        break;
      case "silent":
        this.#silentUntil = this.#clock.uptime() + fault.ms;
        this.#silentTimes = fault.times;
        break;
      case "lose-reply":
        this.#lose = fault.times;
        break;
      case "delay":
        this.#delay = { ms: fault.ms, times: fault.times };
        break;
    }
  }

  /** Off until asked again, whatever was ordered before. */
  togglePower(): void {
    this.#power?.cancel();
    if (this.#charger.view().powered) this.#charger.powerCut();
    else this.#charger.powerUp();
  }

  get silent(): boolean {
    return this.#silentTimes > 0 && this.#clock.uptime() < this.#silentUntil;
  }

  /** Faults that wait for their occasion, as short texts for people. */
  pending(): string[] {
    const texts: string[] = [];
    if (this.silent) texts.push("silent");
    if (this.#lose > 0) texts.push(`lose-reply ×${this.#lose}`);
    if (this.#delay.times > 0) texts.push(`delay ${this.#delay.ms} ms ×${this.#delay.times}`);
    return texts;
  }

  disconnected(): void {
    this.#reader.reset();
    this.#charger.disconnected();
  }

  receive(bytes: Uint8Array): DueReply[] {
    return this.#reader.push(bytes).flatMap((frame) => {
      if (this.silent) {
        this.#silentTimes -= 1;
        return [];
      }
      const replies = this.#charger.receive(frameBytes(frame));
      if (!isSetCommand(frame)) return replies.map((reply) => ({ bytes: reply, delay: millis(0) }));
      if (this.#lose > 0) {
        this.#lose -= 1;
        return [];
      }
      const delay = this.#delay.times > 0 ? this.#delay.ms : millis(0);
      if (this.#delay.times > 0) this.#delay.times -= 1;
      return replies.map((reply) => ({ bytes: reply, delay }));
    });
  }
}

function isSetCommand(frame: string): boolean {
  const request = decodeRequest(frame);
  return !("problem" in request) && request.kind === "set";
}
