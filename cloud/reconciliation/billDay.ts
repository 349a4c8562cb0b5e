import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, wallTime } from "@bluepower/protocol/siteTime";
import { dayOf } from "../orders/orderDay.ts";

/** A day as the number yyyymmdd. */
export type Day = number;

/** WeChat Pay ends its days at midnight here, wherever the site is: by another zone's days nothing would fit. */
const BILL_ZONE = "Asia/Shanghai";
/** Bills are made from nine o'clock of the day after and are said to be there at ten. */
const OUT_MS = 10 * 3_600_000;
const DAY_MS = 86_400_000;

function midnight(day: Day, zone: string): Instant {
  const date = { year: Math.floor(day / 10_000), month: Math.floor(day / 100) % 100, day: day % 100 };
  const at = instantOf({ ...date, hour: 0, minute: 0, second: 0 }, zone);
  if (at === undefined) throw new RangeError(`${day} is no day`);
  return at;
}

function days(day: Day, by: number): Day {
  const { year, month, day: date } = wallTime(instant(midnight(day, "UTC") + by * DAY_MS), "UTC");
  return (year * 100 + month) * 100 + date;
}
export const dayAfter = (day: Day): Day => days(day, 1);
export const daysBefore = (day: Day, by: number): Day => days(day, -by);

/** The first moment of a day of WeChat Pay, and the first after it. */
export const spanOf = (day: Day): { from: Instant; to: Instant } => ({
  from: midnight(day, BILL_ZONE),
  to: midnight(dayAfter(day), BILL_ZONE),
});

export const billDayOf = (at: number): Day => dayOf(at, BILL_ZONE);

/** The last day whose bill is out. */
export const lastBillDay = (now: Instant): Day => daysBefore(billDayOf(now - OUT_MS), 1);

/** `2026-11-22`, as WeChat Pay takes and writes it. */
export const written = (day: Day): string => String(day).replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3");
