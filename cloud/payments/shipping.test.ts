import { type Clock, millis } from "@bluepower/protocol/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestWorld, testWorld } from "../orders/testWorld.ts";
import { payer, ROUND } from "./payer.ts";
import type { Payments } from "./payments.ts";
import { type Shipper, shippingRounds } from "./shipping.ts";
import { startPayments } from "./start.ts";

type Told = Awaited<ReturnType<Shipper["uploadShipping"]>>;
type Managed = Awaited<ReturnType<Shipper["tradeManaged"]>>;

let world: TestWorld;
let payments: Payments;
/** What was told, and what WeChat answers next; afterwards it takes everything. */
let told: string[];
let answers: Told[];
let managed: Managed;
let asked: number;
let shipper: Shipper;

beforeEach(async () => {
  world = await testWorld();
  await world.payments.stop();
  told = [];
  answers = [];
  managed = { kind: "ok", managed: true };
  asked = 0;
  shipper = {
    async tradeManaged() {
      asked++;
      return managed;
    },
    async uploadShipping(side, { transactionId, openId, item }) {
      told.push([side, transactionId, openId, item].join(" "));
      return answers.shift() ?? { kind: "ok" };
    },
  };
  const { db, clock, random, log, pay } = world;
  payments = await startPayments({ db, clock, random, log, provider: pay, shipper, coinFen: 100 });
  world.payments = payments;
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
});

const { ready } = payer(() => world);
const stored = (number: string) =>
  world.db.selectFrom("wx_payment").selectAll().where("outTradeNo", "=", number).executeTakeFirstOrThrow();

async function paid(channel: "jsapi" | "h5" = "jsapi"): Promise<string> {
  const { orderId } = await world.charging();
  const number = await ready(orderId, channel === "h5" ? { channel, openId: null } : {});
  world.pay.pay(number);
  expect(await payments.result("order", orderId)).toBe("paid");
  return number;
}

test("WeChat is told once, after the payment, and asked only once whether it wants to know", async () => {
  const number = await paid();
  expect(told).toEqual([]);
  await world.clock.advance(ROUND);
  expect(told).toEqual([`user wx-${number} openid-1 充电 GATED001 1号端口`]);
  expect(await stored(number)).toMatchObject({ shipped: 1, shipTime: null, shipTries: 1, shipProblem: null });
  await world.clock.advance(millis(120_000));
  expect([told.length, asked]).toEqual([1, 1]);
});

test("a mini-program that is not managed is not told, and asked about again a day later", async () => {
  managed = { kind: "ok", managed: false };
  const number = await paid();
  await world.clock.advance(ROUND);
  expect(await stored(number)).toMatchObject({ shipped: 0, shipTime: null, shipTries: 0 });
  expect([told, asked]).toEqual([[], 1]);
  let uptime = 0;
  const clock: Clock = {
    now: () => world.clock.now(),
    uptime: () => millis(uptime),
    after: (delay, label, run) => world.clock.after(delay, label, run),
  };
  const round = shippingRounds({ db: world.db, clock, log: world.log, shipper });
  const due = async (): Promise<number> => {
    await world.db.updateTable("wx_payment").set({ shipTime: world.clock.now() }).execute();
    return (await round()).length;
  };
  expect([await due(), asked]).toEqual([0, 2]);
  managed = { kind: "ok", managed: true };
  uptime = 24 * 3_600_000 - 1;
  expect([await due(), asked]).toEqual([0, 2]);
  uptime++;
  expect([await due(), asked]).toEqual([1, 3]);
  uptime *= 10;
  managed = { kind: "ok", managed: false };
  expect([await due(), asked]).toEqual([1, 3]);
});

test("as long as nobody can say whether, it waits", async () => {
  managed = { kind: "unavailable", detail: "down" };
  const number = await paid();
  await world.clock.advance(millis(20_000));
  expect([told, asked]).toEqual([[], 1]);
  managed = { kind: "ok", managed: true };
  await world.clock.advance(millis(20_000));
  expect([told.length, asked]).toEqual([1, 2]);
  expect(await stored(number)).toMatchObject({ shipped: 1 });
});

test("what is not taken is tried later and later, and given up in the end; the payment stands", async () => {
  answers = Array.from({ length: 100 }, () => ({ kind: "unavailable", detail: "down" }) as const);
  const number = await paid();
  const counts: number[] = [];
  for (const time of [5_000, 30_000, 60_000, 120_000]) {
    await world.clock.advance(millis(time + 5_000));
    counts.push(told.length);
  }
  expect(counts).toEqual([1, 2, 3, 4]);
  for (let i = 0; i < 40; i++) {
    const { shipTime } = await stored(number);
    if (shipTime === null) break;
    await world.db.updateTable("wx_payment").set({ shipTime: world.clock.now() }).execute();
    await world.clock.advance(ROUND);
  }
  expect(told.length).toBe(30);
  expect(await stored(number)).toMatchObject({ state: 1, shipped: 0, shipTime: null, shipProblem: "down" });
  expect(world.warnings.some((w) => w.includes("see to it in the mini-program's console"))).toBe(true);
});

test.each([
  ["that it knows is told", 10060002, { shipped: 1 }],
  ["that was refunded is nothing to tell", 10060004, { shipped: 0, shipProblem: "errcode 10060004" }],
])("a delivery %s", async (_, errcode, outcome) => {
  answers = [{ kind: "refused", errcode }];
  const number = await paid();
  await world.clock.advance(millis(60_000));
  expect(told.length).toBe(1);
  expect(await stored(number)).toMatchObject({ ...outcome, shipTime: null });
});

test("a payment from a browser is no mini-program's", async () => {
  await paid("h5");
  await world.clock.advance(ROUND);
  expect([told, asked]).toEqual([[], 0]);
});
