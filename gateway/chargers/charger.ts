import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import {
  type Clock,
  type Instant,
  type Millis,
  millis,
  seconds,
  type Timer,
} from "@bluepower/protocol/clock";
import type { Link } from "../radio/radio.ts";
import type { ChargerConfig, ChargerSession, Urgency } from "./chargers.ts";
import { Presence } from "./presence.ts";
import type { Session } from "./session.ts";
import { Signer } from "./signer.ts";

/** Requests that may wait for one charger. The supervisor has a handful; more means that somebody does not stop asking. */
export const JOBS_MAX = 32;

/** The order of urgency. */
const rank: Record<Urgency, number> = { command: 0, running: 1, idle: 2 };
/** Of a charger that nobody asks for: it is linked only where a link is to spare. */
export const NOBODY = 3;

export interface Job {
  urgency: Urgency;
  label: string;
  /** Runs the work; resolves when the charger is free again and never rejects. */
  run: (lease: { session: ChargerSession; revoke: () => void }) => Promise<void>;
  /** Settles the job unserved. */
  fail: (detail: string) => void;
}

/** `opening` and `closing` links serve nobody, and take a slot all the same. */
export interface ChargerLink {
  link: Link;
  session: Session;
  state: "opening" | "open" | "closing";
  since: Millis;
}

/** What the scheduler keeps of one charger. */
export interface Charger {
  config: ChargerConfig;
  profile: ChargerProfile;
  readonly signer: Signer;
  /** In the order of urgency, then of arrival. */
  readonly jobs: Job[];
  running: Job | undefined;
  link: ChargerLink | undefined;
  readonly presence: Presence;
  rssi: number | null;
  /** An attempt found nobody: the next one waits until it is heard. */
  mustBeHeard: boolean;
  /** Failed attempts in a row, and when the last of them ended. */
  failures: number;
  failedAt: Millis;
  lastAttempt: Millis;
  /** When its link last served somebody. */
  lastUsed: Millis;
  lastAnswer: Instant | null;
  problem: string | null;
  misconfigured: boolean;
  keepAlive: Timer | undefined;
}

export function newCharger(of: {
  clock: Clock;
  config: ChargerConfig;
  profile: ChargerProfile;
  presenceChanged: (charger: Charger, present: boolean, reason: string) => void;
}): Charger {
  const charger: Charger = {
    config: of.config,
    profile: of.profile,
    signer: new Signer(),
    jobs: [],
    running: undefined,
    link: undefined,
    presence: new Presence({
      clock: of.clock,
      linked: () => charger.link !== undefined,
      changed: (present, reason) => of.presenceChanged(charger, present, reason),
    }),
    rssi: null,
    mustBeHeard: true,
    failures: 0,
    failedAt: millis(0),
    lastAttempt: millis(-1),
    lastUsed: millis(0),
    lastAnswer: null,
    problem: null,
    misconfigured: false,
    keepAlive: undefined,
  };
  return charger;
}

/** Puts the job behind all that are as urgent; false when too many wait. */
export function enqueue(charger: Charger, job: Job): boolean {
  if (charger.jobs.length >= JOBS_MAX) return false;
  const at = charger.jobs.findIndex((other) => rank[other.urgency] > rank[job.urgency]);
  charger.jobs.splice(at < 0 ? charger.jobs.length : at, 0, job);
  return true;
}

/** How urgently the charger is wanted: the rank of its first job. */
export function wanted(charger: Charger): number {
  const first = charger.jobs[0];
  return first === undefined ? NOBODY : rank[first.urgency];
}

/** Pauses after failed attempts in a row. */
const PAUSES: readonly Millis[] = [1, 2, 4, 8, 16, 30].map(seconds);
/** A command is tried again sooner, because its deadline is a minute and a person waits. */
const COMMAND_PAUSES: readonly Millis[] = [0.1, 1, 2, 5].map(seconds);

const pauseAfter = (failures: number, pauses: readonly Millis[]): Millis =>
  failures === 0 ? millis(0) : (pauses[Math.min(failures, pauses.length) - 1] ?? millis(0));

/** When an attempt may be made; undefined: not before it is heard, or not while it is linked. */
export function readyAt(charger: Charger): Millis | undefined {
  if (charger.mustBeHeard || charger.link !== undefined) return undefined;
  const pauses = wanted(charger) === rank.command ? COMMAND_PAUSES : PAUSES;
  return millis(charger.failedAt + pauseAfter(charger.failures, pauses));
}

/** The next charger to be connected: the most urgent, and of these the one whose last attempt is longest ago. */
export function nextToConnect(candidates: Iterable<Charger>): Charger | undefined {
  let best: Charger | undefined;
  for (const c of candidates) {
    const better =
      best === undefined ||
      wanted(c) < wanted(best) ||
      (wanted(c) === wanted(best) && c.lastAttempt < best.lastAttempt);
    if (better) best = c;
  }
  return best;
}

/** The link to give up for another charger: of those that serve nobody the least recently used. */
export function linkToGiveUp(chargers: Iterable<Charger>): Charger | undefined {
  let best: Charger | undefined;
  for (const c of chargers) {
    if (c.running !== undefined || c.link?.state !== "open") continue;
    if (best === undefined || c.lastUsed < best.lastUsed) best = c;
  }
  return best;
}
