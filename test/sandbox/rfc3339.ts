import { type Instant, instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";

const ZONE = "Asia/Shanghai";

/** `2026-11-22T15:01:02+08:00`, the form in which WeChat Pay writes times. */
export const rfc3339 = (at: Instant): string => `${wireTime(wallTime(at, ZONE)).replace(" ", "T")}+08:00`;

const FORM = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/;

/** Undefined when the text is no RFC 3339 time or its date does not exist. */
export function parseRfc3339(text: string): Instant | undefined {
  if (!FORM.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : instant(at);
}

/** `YYYYMMDDhhmmss` in China's time, as it stands in WeChat's numbers. */
export const compactTime = (at: Instant): string => wireTime(wallTime(at, ZONE)).replace(/\D/g, "");
