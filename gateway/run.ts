import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { GatewayId } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import { Scheduler } from "./chargers/scheduler.ts";
import { healthTeller } from "./health.ts";
import type { Radio } from "./radio/radio.ts";
import { isZone, SiteTime } from "./siteTime.ts";
import type { Status } from "./status.ts";
import type { Store } from "./store/store.ts";
import { Book } from "./supervisor/book.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { CloudTime } from "./uplink/cloudTime.ts";
import { Sync } from "./uplink/sync.ts";
import type { Uplink } from "./uplink/uplink.ts";

const KEEP = seconds(60);

export interface Gateway {
  status(): Status;
  /** Stops working: nothing is begun any more, links and uplink are closed. The store stays open for its owner. */
  close(): Promise<void>;
}

/**
 * Wires a gateway together: the program with real parts, and simulations with theirs. Up: radio → scheduler →
 * supervisor → store → outbox → uplink; down: uplink → sync → supervisor → store → scheduler → radio.
 */
export function startGateway(of: {
  id: GatewayId;
  /** Name and version of the program. */
  program: string;
  clock: Clock;
  random: Random;
  radio: Radio;
  uplink: Uplink;
  store: Store;
  log: Logger;
  /** Zone of the site until the desired state says it. */
  zone: string;
  /** Whether the operating system says that its clock is synchronised. */
  wallIsSynced?: () => boolean;
  /** How many links the adapter holds. */
  links?: number;
}): Gateway {
  const { clock, random, radio, uplink, store, log } = of;
  const time = new CloudTime(clock);
  const book = new Book(store, log);
  let supervisor: Supervisor | undefined;
  const site = new SiteTime({
    clock,
    store,
    cloud: time,
    wallIsSynced: of.wallIsSynced ?? (() => false),
    zone: () => {
      const zone = supervisor?.zone;
      return zone !== undefined && isZone(zone) ? zone : of.zone;
    },
  });
  const scheduler = new Scheduler({
    clock,
    radio,
    site,
    log: log.child({ part: "chargers" }),
    ...(of.links === undefined ? {} : { links: of.links }),
  });
  const orders = new Supervisor({ book, chargers: scheduler, clock, time, log });
  supervisor = orders;
  const sync = new Sync({
    id: of.id,
    program: of.program,
    uplink,
    clock,
    random,
    time,
    book,
    supervisor: orders,
    log,
  });
  orders.start();

  let keep: Timer | undefined;
  const tellHealth = healthTeller();
  const keepStore = (): void => {
    site.correct();
    store.keep();
    tellHealth(book);
    keep = clock.after(KEEP, "keep the store", keepStore);
  };
  keepStore();

  return {
    status: () => ({
      gateway: of.id,
      program: of.program,
      runningSeconds: Math.floor(store.boots.running() / 1000),
      cloud: { connected: uplink.connected, ...sync.state },
      outbox: { waiting: sync.outbox.waiting, acknowledged: sync.outbox.mark, ...sync.outbox.counts },
      clock: { now: site.now(), synced: site.synced(), cloudTime: time.known },
      radio: { state: radio.state, links: scheduler.links() },
      store: { used: store.used(), fill: store.fill, refusals: store.refusals, boot: store.boots.number },
      ...orders.status(),
    }),
    async close() {
      keep?.cancel();
      sync.close();
      orders.close();
      await scheduler.close();
      await uplink.close();
    },
  };
}
