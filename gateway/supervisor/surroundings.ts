import type { Clock } from "@bluepower/protocol/clock";
import type { DeviceCode, PortNo } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import type { Chargers } from "../chargers/chargers.ts";
import type { ChargeOrder } from "../store/orders.ts";
import type { Book } from "./book.ts";

/** What a desk must know of the rest of the gateway. */
export interface Surroundings {
  book: Book;
  chargers: Chargers;
  clock: Clock;
  log: Logger;
  judge(deadline: number): "open" | "past" | "unknown";
  /** Milliseconds until a deadline, at least 0; undefined while cloud time is unknown. */
  until(deadline: number): number | undefined;
  /** Between two readings of a charger that runs; longer the more of them run. */
  runningInterval(): number;
  /** What to do with a port that runs for nobody; undefined before the first whole desired state. */
  foreignPolicy(): "report" | "switch_off" | undefined;
  /** A live order that the cloud says holds the port and that this gateway does not know yet. */
  adoptable(charger: DeviceCode, port: PortNo): ChargeOrder | undefined;
  misconfigured(charger: DeviceCode, detail: string): void;
}
