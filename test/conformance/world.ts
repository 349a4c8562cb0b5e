import { instant } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { isPhone, minutes } from "@bluepower/protocol/units";
import { pino } from "pino";
import { openCards, testConfig } from "../../cloud/api/scenario.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Config } from "../../cloud/config.ts";
import type { Db } from "../../cloud/database/database.ts";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import type { OrderState, PayState } from "../../cloud/database/schema.ts";
import { insertOrder } from "../../cloud/orders/orderRow.ts";
import { scriptedGateways } from "../../cloud/orders/scriptedGateways.ts";
import { scriptedPay } from "../../cloud/payments/scriptedPay.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import type { WeChat } from "../../cloud/wechat/wechat.ts";

/** 2026-11-22 10:30:00 in Shanghai, milliseconds and the seconds that are sent. The clock stands still. */
export const NOW = 1_795_314_600_000;
export const NOW_S = 1_795_314_600;

export const ME = "13800000001";
export const OTHER = "13800000002";
export const NOBODY = "13800000077";
export const MANAGER = "13900000001";
export const OTHER_MANAGER = "13900000002";

/** Sessions as they stand in the world; `fresh` ones have no phone number yet, `expired` was last used 31 days ago. */
export const sessions = {
  user: {
    mine: "sessionOfUser1",
    others: "sessionOfUser2",
    fresh: "sessionOfFresh",
    expired: "sessionOfEarly",
  },
  manager: {
    mine: "sessionOfBoss1",
    others: "sessionOfBoss2",
    fresh: "sessionOfFirst",
    expired: "sessionOfOlden",
  },
} as const;

/** Those of the OpenAPI document's examples. */
export const apps = {
  user: { appId: "example-user", appKey: "example-user-key", jamCode: "ExampleJamCodeOfUsers0123456789a" },
  manager: {
    appId: "example-manager",
    appKey: "example-manager-key",
    jamCode: "ExampleJamCodeOfManagers01234567",
  },
} as const;

export type AuthMode = Config["authMode"];

export interface World {
  db: Db;
  cloud: Cloud;
  close(): Promise<void>;
}

/** Login codes are `code-OPENID`; a phone code is the number, encrypted data the number with the session key as iv. */
const wechat: WeChat = {
  async login(_side, jsCode) {
    const openId = /^code-(.+)$/.exec(jsCode)?.[1];
    return openId === undefined
      ? { kind: "refused", detail: "bad code" }
      : { kind: "ok", openId, sessionKey: `key-of-${openId}` };
  },
  async phoneByCode(_side, code) {
    return isPhone(code) ? { kind: "ok", phone: code } : { kind: "refused", detail: "bad code" };
  },
  phoneByData: (_side, sessionKey, encryptData, iv) =>
    iv === sessionKey && isPhone(encryptData) ? { kind: "ok", phone: encryptData } : { kind: "refused" },
};

/** A site with two users, two managers, a charger behind a gateway and one that the phone drives. */
export async function makeWorld(authMode: AuthMode): Promise<World> {
  const opened = await openDatabase({ url: "sqlite::memory:" });
  const { db } = opened;
  const clock = new SimulatedClock(instant(NOW));
  const random = seededRandom("conformance");
  const log = pino({ level: "silent" });
  const gateways = scriptedGateways({ db, clock });
  gateways.answer = (body) => {
    switch (body.kind) {
      case "start":
        return { kind: "started", minutes: body.minutes };
      case "stop":
        return { kind: "stopped", minutes: minutes(1) };
      case "cancel":
        return { kind: "cancelled" };
      case "blink":
        return { kind: "done" };
    }
  };
  const config: Config = { ...testConfig, authMode, apps };
  const payments = await startPayments({
    db,
    clock,
    random,
    log,
    provider: scriptedPay(clock),
    coinFen: 100,
  });
  await people(db);
  await chargers(db);
  return {
    db,
    cloud: { db, clock, random, log, config, gateways, payments, wechat, cards: openCards },
    async close() {
      await payments.stop();
      await opened.close();
    },
  };
}

async function people(db: Db): Promise<void> {
  for (const [user, userName] of [
    [ME, "甲"],
    [OTHER, "乙"],
  ] as const) {
    await db.insertInto("user_info").values({ user, userName, setupTime: NOW, professionId: null }).execute();
  }
  for (const manager of [MANAGER, OTHER_MANAGER]) {
    const values = { manager, managerName: "丙", setupTime: NOW, approved: 1 };
    await db.insertInto("manager_info").values(values).execute();
  }
  const day = 24 * 3600_000;
  for (const [side, mine, others] of [
    ["user", ME, OTHER],
    ["manager", MANAGER, OTHER_MANAGER],
  ] as const) {
    const rows = [
      { session: sessions[side].mine, openId: `${side}-1`, phone: mine, updateTime: NOW },
      { session: sessions[side].others, openId: `${side}-2`, phone: others, updateTime: NOW },
      { session: sessions[side].fresh, openId: `${side}-3`, phone: null, updateTime: NOW },
      { session: sessions[side].expired, openId: `${side}-1`, phone: mine, updateTime: NOW - 31 * day },
    ];
    for (const row of rows) {
      const values = { ...row, side, sessionKey: `key-of-${row.openId}`, insertTime: NOW };
      await db.insertInto("wx_info").values(values).execute();
    }
  }
}

