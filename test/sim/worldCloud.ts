import { type Clock, instant } from "@bluepower/protocol/clock";
import { httpSignature } from "@bluepower/protocol/http/signature";
import type { Random } from "@bluepower/protocol/random";
import type { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { fen, type GatewayId, type Phone, phone } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import type { Answer } from "../../cloud/api/envelope.ts";
import { testConfig } from "../../cloud/api/scenario.ts";
import { table } from "../../cloud/api/table.ts";
import { createWeb } from "../../cloud/api/web.ts";
import { PAY_NOTIFY_PATH } from "../../cloud/api/wechatNotify.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Db } from "../../cloud/database/database.ts";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import { assignGateway, assignManager, registerDevice, setDevice } from "../../cloud/devices/register.ts";
import { touchDesired } from "../../cloud/gateways/desired.ts";
import { addGateway } from "../../cloud/gateways/identity.ts";
import { startGateways } from "../../cloud/gateways/start.ts";
import { bindPhone, openSession } from "../../cloud/identity/sessions.ts";
import { post } from "../../cloud/ledger/ledger.ts";
import { createMetrics } from "../../cloud/metrics.ts";
import { gatewayOrders } from "../../cloud/orders/gatewayOrders.ts";
import { startOrders } from "../../cloud/orders/sweeper.ts";
import type { PaymentProvider } from "../../cloud/payments/payments.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import { addSite } from "../../cloud/sites/sites.ts";
import type { WorldPipe } from "./worldPipe.ts";
import type { WorldCharger } from "./worldSite.ts";

export const ZONE = testConfig.zone;
export const START = instant(1_795_314_600_000);
/** Fen for a unit of thirty minutes. */
export const UNIT_PRICE = 150;
const MANAGER = phone("13900000001");
const BY = { who: "world", at: START };

export type Own = Readonly<Record<string, string | number>>;

/** The real cloud on simulated time: everything that its program wires, but for sockets. */
export interface WorldCloud {
  db: Db;
  /** The text of a signed call; sent twice it is a repeat. */
  signed(own: Own): string;
  /** A call of the user's side; what is no answer of the interface is said in words. */
  send(method: string, body: string): Promise<Answer | { http: number }>;
  /** A notification of WeChat Pay; the status that it was answered with. */
  notify(body: string): Promise<number>;
  /** Somebody with a name and coins, logged in: what their calls carry. */
  person(phone: Phone, coins: number): Promise<{ session: string }>;
  close(): Promise<void>;
}

const absent = (): never => {
  throw new Error("nobody logs in at WeChat in this world");
};

export async function startWorldCloud(of: {
  clock: SimulatedClock;
  random: Random;
  log: Logger;
  pipe: WorldPipe;
  provider: PaymentProvider;
  gatewayId: GatewayId;
  chargers: readonly Pick<WorldCharger, "code" | "chip">[];
}): Promise<WorldCloud> {
  const { clock, random, log, pipe, provider } = of;
  const { db, close } = await openDatabase({ url: "sqlite::memory:" });
  await furnish(db, of);
  const config = testConfig;
  const gateways = await startGateways({
    ...{ db, clock, random, log, config },
    orders: gatewayOrders(clock),
    openPipe: async (listener) => pipe.open(listener),
  });
  const payments = await startPayments({ db, clock, random, log, provider, coinFen: config.coinFen });
  const orders = startOrders({ db, clock, gateways, log });
  const wechat = { login: absent, phoneByCode: absent, phoneByData: absent };
  const cloud: Cloud = { clock, random, log, config, db, gateways, payments, wechat };
  const web = createWeb(cloud, { table, metrics: createMetrics() });
  const { appId, appKey, jamCode } = config.apps.user;
  const request = async (path: string, body: string): Promise<Response> =>
    await web.request(path, { method: "POST", headers: { "content-type": "application/json" }, body });

  return {
    db,
    signed(own) {
      const body = { appId, appKey, timestamp: Math.floor(clock.now() / 1000), ...own };
      const parameters = new Map(Object.entries(body).map(([name, value]) => [name, String(value)]));
      return JSON.stringify({ ...body, signature: httpSignature(parameters, jamCode) });
    },
    async send(method, body) {
      const response = await request(`/oapi/bluepower_user/1_0/${method}`, body);
      if (response.status !== 200) return { http: response.status };
      return (await response.json()) as Answer;
    },
    notify: async (body) => (await request(PAY_NOTIFY_PATH, body)).status,
    person: (who, coins) => addPerson(db, { who, coins, clock, random }),
    async close() {
      await orders.stop();
      await payments.stop();
      await gateways.close();
      await close();
    },
  };
}

async function furnish(
  db: Db,
  of: { random: Random; gatewayId: GatewayId; chargers: readonly Pick<WorldCharger, "code" | "chip">[] },
): Promise<void> {
  const { gatewayId, random } = of;
  await transaction(db, async (tx) => {
    await addSite(tx, { name: "yard", zone: ZONE }, BY);
    await addGateway(tx, { gatewayId, site: "yard", random: random.fork("token") }, BY);
    await tx
      .insertInto("manager_info")
      .values({ manager: MANAGER, managerName: "管理员", setupTime: START, approved: 1 })
      .execute();
    for (const { code, chip } of of.chargers) {
      const deviceCode = code;
      await registerDevice(tx, { deviceCode, chip, version: 1 }, BY);
      await assignManager(tx, { deviceCode, manager: MANAGER, touchDesired }, BY);
      const values = { chargeFlag: 1 as const, unitPrice: fen(UNIT_PRICE), deviceName: code };
      await setDevice(tx, { deviceCode, touchDesired, ...values }, BY);
      await assignGateway(tx, { deviceCode, gatewayId, touchDesired }, BY);
    }
  });
}

async function addPerson(
  db: Db,
  of: { who: Phone; coins: number; clock: Clock; random: Random },
): Promise<{ session: string }> {
  const { who, coins, random } = of;
  const now = of.clock.now();
  const openId = `openid-${who}`;
  return await transaction(db, async (tx) => {
    const { session } = await openSession(tx, { side: "user", openId, sessionKey: "", random, now });
    await bindPhone(tx, { side: "user", openId, phone: who, now });
    await tx.updateTable("user_info").set({ userName: "用户" }).where("user", "=", who).execute();
    await post(tx, {
      id: `opening/${who}`,
      from: "opening",
      to: `user_coins:${who}`,
      amount: coins * testConfig.coinFen,
      reason: "OPENING",
      at: now,
    });
    return { session };
  });
}

/** A field of the first item of an answer. */
export function textOf(answer: Answer | undefined, name: string): string | undefined {
  const data: unknown = answer?.data;
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const value: unknown = Object.entries(first).find(([key]) => key === name)?.[1];
  return value === undefined ? undefined : String(value);
}
