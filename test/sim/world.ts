import { millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId, deviceCode, gatewayId, portNo } from "@bluepower/protocol/units";
import { sql } from "kysely";
import type { Db } from "../../cloud/database/database.ts";
import { unsafe, unsettled } from "./worldChecks.ts";
import { START, startWorldCloud, ZONE } from "./worldCloud.ts";
import { WorldFaults } from "./worldFaults.ts";
import { History } from "./worldHistory.ts";
import { WorldPay } from "./worldPay.ts";
import { WorldPeople } from "./worldPeople.ts";
import { WorldPipe } from "./worldPipe.ts";
import { type Plant, play } from "./worldPlant.ts";
import { quietLog, WorldSite } from "./worldSite.ts";

const GATEWAY = gatewayId("gw-1");
const CHARGERS = 6;
const PEOPLE = 30;
const STEP = millis(5000);
/** A world in which no port is switched on for so long stands still. */
const STANDSTILL_STEPS = (12 * 3_600_000) / STEP;
/** Charges, payments, cancels and repeats all end within this after the last fault. */
const SETTLE_STEPS = (4 * 3_600_000) / STEP;
const MACROTASK = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface WorldResult {
  /** Of everything that happened and of what was stored in the end. */
  hash: string;
  /** How often a port was switched on. */
  charges: number;
  orders: number;
  /** Simulated time, in whole minutes. */
  minutes: number;
  faults: Record<string, number>;
  violations: string[];
}

/**
 * Runs the real cloud, one real gateway and simulated chargers on one simulated clock, with people and faults drawn from the
 * seed, until ports were switched on `charges` times; then everything is mended, and has to come together. Ends at the first
 * violation. The same seed gives the same hash.
 */
export async function runWorld(of: {
  seed: number | string;
  charges: number;
  plant?: Plant;
  /** Every line of the history, for people who look for a cause. */
  trace?: (line: string) => void;
}): Promise<WorldResult> {
  const clock = new SimulatedClock(START, MACROTASK);
  const random = seededRandom(of.seed);
  const history = new History({ clock, trace: of.trace });
  const logged = (line: string): void => history.violation(`logged: ${line.trim()}`);
  const pipe = new WorldPipe({ clock, random: random.fork("uplink"), history, id: GATEWAY });
  const pay = new WorldPay({ clock, random: random.fork("payment"), history });
  const chargers = Array.from({ length: CHARGERS }, (_, i) => ({
    code: deviceCode(`WORLD00${i + 1}`),
    chip: chipId(`WORLDCHIP00${i + 1}`),
  }));
  const cloud = await startWorldCloud({
    ...{ clock, log: quietLog(logged), pipe, chargers, provider: pay.provider, gatewayId: GATEWAY },
    random: random.fork("cloud"),
  });
  const site = new WorldSite({
    ...{ clock, logged, pipe, chargers, id: GATEWAY, zone: ZONE },
    random: random.fork("gateway"),
    crashed: () => faults.crashed("after a commit"),
  });
  const starts = watchPorts(site, history);
  const faults = new WorldFaults({ clock, history, pipe, site, random: random.fork("faults") });
  const people = new WorldPeople({
    ...{ clock, cloud, pay, history, chargers: site.chargers },
    random: random.fork("people"),
  });
  const changes = changesOf(cloud.db);
  const step = async (): Promise<void> => {
    await clock.advance(STEP);
    if (!(await changes())) return;
    for (const problem of await unsafe(cloud.db, people.toldCancelled)) history.violation(problem);
  };
  const count = (): number => [...starts.values()].reduce((sum, n) => sum + n, 0);

  try {
    await people.come(PEOPLE);
    let quiet = 0;
    let { plant } = of;
    while (count() < of.charges && history.violations.length === 0) {
      const before = count();
      await step();
      quiet = count() === before ? quiet + 1 : 0;
      if (quiet > STANDSTILL_STEPS) history.violation("nobody charges any more");
      if (plant === undefined || count() < of.charges / 2) continue;
      if (await play(plant, { db: cloud.db, site, told: people.toldCancelled })) plant = undefined;
    }
    faults.heal();
    pay.heal();
    people.goHome();
    const open = async (): Promise<string[]> => [
      ...(people.busy === 0 ? [] : [`${people.busy} people are about something`]),
      ...(await unsettled({ db: cloud.db, site, pay, starts })),
    ];
    for (let steps = 0; history.violations.length === 0; steps++) {
      await step();
      // What is wrong in the end is wrong at every look; looking seldom costs nothing.
      if (steps % 12 !== 0 || (steps < SETTLE_STEPS && (await open()).length > 0)) continue;
      for (const problem of await open()) history.violation(`not settled: ${problem}`);
      break;
    }
    const orders = await record(cloud.db, history);
    const minutes = Math.floor(clock.uptime() / 60_000);
    const { violations } = history;
    return {
      ...{ charges: count(), orders, minutes, faults: history.faults, violations: [...violations] },
      hash: history.digest(),
    };
  } finally {
    site.close();
    const closing = { done: false };
    void cloud.close().finally(() => {
      closing.done = true;
    });
    while (!closing.done) await clock.advance(STEP);
  }
}

/** Every port that is switched on is switched on for an order that its gateway has stored, and once for each. */
function watchPorts(site: WorldSite, history: History): Map<string, number> {
  const starts = new Map<string, number>();
  for (const { code, charger } of site.chargers) {
    charger.onEvent((event) => {
      if (event.kind !== "port") return;
      history.add(`${code} port ${event.port} ${event.cause} ${event.minutesLeft}`);
      if (event.cause !== "started") return;
      const orderId = site.store.orders.holder(code, portNo(event.port));
      if (orderId === undefined) {
        history.violation(`${code} port ${event.port} runs without an order that the gateway has stored`);
        return;
      }
      const times = (starts.get(orderId) ?? 0) + 1;
      starts.set(orderId, times);
      if (times > 1) history.violation(`order ${orderId} switched its port on ${times} times`);
    });
  }
  return starts;
}

/** Answers whether the cloud has written anything since the last time. */
function changesOf(db: Db): () => Promise<boolean> {
  let seen = -1;
  return async () => {
    const { rows } = await sql<{ n: number }>`select total_changes() as n`.execute(db);
    const now = rows[0]?.n ?? 0;
    const changed = now !== seen;
    seen = now;
    return changed;
  };
}

/** What is stored in the end becomes part of the history; answers the number of orders. */
async function record(db: Db, history: History): Promise<number> {
  const orders = await db.selectFrom("order_info").selectAll().orderBy("id").execute();
  const transfers = await db.selectFrom("ledger_transfer").selectAll().orderBy("id").execute();
  const attempts = await db.selectFrom("order_pay_info").selectAll().orderBy("id").execute();
  for (const row of [...orders, ...transfers, ...attempts]) history.add(JSON.stringify(row));
  return orders.length;
}
