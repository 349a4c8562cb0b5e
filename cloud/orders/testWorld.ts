import { type Instant, instant } from "@bluepower/protocol/clock";
import { type Random, seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { pino } from "pino";
import { audit } from "../audit/audit.ts";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import { post } from "../ledger/ledger.ts";
import type { Payments } from "../payments/payments.ts";
import { type ScriptedPay, scriptedPay } from "../payments/scriptedPay.ts";
import { startPayments } from "../payments/start.ts";
import { gatewayOrders, type OrderEvent } from "./gatewayOrders.ts";
import type { StoredOrder } from "./orderRow.ts";
import { type NewOrder, type Placed, placeOrder } from "./place.ts";
import { type ScriptedGateways, scriptedGateways } from "./scriptedGateways.ts";

export const START = instant(1_800_000_000_000);
export const USER = "13800000001";
export const OTHER = "13800000002";
export const MANAGER = "13900000001";
export const COIN = 100;

/** A charger behind gateway `gw-1`, one without a gateway, and one that is free of charge; 1.50 yuan a unit. */
export const GATED = "GATED001";
export const PHONED = "PHONED01";
export const FREE = "FREE0001";

export interface TestWorld {
  db: Db;
  clock: SimulatedClock;
  random: Random;
  log: pino.Logger;
  warnings: string[];
  gateways: ScriptedGateways;
  pay: ScriptedPay;
  payments: Payments;
  place(order?: Partial<NewOrder>): Promise<Placed>;
  /** An order that charges. */
  charging(order?: Partial<NewOrder>): Promise<StoredOrder>;
  order(orderId: string): Promise<StoredOrder>;
  /** What gateway `gw-1` says of an order. */
  event(event: OrderEvent, from?: { gatewayId?: string; at?: Instant }): Promise<{ commands: string[] }>;
  finish(orderId: string, minutes: number, endReason?: "time" | "user" | "charger_lost"): Promise<void>;
  /** Gives coins against the opening account. */
  giveCoins(user: string, coins: number): Promise<void>;
  coins(user: string): Promise<number>;
  violations(): Promise<unknown[]>;
  /** Whether the port's slot is taken. */
  portTaken(orderId: string): Promise<boolean>;
  close(): Promise<void>;
}

/** For tests: orders and payments on a database, in memory when none is named, with scripted gateways and a scripted WeChat Pay. */
export async function testWorld(url = "sqlite::memory:"): Promise<TestWorld> {
  const { db, close } = await openDatabase({ url });
  const clock = new SimulatedClock(START);
  const random = seededRandom("orders");
  const warnings: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) });
  const gateways = scriptedGateways({ db, clock });
  const pay = scriptedPay(clock);
  await people(db);
  await chargers(db);
  const payments = await startPayments({ db, clock, random, log, provider: pay, coinFen: COIN });
  const { applyOrderEvent } = gatewayOrders(clock)(gateways);

  const world: TestWorld = {
    db,
    clock,
    random,
    log,
    warnings,
    gateways,
    pay,
    payments,
    place: async (order = {}) => {
      const wanted = {
        user: USER,
        deviceCode: GATED,
        port: 1,
        unitPrice: 150,
        unit: 2,
        money: 300,
        plateNo: "",
        ...order,
      };
      let placed: Placed = { kind: "refused", reason: "DEVICE_UNKNOWN" };
      await transaction(db, async (tx) => {
        placed = await placeOrder(tx, wanted, { at: clock.now(), gateways });
        if (placed.kind === "refused") throw new Error("rolled back");
      }).catch((error: unknown) => {
        if (placed.kind !== "refused") throw error;
      });
      return placed;
    },
    async charging(order = {}) {
      const placed = await world.place(order);
      if (placed.kind !== "placed") throw new Error(placed.reason);
      if (placed.gatewayId !== null) await world.event(started(placed.orderId));
      return await world.order(placed.orderId);
    },
    order: (orderId) =>
      db.selectFrom("order_info").selectAll().where("orderId", "=", orderId).executeTakeFirstOrThrow(),
    event: (event, from = {}) =>
      transaction(db, (tx) =>
        applyOrderEvent(tx, {
          gatewayId: from.gatewayId ?? "gw-1",
          at: from.at ?? clock.now(),
          quality: "synced",
          event,
        }),
      ),
    async finish(orderId, minutes, endReason = "time") {
      await world.event({
        kind: "order.finished",
        body: { orderId: orderId as never, minutes: minutes as never, endReason, evidence: "sta" },
      });
    },
    async giveCoins(user, coins) {
      if (coins === 0) return;
      await transaction(db, (tx) =>
        post(tx, {
          id: `gift/${user}/${random.u32()}`,
          from: "opening",
          to: `user_coins:${user}`,
          amount: coins * COIN,
          reason: "TEST",
          at: clock.now(),
        }),
      );
    },
    async coins(user) {
      const row = await db
        .selectFrom("user_info")
        .select("pmoney")
        .where("user", "=", user)
        .executeTakeFirstOrThrow();
      return row.pmoney;
    },
    violations: () => audit(db),
    async portTaken(orderId) {
      const slot = await db
        .selectFrom("live_order")
        .selectAll()
        .where("orderId", "=", orderId)
        .executeTakeFirst();
      return slot !== undefined;
    },
    async close() {
      await payments.stop();
      await close();
    },
  };
  return world;
}

export const started = (orderId: string): OrderEvent => ({
  kind: "order.started",
  body: {
    orderId: orderId as never,
    deviceCode: GATED as never,
    port: 1 as never,
    minutes: 60 as never,
    evidence: "reply",
  },
});
export const failed = (orderId: string): OrderEvent => ({
  kind: "order.failed",
  body: { orderId: orderId as never, reason: "port_busy", detail: "" },
});
export const cancelled = (orderId: string): OrderEvent => ({
  kind: "order.cancelled",
  body: { orderId: orderId as never, detail: "" },
});

async function people(db: Db): Promise<void> {
  for (const user of [USER, OTHER]) {
    await db
      .insertInto("user_info")
      .values({ user, userName: "用户", setupTime: START, professionId: null })
      .execute();
  }
  await db
    .insertInto("manager_info")
    .values({ manager: MANAGER, managerName: "管理员", setupTime: START, approved: 1 })
    .execute();
}

async function chargers(db: Db): Promise<void> {
  await db.insertInto("site").values({ name: "yard", zone: "Asia/Shanghai" }).execute();
  for (const id of ["gw-1", "gw-2"]) {
    await db
      .insertInto("gateway")
      .values({ id, siteId: 1, tokenHash: "", setupTime: START, seenTime: null })
      .execute();
  }
  const charger = (deviceCode: string, btName: string, gatewayId: string | null, chargeFlag: number) =>
    db
      .insertInto("device_info")
      .values({
        deviceCode,
        deviceName: `充电器 ${deviceCode}`,
        version: 1,
        btName,
        jamCode: "JAMJAM",
        chargeFlag,
        unitPrice: 150,
        manager: MANAGER,
        gatewayId,
        setupTime: START,
        updateTime: START,
        portTime: null,
        addTime: START,
        siteId: 1,
        chargerSeenTime: START,
        chargerLostTime: null,
      })
      .execute();
  await charger(GATED, "A1B2C3D4E5F6", "gw-1", 1);
  await charger(PHONED, "0123456789AB", null, 1);
  await charger(FREE, "FEDCBA987654", null, 0);
}
