import { millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId, type DeviceCode, deviceCode, gatewayId } from "@bluepower/protocol/units";
import type { Db } from "../../cloud/database/database.ts";
import { unsafe, unsettled } from "./worldChecks.ts";
import { WorldCloud } from "./worldCloud.ts";
import { furnish, managerOf, START, ZONE } from "./worldFurnish.ts";
import { History } from "./worldHistory.ts";
import { WorldPay } from "./worldPay.ts";
import { WorldPeople } from "./worldPeople.ts";
import { WorldPipe } from "./worldPipe.ts";
import { type Plant, play } from "./worldPlant.ts";
import { WorldPorts } from "./worldPorts.ts";
import { WorldSite } from "./worldSite.ts";
import { WorldTrouble } from "./worldTrouble.ts";
import { Watch } from "./worldWatch.ts";

const GATEWAY = gatewayId("gw-1");
const CHARGERS = 6;
const PEOPLE = 45;
const STEP = millis(3000);
/** What changed is checked after every commit and event, everything after so many steps, and in the end. */
const FULL_CHECK_STEPS = 200;
/** A world in which no port is switched on for so long stands still. */
const STANDSTILL_STEPS = (12 * 3_600_000) / STEP;
/** Charges, payments, cancels and repeats all end within this after the last fault. */
const PATIENCE_MINUTES = 240;
/** One turn of the event loop, in which everything that an event of the clock has set going comes to rest. */
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
  /** How often it was looked for something unsafe, by what had just happened. */
  looks: Looks;
  violations: string[];
}

type Looks = Record<
  | "commit of the cloud"
  | "commit of the gateway"
  | "write to a charger"
  | "event of the clock"
  | "whole audit",
  number
>;

/**
 * Runs the real cloud, one real gateway and simulated chargers on one simulated clock, with people and faults drawn from the
 * seed, until ports were switched on `charges` times; then everything is mended, and has to come together. Ends at the first
 * violation. The same seed gives the same hash.
 */
