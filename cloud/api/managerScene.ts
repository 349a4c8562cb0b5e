/** For tests: the whole interface with two managers, their chargers and two users, and orders as they are needed. */
import { instant } from "@bluepower/protocol/clock";
import type { Insertable } from "kysely";
import type { Config } from "../config.ts";
import { transaction } from "../database/open.ts";
import type { OrderInfo } from "../database/schema.ts";
import { post } from "../ledger/ledger.ts";
import { insertOrder } from "../orders/orderRow.ts";
import { type ScriptedGateways, scriptedGateways } from "../orders/scriptedGateways.ts";
import type { Payments } from "../payments/payments.ts";
import { type ScriptedPay, scriptedPay } from "../payments/scriptedPay.ts";
import { startPayments } from "../payments/start.ts";
import type { Answer } from "./envelope.ts";
import { paymentsLater, type Scenario, START, scenario } from "./scenario.ts";
import { table } from "./table.ts";

export const USER = "13800000001";
export const OTHER = "13800000002";
export const MANAGER = "13900000001";
export const OTHER_MANAGER = "13900000002";
export const PENDING_MANAGER = "13900000003";

type Own = Record<string, string | number | null>;

export interface Scene {
  s: Scenario;
  gateways: ScriptedGateways;
  pay: ScriptedPay;
  payments: Payments;
  /** A call of the manager or user by phone number, with a session of their own. */
  as(phone: string, method: string, own?: Own, options?: { timestamp?: number }): Promise<Answer>;
  /** A finished, paid order of one hour for 3.00 yuan at PHONED01, five minutes old unless it is said otherwise. */
  order(of?: Partial<Insertable<OrderInfo>>): Promise<string>;
  giveCoins(user: string, coins: number): Promise<void>;
  coins(user: string): Promise<number>;
  close(): Promise<void>;
}

export async function managerScene(config: Partial<Config> = {}): Promise<Scene> {
  let gateways: ScriptedGateways | undefined;
  let pay: ScriptedPay | undefined;
  const s = await scenario({
    table,
    config,
    cloud: ({ db, clock }) => {
      gateways = scriptedGateways({ db, clock });
      pay = scriptedPay(clock);
      return { gateways, payments: paymentsLater(pay, () => payments) };
    },
  });
  if (gateways === undefined || pay === undefined) throw new Error("a scenario asks for its cloud");
  const { db, clock, random, log } = s.cloud;
  const payments = await startPayments({ db, clock, random, log, provider: pay, coinFen: 100 });
  gateways.answer = (body) =>
    body.kind === "start" ? { kind: "started", minutes: body.minutes } : { kind: "done" };
  const sessions = await people(s);
  await chargers(s);
  let orders = 0;

  const scene: Scene = {
    s,
    gateways,
    pay,
    payments,
    as: (phone, method, own = {}, options) => {
      const side = phone.startsWith("139") ? "manager" : "user";
      const caller = method === "newPmoneyGift" ? "userFrom" : side;
      const session = sessions.get(phone) ?? null;
      return s.call(side, method, { [caller]: phone, session, ...own }, options);
    },
    async order(of = {}) {
      orders += 1;
      const orderId = `9${String(orders).padStart(13, "0")}`;
      const at = of.orderTime ?? clock.now() - 300_000;
      const money = of.money ?? 300;
      const values = {
        ...{ orderId, user: USER, manager: MANAGER, deviceCode: "PHONED01", deviceName: "一号", port: 1 },
        ...{ unitPrice: 150, unit: 2, money, agreedUnit: 2, agreedMoney: money, pmoney: 0, cash: money },
        ...{ orderTime: at, startTime: at, endTime: at + 3_600_000, payTime: at + 3_600_000, minutes: 60 },
        ...{ state: "finished" as const, payState: "paid" as const, endReason: "time", evidence: "none" },
        ...{ cashOutId: null, gatewayId: null, cancelReason: null, updateTime: at },
      };
      const stored = await transaction(db, (tx) => insertOrder(tx, { ...values, ...of }));
      return stored?.orderId ?? orderId;
    },
    async giveCoins(user, coins) {
      const move = {
        from: "opening",
        to: `user_coins:${user}`,
        amount: coins * 100,
        reason: "TEST",
      } as const;
      await transaction(db, (tx) =>
        post(tx, { ...move, id: `given/${random.u32()}`, at: instant(clock.now()) }),
      );
    },
    async coins(user) {
      const row = db.selectFrom("user_info").select("pmoney").where("user", "=", user);
      return (await row.executeTakeFirstOrThrow()).pmoney;
    },
    async close() {
      await payments.stop();
      await s.close();
    },
  };
  return scene;
}

async function people({ db, person }: Scenario): Promise<Map<string, string>> {
  const sessions = new Map<string, string>();
  for (const user of [USER, OTHER]) sessions.set(user, (await person("user", user)).session);
  await db.updateTable("user_info").set({ userName: "甲" }).where("user", "=", USER).execute();
  await db.updateTable("user_info").set({ userName: "乙" }).where("user", "=", OTHER).execute();
  for (const manager of [MANAGER, OTHER_MANAGER, PENDING_MANAGER]) {
    sessions.set(manager, (await person("manager", manager)).session);
  }
  const known = db.updateTable("manager_info").set({ approved: 1 });
  await known.where("manager", "<>", PENDING_MANAGER).execute();
  return sessions;
}

/** Two of the manager's, one behind a gateway; one of the other manager's and one of nobody's. */
async function chargers({ db }: Scenario): Promise<void> {
  await db.insertInto("site").values({ name: "yard", zone: "Asia/Shanghai" }).execute();
  const gateway = { id: "gw-1", siteId: 1, tokenHash: "", setupTime: START, seenTime: null };
  await db.insertInto("gateway").values(gateway).execute();
  for (const [deviceCode, btName, manager] of [
    ["GATED001", "A1B2C3D4E5F6", MANAGER],
    ["PHONED01", "0123456789AB", MANAGER],
    ["OTHERS01", "0123456789AC", OTHER_MANAGER],
    ["LONELY01", "0123456789AD", null],
  ] as const) {
    await db
      .insertInto("device_info")
      .values({
        ...{ deviceCode, btName, manager, deviceName: "一号", version: 1, jamCode: "JAMJAM" },
        ...{ chargeFlag: 1, unitPrice: 150, setupTime: START, updateTime: START, siteId: 1 },
        ...{ portTime: null, addTime: manager === null ? null : START },
        ...{ gatewayId: deviceCode === "GATED001" ? "gw-1" : null },
        ...{ chargerSeenTime: START, chargerLostTime: null },
      })
      .execute();
  }
}
