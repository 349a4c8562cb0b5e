import type { PortReading } from "@bluepower/protocol/charger/frames";
import type { Instant, Millis } from "@bluepower/protocol/clock";
import type { ChipId, DeviceCode, JamCode, Minutes, PortNo } from "@bluepower/protocol/units";

/**
 * The chargers of the site, as the supervisor uses them. What stands behind (who gets a link, when the adapter scans,
 * clock setting on a new link) is the scheduler's affair.
 */
export interface Chargers {
  /** The whole set, from the desired state; a charger with an unknown profile is kept out by the caller. */
  assign(chargers: readonly ChargerConfig[]): void;
  /**
   * Runs `work` on a linked charger, connecting if need be. Requests for one charger run one after another, the more
   * urgent first; no charger waits for another that is absent. Settles at the latest `deadline` after the call: work
   * under way by then has its request answered as `no_reply`, every later one as `closed`, and its value is the outcome.
   * Work is not begun anew when the link is lost in it; it sees `closed`. What it throws rejects.
   */
  use<T>(job: {
    charger: DeviceCode;
    urgency: Urgency;
    deadline: Millis;
    label: string;
    work: (session: ChargerSession) => Promise<T>;
  }): Promise<UseOutcome<T>>;
  /** The charger was heard, or linked, after it had been lost, or for the first time; or lost (not heard for 90 s and not linked). */
  onPresence(
    listener: (change: {
      charger: DeviceCode;
      present: boolean;
      rssi: number | null;
      reason: string;
    }) => void,
  ): void;
  /** A new link found the clock unset: the charger lost power since the last link. Called before any job runs on it. */
  onPowerCut(listener: (charger: DeviceCode) => void): void;
  /** A charger that answers with a signature error has another jam code than its record. */
  onMisconfigured(listener: (charger: DeviceCode, detail: string) => void): void;
  status(charger: DeviceCode): ChargerStatus | undefined;
}

/** Commands go before polls, running ports before idle ones. */
export type Urgency = "command" | "running" | "idle";

export interface ChargerConfig {
  charger: DeviceCode;
  chip: ChipId;
  jamCode: JamCode;
  profile: number;
}

export type UseOutcome<T> =
  | { kind: "done"; value: T }
  /** No link within the deadline, or the link was lost and could not be had again; `detail` is a sentence for people. */
  | { kind: "unreachable"; detail: string };

/** Commands of one linked charger. Each settles within the reply deadline (3 s). */
export interface ChargerSession {
  /** A reading that opened the link less than a second ago is given again, unless a command came after it. */
  ports(): Promise<Answer<PortReading[]>>;
  time(): Promise<Answer<string>>;
  /** A timestamp error sets the clock and is tried once more inside (spec 4, "Charge"). */
  powerOn(port: PortNo, minutes: Minutes): Promise<Answer<null>>;
  powerOff(port: PortNo): Promise<Answer<null>>;
  blink(): Promise<Answer<null>>;
}

export type Answer<T> =
  | { kind: "ok"; value: T }
  /** The charger refused: 1 failed, 2 timestamp, 3 signature. */
  | { kind: "refused"; result: 1 | 2 | 3 }
  /** Nothing came within the deadline: the command may have been carried out. The link is closed, so ask on a new one. */
  | { kind: "no_reply" }
  /** The link is gone: the command may have been carried out. */
  | { kind: "closed" }
  /** Something came that is no answer to this command. */
  | { kind: "garbled"; detail: string };

export interface ChargerStatus {
  present: boolean;
  linked: boolean;
  rssi: number | null;
  lastAnswer: Instant | null;
  /** Why it cannot be reached, a sentence; null while it can. */
  problem: string | null;
}

/** What the radio side must know of time: the wall clock and whether it can be trusted to set a charger's clock. */
export interface SiteTime {
  now(): Instant;
  synced(): boolean;
  zone(): string;
  /** A charger's clock was read, and had been set; told where ours cannot be trusted. */
  chargerShows?(time: Instant): void;
}
