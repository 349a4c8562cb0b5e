import type { Clock } from "@bluepower/protocol/clock";
import type { Db } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";

/** What orders work with; `Cloud` is one. */
export interface OrderWorld {
  db: Db;
  clock: Clock;
  gateways: Gateways;
}

/** How long a person waits for a charger before the call answers with what is known (spec 2, step 3). */
export const WAIT_MS = 10_000;
/** A start that reaches its gateway later than this after the order is refused there: nobody stands at the charger any more. */
export const START_DEADLINE_MS = 60_000;
/** A charger that its gateway lost longer ago than this is not tried. */
export const LOST_AFTER_MS = 90_000;
