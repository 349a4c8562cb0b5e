import type { Clock } from "@bluepower/protocol/clock";
import { type DeviceCode, type OrderId, portNo } from "@bluepower/protocol/units";
import { START_DEADLINE_MS } from "../../cloud/orders/world.ts";
import type { WorldCloud } from "./worldCloud.ts";
import type { History } from "./worldHistory.ts";
import type { WorldSite } from "./worldSite.ts";
import type { Watch } from "./worldWatch.ts";

/** The way of a command that was sent in time, and what it may be off by rounding. */
const SLACK_MS = 3000;

interface Parts {
  clock: Clock;
  cloud: WorldCloud;
  site: WorldSite;
  watch: Watch;
  history: History;
}

/**
 * Watches the ports themselves: whichever is switched on is switched on for an order that its gateway has stored, once for each,
 * and not when nobody stands there any more.
 */
export class WorldPorts {
  readonly #of: Parts;
  /** How often each order's port was switched on. */
  readonly starts = new Map<string, number>();
  count = 0;
  /** The orders that ports run for, by charger and port. */
  readonly #running = new Map<DeviceCode, Map<number, OrderId>>();

  constructor(of: Parts) {
    this.#of = of;
    for (const { code, charger } of of.site.chargers) {
      this.#running.set(code, new Map());
      charger.onEvent((event) => {
        if (event.kind !== "port") return;
        of.history.add(`${code} port ${event.port} ${event.cause} ${event.minutesLeft}`);
        if (event.cause === "started") this.#started(code, event.port);
        else this.#running.get(code)?.delete(event.port);
      });
    }
  }

  /** What is wrong with the ports of a charger that run: their orders are not forgotten meanwhile. */
  look(code: DeviceCode): string[] {
    const { site } = this.#of;
    if (!site.running) return [];
    return [...(this.#running.get(code) ?? [])]
      .filter(([, orderId]) => site.store.orders.get(orderId) === undefined)
      .map(
        ([port, orderId]) => `order ${orderId} runs at ${code} port ${port} and the gateway has forgotten it`,
      );
  }

  #started(code: DeviceCode, port: number): void {
    const { site, history, cloud, clock, watch } = this.#of;
    this.count += 1;
    const orderId = site.store.orders.holder(code, portNo(port));
    if (orderId === undefined) {
      history.violation(`${code} port ${port} runs without an order that the gateway has stored`);
      return;
    }
    this.#running.get(code)?.set(port, orderId as OrderId);
    const times = (this.starts.get(orderId) ?? 0) + 1;
    this.starts.set(orderId, times);
    if (times > 1) history.violation(`order ${orderId} switched its port on ${times} times`);
    const made = watch.made.get(orderId);
    if (made === undefined) return;
    const late = clock.uptime() - made;
    // Whoever sets the cloud's clock back moves its deadlines away.
    if (late > START_DEADLINE_MS + SLACK_MS + cloud.wall.setBackSince(made)) {
      history.violation(
        `order ${orderId} switched its port on ${Math.round(late / 1000)} s after it was made`,
      );
    }
  }
}
