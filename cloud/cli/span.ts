import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { optional, type Parse } from "./command.ts";

/** A day as the number yyyymmdd. */
export type Day = number;

/** `20261123` or `2026-11-23`. */
export const dateValue: Parse<Day> = (text) => {
  const parts = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(text);
  const day = parts === null ? 0 : Number(`${parts[1]}${parts[2]}${parts[3]}`);
  return parts !== null && midnight(day, "UTC") !== undefined
    ? { value: day }
    : { problem: `is a date such as 2026-11-23, not "${text}"` };
};

export const fromDate = optional("DATE", dateValue, "from this day on, in the site's zone");
export const toDate = optional("DATE", dateValue, "up to the end of this day, in the site's zone");

function midnight(day: Day, zone: string): Instant | undefined {
  const date = { year: Math.floor(day / 10_000), month: Math.floor(day / 100) % 100, day: day % 100 };
  return instantOf({ ...date, hour: 0, minute: 0, second: 0 }, zone);
}

/** The first moment of a day that `dateValue` has read. */
function startOf(day: Day, zone: string): Instant {
  const at = midnight(day, zone);
  if (at === undefined) throw new RangeError(`${day} is no day`);
  return at;
}

const DAY_MS = 86_400_000;

function next(day: Day): Day {
  const { year, month, day: date } = wallTime(instant(startOf(day, "UTC") + DAY_MS), "UTC");
  return (year * 100 + month) * 100 + date;
}

/** The moments of days from midnight to midnight of a zone, both days included; `to` is the first moment after them. */
export function span(
  { from, to }: { from?: Day | undefined; to?: Day | undefined },
  zone: string,
): { from?: Instant; to?: Instant } | { problem: string } {
  if (from !== undefined && to !== undefined) return wholeSpan({ from, to }, zone);
  return {
    ...(from !== undefined && { from: startOf(from, zone) }),
    ...(to !== undefined && { to: startOf(next(to), zone) }),
  };
}

/** The same of days that are both given. */
export function wholeSpan(
  { from, to }: { from: Day; to: Day },
  zone: string,
): { from: Instant; to: Instant } | { problem: string } {
  if (from > to) return { problem: "--from is after --to" };
  return { from: startOf(from, zone), to: startOf(next(to), zone) };
}

/** A moment for lists, in the site's zone. */
export const shownTime = (at: number | null, zone: string): string | null =>
  at === null ? null : wireTime(wallTime(instant(at), zone));
