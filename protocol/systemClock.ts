import type { Clock, Instant, Millis } from "./clock.ts";

/** A JavaScript timer counts at most this many milliseconds; a longer one fires at once. */
const TIMER_MAX = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now() as Instant,
  uptime: () => performance.now() as Millis,
  after(delay, _label, run) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      const part = Math.max(0, Math.min(left, TIMER_MAX));
      timer = setTimeout(() => (left > part ? wait(left - part) : void run()), part);
    };
    wait(delay);
    return { cancel: () => clearTimeout(timer) };
  },
};
