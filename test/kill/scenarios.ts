import type { Site } from "../e2e/site.ts";
import { until } from "../e2e/until.ts";
import { orderOf, refundsOf, toldDeliveries } from "./cloudFile.ts";
import type { Phone } from "./phone.ts";
import type { Program } from "./wire.ts";

/** One charge of one person, on a port of its own. */
export interface Run {
  site: Site;
  phone: Phone;
  port: number;
  /** The program that is killed. */
  killed: Program | undefined;
}

/** How the order of a run ends, everywhere. */
export interface Expected {
  orderId: string;
  state: "finished" | "cancelled";
  /** Fen, and what they were paid by. */
  bill: number;
  coins: number;
  cash: number;
  endReasons: readonly string[];
  /** All of it went back afterwards. */
  refunded?: boolean;
}

export interface Scenario {
  name: string;
  charger: string;
  /** What has to be there before points are counted. */
  prepare?(run: Run): Promise<string>;
  play(run: Run, orderId: string): Promise<Expected>;
}

/** Coins that everybody has at first. */
export const COINS = 2;

/** In real time: what is ordered here runs for hours. */
export const STEADY = { code: "STEADY01", chip: "A1B2C3D4E5F6", speed: 1 };
/** Thirty minutes pass in six seconds: two readings prove the pace, and time is left to be killed in. */
export const FAST = { code: "FAST0001", chip: "0123456789AB", speed: 300 };

/** A charge is ordered, stopped, billed, and paid with a coin and cash; WeChat's notification says so. */
const charge: Scenario = {
  name: "charge",
  charger: STEADY.code,
  async play({ phone, port }) {
    const { orderId } = await phone.order({ deviceCode: STEADY.code, port, unit: 2, money: "3.00" });
    await phone.sees(orderId, "charges", (o) => o.state === "charging");
    await phone.stop(orderId);
    await phone.pay({ orderId, money: "3.00", coins: 1, cash: "2.00", notify: "once" });
    return { orderId, state: "finished", bill: 300, coins: 1, cash: 200, endReasons: ["user"] };
  },
};

/** A charge runs out by time, is billed, and paid in cash; nobody is told, so the cloud asks WeChat. */
const runsOut: Scenario = {
  name: "runs-out",
  charger: FAST.code,
  async prepare({ site, phone, port }) {
    const { orderId } = await phone.order({ deviceCode: FAST.code, port, unit: 1, money: "1.50" });
    // From five proven minutes on the half hour is owed, whoever is killed now and cannot prove the rest.
    await until(
      "five minutes are proven",
      () => gatewayLeft(site, orderId),
      (left) => left <= 25,
    );
    return orderId;
  },
  async play({ phone, killed }, orderId) {
    await phone.sees(orderId, "has ended", (o) => o.state === "finished");
    await phone.pay({ orderId, money: "1.50", coins: 0, cash: "1.50", notify: "never" });
    // A gateway that was away has only its clock to tell, in which this charge ended far too soon.
    const endReasons = killed === "gateway" ? ["time", "charger_lost"] : ["time"];
    return { orderId, state: "finished", bill: 150, coins: 0, cash: 150, endReasons };
  },
};

/** Long enough for the cancel to overtake it. */
const REPLY_DELAY_MS = 1500;

