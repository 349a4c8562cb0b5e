import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, wallTime } from "@bluepower/protocol/siteTime";

/** WeChat Pay's own zone; it takes any, and shows this one to merchants. */
const ZONE = "Asia/Shanghai";
const OFFSET = "+08:00";

const two = (n: number): string => String(n).padStart(2, "0");

/** `2026-11-22T15:01:02+08:00`. */
export function rfc3339(at: Instant): string {
  const w = wallTime(at, ZONE);
  return `${w.year}-${two(w.month)}-${two(w.day)}T${two(w.hour)}:${two(w.minute)}:${two(w.second)}${OFFSET}`;
}

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Undefined for another form or a time that does not exist. */
export function parseRfc3339(text: string): Instant | undefined {
  const found = FORM.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const [sign, hours = "0", minutes = "0"] = found.slice(7);
  const at = instantOf(
    {
      year: year ?? 0,
      month: month ?? 0,
      day: day ?? 0,
      hour: hour ?? 0,
      minute: minute ?? 0,
      second: second ?? 0,
    },
    "UTC",
  );
  if (at === undefined) return undefined;
  const ahead = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  return instant(at - ahead);
}
