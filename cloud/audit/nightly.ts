import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import { dayOf } from "../orders/orderDay.ts";
import { inOneLine, type Violation } from "./audit.ts";

/** Half past three by the site's clock: hardly anybody pays then. */
const NIGHT_MS = 12_600_000;
/** Looked at the clock anew, which may have been set. */
const LOOK = seconds(600);
/** Violations that the log names; the command line names all. */
const NAMED = 10;

export interface Audits {
  /** What the last audit found; undefined while there was none. */
  broken(): number | undefined;
  /** When it was, epoch ms. */
  time(): number | undefined;
  /** Waits for the audit that is under way. */
  stop(): Promise<void>;
}

/**
 * Has the books proven once now and then every night at half past three by the site's clock. What is not in order is an error
 * line and a number; the cloud serves on.
 */
export function startAudits(of: {
  clock: Clock;
  log: Logger;
  zone: string;
  audit: () => Promise<Violation[]>;
}): Audits {
  const { clock, log, zone } = of;
  let stopped = false;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let last: { night: number; found: number; at: number } | undefined;
  const night = (): number => dayOf(clock.now() - NIGHT_MS, zone);

  async function prove(): Promise<void> {
    const tonight = night();
    const began = clock.uptime();
    try {
      const violations = await of.audit();
      last = { night: tonight, found: violations.length, at: clock.now() };
      const ms = clock.uptime() - began;
      if (violations.length === 0) {
        log.info({ event: "audit.holds", ms }, "the books are in order");
        return;
      }
      const named = violations.slice(0, NAMED).map(inOneLine);
      log.error(
        { event: "audit.broken", count: violations.length, violations: named, ms },
        "the books are not in order: bluepower-cloud audit tells all of it",
      );
    } catch (error) {
      log.error({ err: error, event: "audit.failed" }, "the books could not be looked at");
    }
  }
  function look(): void {
    if (stopped) return;
    if (running === undefined && last?.night !== night()) {
      running = prove().finally(() => {
        running = undefined;
      });
    }
    timer = clock.after(LOOK, "audit", look);
  }
  look();
  return {
    broken: () => last?.found,
    time: () => last?.at,
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}