/** An order is cancelled while its port is switched on and the charger's answer is on the way. */
const cancel: Scenario = {
  name: "cancel",
  charger: STEADY.code,
  async play({ site, phone, port }) {
    await site.chargerFault(STEADY.code, { kind: "delay", ms: REPLY_DELAY_MS, times: 1 });
    let ordered = false;
    const ordering = phone.order({ deviceCode: STEADY.code, port, unit: 1, money: "1.50" }).finally(() => {
      ordered = true;
    });
    // Awaited below, where its failure is told.
    ordering.catch(() => {});
    // The phone would know the id ten seconds later, when the call gives up waiting.
    const orderId = await until("the order is stored", () => orderOf(site, phone.user), Boolean, 60_000);
    await until(
      "the port is on, or nobody waits for it any more",
      async () => ordered || (await isOn(site, port)),
      Boolean,
      60_000,
    );
    const isCancelled = await phone.cancel(orderId);
    const { charges } = await ordering;
    await site.chargerFault(STEADY.code, { kind: "delay", ms: 1, times: 0 });
    if (isCancelled && charges) throw new Error(`order ${orderId} was said to charge and to be cancelled`);
    if (isCancelled) return { orderId, state: "cancelled", bill: 0, coins: 0, cash: 0, endReasons: [] };
    // It charges already, as the person was told: they stop it and pay.
    await phone.stop(orderId);
    await phone.pay({ orderId, money: "1.50", coins: 0, cash: "1.50", notify: "once" });
    return { orderId, state: "finished", bill: 150, coins: 0, cash: 150, endReasons: ["user"] };
  },
};

/** The port breaks while the site is cut off: the gateway tells it when it is back, and nothing is owed. */
const cutOff: Scenario = {
  name: "cut-off",
  charger: STEADY.code,
  async prepare({ phone, port }) {
    const { orderId } = await phone.order({ deviceCode: STEADY.code, port, unit: 2, money: "3.00" });
    await phone.sees(orderId, "charges", (o) => o.state === "charging");
    return orderId;
  },
  async play({ site, phone, port }, orderId) {
    site.broker.pull("reset");
    await site.chargerFault(STEADY.code, { kind: "port-damaged", port });
    await until(
      "the gateway has seen it",
      () => liveAt(site),
      (live) => live.every((o) => o.orderId !== orderId),
      60_000,
    );
    site.broker.plug();
    await site.chargerFault(STEADY.code, { kind: "port-repaired", port });
    await phone.sees(orderId, "has ended", (o) => o.state === "finished");
    return { orderId, state: "finished", bill: 0, coins: 0, cash: 0, endReasons: ["port_damaged"] };
  },
};

/** What was paid goes back whole, at an operator's word: the coin at once, the cash through WeChat. */
const refund: Scenario = {
  name: "refund",
  charger: STEADY.code,
  async prepare({ site, phone, port }) {
    const { orderId } = await phone.order({ deviceCode: STEADY.code, port, unit: 2, money: "3.00" });
    await phone.sees(orderId, "charges", (o) => o.state === "charging");
    await phone.stop(orderId);
    await phone.pay({ orderId, money: "3.00", coins: 1, cash: "2.00", notify: "once" });
    await until("the delivery is told", () => toldDeliveries(site), Boolean, 60_000);
    return orderId;
  },
  async play({ site }, orderId) {
    await site.cloud("refund", "order", orderId, "--reason", "broken");
    await until(
      `the refund of ${orderId} is done`,
      () => refundsOf(site, orderId),
      (states) => states.includes("success"),
      60_000,
    );
    const paid = { bill: 300, coins: 1, cash: 200 };
    return { orderId, state: "finished", ...paid, endReasons: ["user"], refunded: true };
  },
};

export const scenarios: readonly Scenario[] = [charge, runsOut, cancel, cutOff, refund];

/** The orders that have not ended at the gateway. */
async function liveAt(site: Site): Promise<{ orderId: string; left: number | null }[]> {
  const answer = await fetch(`${site.gatewayUrl}/status`, { signal: AbortSignal.timeout(2000) });
  return ((await answer.json()) as { live: { orderId: string; left: number | null }[] }).live;
}

async function gatewayLeft(site: Site, orderId: string): Promise<number> {
  return (await liveAt(site)).find((o) => o.orderId === orderId)?.left ?? Number.POSITIVE_INFINITY;
}

const isOn = async (site: Site, port: number): Promise<boolean> =>
  (await site.charger(STEADY.code)).ports.some((p) => p.port === port && p.state === "running");
