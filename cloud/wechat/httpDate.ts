import type { Instant } from "@bluepower/protocol/clock";
import { instantOf } from "@bluepower/protocol/siteTime";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FORM = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;

/** The `Date` header of an answer (RFC 9110, IMF-fixdate); undefined for another form. */
export function parseHttpDate(text: string): Instant | undefined {
  const [, day, name = "", year, hour, minute, second] = FORM.exec(text) ?? [];
  const month = MONTHS.indexOf(name) + 1;
  if (month === 0) return undefined;
  const [y, d, h, m, s] = [year, day, hour, minute, second].map(Number);
  const at = { year: y ?? 0, month, day: d ?? 0, hour: h ?? 0, minute: m ?? 0, second: s ?? 0 };
  return instantOf(at, "UTC");
}
