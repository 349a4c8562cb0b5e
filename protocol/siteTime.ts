import type { Instant } from "./clock.ts";

/** A moment as people on the site read it from a wall clock. */
export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, found);
  }
  return found;
}

/** The wall time of an instant in an IANA zone. Throws RangeError for an unknown zone. */
export function wallTime(at: Instant, zone: string): WallTime {
  if (zone === "UTC") return utcWall(at);
  const parts = new Map(
    format(zone)
      .formatToParts(at)
      .map((p) => [p.type, Number(p.value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return {
    year: part("year"),
    month: part("month"),
    day: part("day"),
    hour: part("hour"),
    minute: part("minute"),
    second: part("second"),
  };
}

/** Chargers know no zone and are reckoned in UTC many times a second; the platform's calendar of zones is slow. */
function utcWall(at: Instant): WallTime {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) throw new RangeError(`${at} is no time`);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

const utc = (w: WallTime): number => Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute, w.second);

const DAY_MS = 86_400_000;

/**
 * The instant of a wall time in a zone; undefined when there is no such date. Where a clock is set back, the
 * earlier of the two; where it is set forward over the time, as if it had not been.
 */
export function instantOf(w: WallTime, zone: string): Instant | undefined {
  const asUtc = utc(w);
  const back = new Date(asUtc);
  if (
    Number.isNaN(asUtc) ||
    back.getUTCMonth() + 1 !== w.month ||
    back.getUTCDate() !== w.day ||
    w.hour > 23 ||
    w.minute > 59 ||
    w.second > 59
  ) {
    return undefined;
  }
  const offset = (at: number): number => utc(wallTime(at as Instant, zone)) - at;
  const before = asUtc - offset(asUtc - DAY_MS);
  const after = asUtc - offset(asUtc + DAY_MS);
  const reads = (at: number): boolean => utc(wallTime(at as Instant, zone)) === asUtc;
  return (reads(before) || !reads(after) ? before : after) as Instant;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `YYMMDDHHMMSS`, the charger's clock (spec 1). */
export function chargerTime(w: WallTime): string {
  return `${two(w.year % 100)}${two(w.month)}${two(w.day)}${two(w.hour)}${two(w.minute)}${two(w.second)}`;
}

/** Reads `YYMMDDHHMMSS`; undefined for another form or a date that does not exist. Years are 2000–2099. */
export function parseChargerTime(text: string): WallTime | undefined {
  if (!/^[0-9]{12}$/.test(text)) return undefined;
  const [year, month, day, hour, minute, second] = (text.match(/../g) ?? []).map(Number);
  if (
    year === undefined ||
    month === undefined ||
    day === undefined ||
    hour === undefined ||
    minute === undefined ||
    second === undefined
  ) {
    return undefined;
  }
  const w = { year: 2000 + year, month, day, hour, minute, second };
  return instantOf(w, "UTC") === undefined ? undefined : w;
}

/** `YYYY-MM-DD HH:MM:SS`, times on the HTTP wire (spec 2). */
export function wireTime(w: WallTime): string {
  return `${w.year}-${two(w.month)}-${two(w.day)} ${two(w.hour)}:${two(w.minute)}:${two(w.second)}`;
}