export async function runWorld(of: {
  seed: number | string;
  charges: number;
  plant?: Plant;
  /** How long everything may take to come together. */
  patience?: number;
  /** Every line of the history, for people who look for a cause. */
  trace?: (line: string) => void;
  /** Told now and then how many charges there were. */
  progress?: (charges: number) => void;
}): Promise<WorldResult> {
  const looks: Looks = {
    "commit of the cloud": 0,
    "commit of the gateway": 0,
    "write to a charger": 0,
    "event of the clock": 0,
    "whole audit": 0,
  };
  /** Looks for something unsafe, once there is something to look at. */
  let look = (_after: keyof Looks, _code?: DeviceCode): void => {};
  const clock = new SimulatedClock(START, async () => {
    await MACROTASK();
    look("event of the clock");
  });
  const random = seededRandom(of.seed);
  const history = new History({ clock, trace: of.trace });
  const pipe = new WorldPipe({ clock, random: random.fork("uplink"), history, id: GATEWAY });
  const pay = new WorldPay({ clock, random: random.fork("payment"), history });
  const chargers = Array.from({ length: CHARGERS }, (_, i) => ({
    code: deviceCode(`WORLD00${i + 1}`),
    chip: chipId(`WORLDCHIP00${i + 1}`),
  }));
  const cloud = await WorldCloud.open({
    ...{ clock, pipe, provider: pay.provider, random: random.fork("cloud") },
    logged: (line) => history.violation(`the cloud logged: ${line.trim()}`),
    committed: () => look("commit of the cloud"),
    crashed: (when) => trouble.crashed("cloud", `${when} a commit`),
    furnish: (db) => furnish(db, { random: random.fork("furnish"), gatewayId: GATEWAY, chargers }),
  });
  const site: WorldSite = new WorldSite({
    ...{ clock, pipe, chargers, id: GATEWAY, zone: ZONE, random: random.fork("gateway") },
    logged: (line) => {
      // The one error that is a fault of the world.
      if (!line.includes('"event":"store_full"')) history.violation(`the gateway logged: ${line.trim()}`);
    },
    committed: () => look("commit of the gateway"),
    written: (code) => look("write to a charger", code),
    connectFailed: (chip, step) => history.fault("connection fails", `${chip} ${step}`),
    crashed: (when) => trouble.crashed("gateway", `${when} a commit`),
  });
  const watch = new Watch({ file: cloud.file, clock });
  const ports = new WorldPorts({ clock, cloud, site, watch, history });
  const trouble = new WorldTrouble({
    ...{ clock, history, pipe, site, cloud },
    random: random.fork("faults"),
  });
  const people = new WorldPeople({
    ...{ clock, cloud, pay, history, chargers: site.chargers },
    random: random.fork("people"),
  });
  look = (after, code) => {
    // What is wrong is told once.
    if (history.violations.length > 0) return;
    looks[after] += 1;
    for (const problem of watch.look(people.toldCancelled) ?? []) history.violation(problem);
    for (const problem of code === undefined ? [] : ports.look(code)) history.violation(problem);
  };
  let steps = 0;
  let { plant } = of;
  const step = async (): Promise<void> => {
    await clock.advance(STEP);
    steps += 1;
    if (steps % FULL_CHECK_STEPS === 0) await checkAll();
    if (plant === undefined || ports.count < of.charges / 2) return;
    const parts = {
      clock,
      cloud,
      site,
      pipe,
      pay,
      told: people.toldCancelled,
      orderCalls: people.phone.orderCalls,
    };
    const crashed = trouble.crashed.bind(trouble);
    if (await play(plant, { ...parts, crashed })) plant = undefined;
  };
  const checkAll = async (): Promise<void> => {
    if (history.violations.length > 0) return;
    looks["whole audit"] += 1;
    for (const problem of await unsafe(cloud.db, people.toldCancelled)) history.violation(problem);
  };

  try {
    await people.come(PEOPLE);
    let quiet = 0;
    while (ports.count < of.charges && history.violations.length === 0) {
      const before = ports.count;
      await step();
      quiet = ports.count === before ? quiet + 1 : 0;
      if (quiet > STANDSTILL_STEPS) history.violation("nobody charges any more");
      if (steps % 50 === 0) of.progress?.(ports.count);
    }
    trouble.heal();
    pay.heal();
    people.goHome();
    const open = async (): Promise<string[]> => [
      ...(people.busy === 0 ? [] : [`${people.busy} people are about something`]),
      ...(await unsettled({
        ...{ db: cloud.db, site, pay, starts: ports.starts },
        ...{ payCalls: people.payer.calls, told: people.phone.told },
        ...{ paidBy: people.payer.paidBy, coins: people.coins, managerOf },
      })),
    ];
    const settleSteps = ((of.patience ?? PATIENCE_MINUTES) * 60_000) / STEP;
    for (let settling = 0; history.violations.length === 0; settling++) {
      await step();
      // What is wrong in the end is wrong at every look; looking seldom costs nothing.
      if (settling % 30 !== 0 || (settling < settleSteps && (await open()).length > 0)) continue;
      for (const problem of await open()) history.violation(`not settled: ${problem}`);
      break;
    }
    await checkAll();
    const orders = await record(cloud.db, history);
    const minutes = Math.floor(clock.uptime() / 60_000);
    const { violations } = history;
    return {
      ...{
        charges: ports.count,
        orders,
        minutes,
        faults: history.faults,
        looks,
        violations: [...violations],
      },
      hash: history.digest(),
    };
  } finally {
    watch.close();
    site.close();
    await cloud.close();
  }
}

/** What is stored in the end becomes part of the history; answers the number of orders. */
async function record(db: Db, history: History): Promise<number> {
  const orders = await db.selectFrom("order_info").selectAll().orderBy("id").execute();
  const transfers = await db.selectFrom("ledger_transfer").selectAll().orderBy("id").execute();
  const attempts = await db.selectFrom("order_pay_info").selectAll().orderBy("id").execute();
  for (const row of [...orders, ...transfers, ...attempts]) history.add(JSON.stringify(row));
  return orders.length;
}
