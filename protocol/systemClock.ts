import type { Clock, Instant, Millis } from "./clock.ts";

/** A JavaScript timer counts at most this many milliseconds; a longer one fires at once. */
const TIMER_MAX = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now() as Instant,
  uptime: () => performance.now() as Millis,
  after(delay, _label, run) {
    const timer = setTimeout(() => void run(), Math.max(0, Math.min(delay, TIMER_MAX)));
    return { cancel: () => clearTimeout(timer) };
  },
};