async function chargers(db: Db): Promise<void> {
  await db.insertInto("site").values({ name: "yard", zone: "Asia/Shanghai" }).execute();
  const gateway = { id: "gw-1", siteId: 1, tokenHash: "", setupTime: NOW, seenTime: NOW };
  await db.insertInto("gateway").values(gateway).execute();
  for (const [deviceCode, btName, gatewayId] of [
    ["GATED001", "A1B2C3D4E5F6", "gw-1"],
    ["PHONED01", "0123456789AB", null],
  ] as const) {
    await db
      .insertInto("device_info")
      .values({
        deviceCode,
        btName,
        gatewayId,
        deviceName: "一号",
        version: 1,
        jamCode: "JAMJAM",
        chargeFlag: 1,
        unitPrice: 150,
        manager: MANAGER,
        setupTime: NOW,
        updateTime: NOW,
        portTime: null,
        addTime: NOW,
        siteId: 1,
        chargerSeenTime: NOW,
        chargerLostTime: null,
      })
      .execute();
  }
}

/** An order of mine, one hour on port 1 for 3.00 yuan, five minutes old, with the slots that belong to its state. */
export async function giveOrder(
  db: Db,
  order: {
    orderId: string;
    deviceCode: "GATED001" | "PHONED01";
    state: OrderState;
    payState?: PayState;
  },
): Promise<void> {
  const { orderId, deviceCode, state, payState = "unpaid" } = order;
  const at = NOW - 300_000;
  await db
    .insertInto("order_info")
    .values({
      orderId,
      user: ME,
      deviceCode,
      deviceName: "一号",
      port: 1,
      unitPrice: 150,
      unit: 2,
      money: 300,
      orderTime: at,
      payTime: null,
      cashOutId: null,
      agreedUnit: 2,
      agreedMoney: 300,
      state,
      payState,
      manager: MANAGER,
      gatewayId: deviceCode === "GATED001" ? "gw-1" : null,
      startTime: state === "charging" ? at : null,
      endTime: null,
      minutes: null,
      endReason: null,
      evidence: null,
      cancelReason: null,
      updateTime: at,
    })
    .execute();
  if (state === "charging") {
    const sums = { count: 1, unit: 2, money: 300, paidCount: 0, pmoney: 0, cash: 0 };
    await db
      .insertInto("order_day")
      .values({ manager: MANAGER, deviceCode, day: 20_261_122, ...sums })
      .execute();
  }
  await db.insertInto("live_order").values({ deviceCode, port: 1, orderId }).execute();
  await db.insertInto("unpaid_order").values({ user: ME, orderId }).execute();
}

/** One coin of mine, worth a yuan, against the opening account. */
export async function giveCoin(db: Db): Promise<void> {
  const accounts = [
    { account: "opening", balance: -100 },
    { account: `user_coins:${ME}`, balance: 100 },
  ];
  await db.insertInto("ledger_account").values(accounts).execute();
  const move = { id: "opening", fromAccount: "opening", toAccount: `user_coins:${ME}`, amount: 100 };
  await db
    .insertInto("ledger_transfer")
    .values({ ...move, reason: "TEST", orderId: null, insertTime: NOW })
    .execute();
  await db.updateTable("user_info").set({ pmoney: 1 }).where("user", "=", ME).execute();
}

/** A charger that nobody manages, by hand alone; its number in the table is 3. */
export async function giveFreeCharger(db: Db): Promise<void> {
  await db
    .insertInto("device_info")
    .values({
      deviceCode: "LONELY01",
      btName: "AABBCCDDEEFF",
      version: 1,
      jamCode: "JAMJAM",
      manager: null,
      setupTime: NOW,
      updateTime: NOW - 60_000,
      portTime: null,
      addTime: null,
      siteId: 1,
      gatewayId: null,
      chargerSeenTime: null,
      chargerLostTime: null,
    })
    .execute();
}

/** An order of one hour for 3.00 yuan, made at 09:00, ended at 10:00 and paid at 10:15 with a coin and 2.00 yuan; all sums follow. */
export async function givePaidOrder(
  db: Db,
  order: { orderId: string; user?: string; manager?: string; cashOutFlag?: 0 | 2 },
): Promise<void> {
  const { orderId, user = ME, manager = MANAGER, cashOutFlag = 0 } = order;
  const at = NOW - 5_400_000;
  await transaction(db, (tx) =>
    insertOrder(tx, {
      ...{ orderId, user, manager, cashOutFlag, deviceCode: "PHONED01", deviceName: "旧名", port: 2 },
      ...{ unitPrice: 150, unit: 2, money: 300, agreedUnit: 2, agreedMoney: 300, pmoney: 1, cash: 200 },
      ...{ orderTime: at, startTime: at, endTime: NOW - 1_800_000, payTime: NOW - 900_000 },
      ...{ state: "finished", payState: "paid", minutes: 60, endReason: "time", evidence: "none" },
      ...{ cashOutId: null, gatewayId: null, cancelReason: null, updateTime: NOW - 900_000 },
    }),
  );
}

/** A purchase of five coins, paid at 10:15. */
export async function givePurchase(db: Db, purchase: { payId: string; user: string }): Promise<void> {
  const bought = { ...purchase, pmoney: 5, payTime: NOW - 900_000 };
  const { payId } = purchase;
  await db
    .insertInto("pmoney_charge_pay")
    .values({ ...bought, state: 1, wxPayid: `wx-${payId}`, outTradeNo: `${payId}-abcdefgh` })
    .execute();
  await db.insertInto("pmoney_charge_info").values(bought).execute();
}

export async function giveBlackUser(db: Db, entry: { manager: string; user: string }): Promise<void> {
  await db
    .insertInto("black_user_info")
    .values({ ...entry, setupTime: NOW - 900_000 })
    .execute();
}
