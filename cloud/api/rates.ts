import type { Clock } from "@bluepower/protocol/clock";

/** Calls a minute (spec 2, "Rates"). A dormitory is one address. */
export const RATES = { session: 300, moneyOfSession: 60, address: 3000, loginsOfAddress: 60 };

const WINDOW_MS = 60_000;
/** Keys that are counted at a time; when there are more, the oldest are forgotten, which errs on the side of the caller. */
export const KEYS_MAX = 100_000;

/** Counts per key in windows of one minute, in memory: a restart forgives. */
export function rates(clock: Clock) {
  const windows = new Map<string, { from: number; calls: number }>();

  /** Counts one call; the seconds to wait when there were too many, else null. */
  function take(key: string, limit: number): number | null {
    const now = clock.uptime();
    const found = windows.get(key);
    if (found !== undefined && now - found.from < WINDOW_MS) {
      found.calls++;
      return found.calls > limit ? Math.ceil((found.from + WINDOW_MS - now) / 1000) : null;
    }
    // Deleted before it is set: the map's order is then the order of the windows' beginnings.
    windows.delete(key);
    if (windows.size >= KEYS_MAX)
      for (const oldest of windows.keys()) {
        windows.delete(oldest);
        break;
      }
    windows.set(key, { from: now, calls: 1 });
    return null;
  }
  return { take, size: () => windows.size };
}
