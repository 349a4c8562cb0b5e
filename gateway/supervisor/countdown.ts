/**
 * What readings of a running port say about its countdown. The charger counts by its own crystal and goes on by
 * itself after a power cut, so the gateway follows its readings instead of trusting a timer of its own: it learns the
 * pace, knows when the end is due, and tells an end by time from a port that somebody has switched.
 */

/** Minutes left at an uptime, as read; rounded up, so the true value is up to a minute less. */
interface Reading {
  left: number;
  uptime: number;
}

export interface Countdown {
  /** The first reading of this run of the program; at the start what was ordered, when POWERON went out. */
  base: Reading;
  /** Uptime by which it certainly had begun: of the reading, or of the reply to POWERON, which may come seconds late. */
  begun: number;
  last: Reading;
  /** Uptime at which it is surely over if it goes on like this: readings are rounded up, so together they say it best. */
  end: number;
  /** Minutes counted per minute; null until enough has been counted to know. A simulated charger may count faster. */
  pace: number | null;
  /**
   * A fall that is too quick for pace 1, until a second one confirms that the charger counts so; `before` was left before
   * it, `slowest` and `quickest` are the paces it can come from.
   */
  suspect: { pace: number; slowest: number; quickest: number; before: number; at: Reading } | null;
  /** The charger was without power: for a while nothing was counted, so the next reading is a new base. */
  paused: boolean;
}

const MINUTE = 60_000;
/** Rounding up, a second of reply time, and what the charger's crystal may be off. */
const SLACK_MINUTES = 2;
/** How much quicker than expected a fall may be. */
const TOLERANCE = 1.5;

/** Up to this a pace is that of a charger in real time. */
const REAL_TIME = 1.1;
/** Minutes that have to be counted before a pace is known. */
const ENOUGH = 5;

/** `uptime`: when this much was left, at the latest; `sent`: at the earliest. */
export function begin(left: number, uptime: number, sent = uptime): Countdown {
  const [base, last] = [
    { left, uptime: sent },
    { left, uptime },
  ];
  return { base, begun: uptime, last, end: uptime + left * MINUTE, pace: null, suspect: null, paused: false };
}

/** The least that was proven to be left: what was ordered less this has certainly been delivered. */
export const provenLeft = (c: Countdown): number => c.suspect?.before ?? c.last.left;

const paceOf = (c: Countdown): number => c.pace ?? c.suspect?.pace ?? 1;

/** Takes a reading of the port while it runs; `meddled`: this is not the countdown that was begun. */
export function observe(c: Countdown, left: number, uptime: number): Countdown | "meddled" {
  if (c.paused && left <= c.last.left) return begin(left, uptime);
  const followed = followPace(c, left, uptime);
  if (followed === "meddled") return followed;
  const pace = paceOf(followed);
  const [earliest, latest] = [left - 1, left].map((m) => uptime + (m * MINUTE) / pace);
  if (earliest === undefined || latest === undefined) return followed;
  // A power cut moves the end away; a pace that is learned moves it closer.
  const moved = pace !== paceOf(c) || earliest > c.end;
  return { ...followed, end: moved ? latest : Math.min(c.end, latest) };
}

function followPace(c: Countdown, left: number, uptime: number): Countdown | "meddled" {
  if (left > c.last.left) return "meddled";
  const last = { left, uptime };
  const passed = (uptime - c.base.uptime) / MINUTE;
  const fallen = c.base.left - left;
  if (c.pace !== null) {
    const expected = c.pace * ((uptime - c.last.uptime) / MINUTE);
    if (c.last.left - left > expected * TOLERANCE + SLACK_MINUTES) return "meddled";
    return { ...c, last, pace: paceSince(fallen, passed) };
  }
  if (c.suspect !== null) {
    const since = (uptime - c.suspect.at.uptime) / MINUTE;
    // Too short a time to tell.
    if (c.suspect.slowest * since < 3) return { ...c, last };
    const fell = c.suspect.at.left - left;
    const steady = fell >= c.suspect.slowest * since - 2 && fell <= c.suspect.quickest * since + 2;
    return steady ? { ...c, last, pace: paceSince(fallen, passed), suspect: null } : "meddled";
  }
  if (fallen < 2) return { ...c, last };
  if ((fallen - 1) / passed <= REAL_TIME) {
    return fallen < ENOUGH ? { ...c, last } : { ...c, last, pace: paceSince(fallen, passed) };
  }
  // Between two readings of the same millisecond nothing counts.
  if (passed === 0) return "meddled";
  // Both readings are rounded up: the true fall may be a minute more or less.
  const [slowest, pace] = [(fallen - 1) / passed, fallen / passed];
  const quickest = (fallen + 1) / ((uptime - c.begun) / MINUTE);
  return { ...c, last, suspect: { pace, slowest, quickest, before: c.last.left, at: last } };
}

/** Both readings are rounded up, so one minute of the fall proves nothing. */
function paceSince(fallen: number, passed: number): number {
  return passed === 0 || (fallen - 1) / passed <= REAL_TIME ? 1 : fallen / passed;
}

/** Whether a port that is found free has run out, rather than been switched off before. */
export function ranOut(c: Countdown, uptime: number): boolean {
  const pace = paceOf(c);
  const expected = c.last.left - pace * ((uptime - c.last.uptime) / MINUTE);
  // A pace that was just learned is known to a third only.
  const unsure = pace > TOLERANCE ? c.last.left / 3 : 0;
  return expected <= SLACK_MINUTES + unsure;
}

/** An end is read shortly after it is due. */
const AFTER_END = 1000;
/** Soon after the beginning readings come closer together: they show that the charge holds, and the pace. */
const FIRST_INTERVAL = 1000;

/** Uptime at which the next reading is due, `interval` being the usual time between two. */
export function nextReading(c: Countdown, interval: number): number {
  const age = c.last.uptime - c.base.uptime;
  const regular = c.last.uptime + Math.min(interval, Math.max(FIRST_INTERVAL, age));
  const end = c.end + AFTER_END;
  return end > c.last.uptime ? Math.min(regular, end) : regular;
}
