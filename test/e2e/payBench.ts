import { webcrypto } from "node:crypto";
import type { Server } from "node:http";
import { type Clock, type Instant, instant, type Millis, millis } from "@bluepower/protocol/clock";
import { secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { createAdaptorServer } from "@hono/node-server";
import { pino } from "pino";
import { PAY_NOTIFY_PATH, REFUND_NOTIFY_PATH, wechatNotify } from "../../cloud/api/wechatNotify.ts";
import { audit } from "../../cloud/audit/audit.ts";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import { rebill } from "../../cloud/orders/bill.ts";
import { placeOrder } from "../../cloud/orders/place.ts";
import { scriptedGateways } from "../../cloud/orders/scriptedGateways.ts";
import { planStop } from "../../cloud/orders/stop.ts";
import { openAttempt } from "../../cloud/payments/attempts.ts";
import { openPurchase } from "../../cloud/payments/coinPurchase.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import { wechatPay } from "../../cloud/payments/wechatPay.ts";
import { wechatBills } from "../../cloud/reconciliation/bills.ts";
import { weChat } from "../../cloud/wechat/client.ts";
import { freeSandbox } from "../sandbox/fixture.ts";
import { until } from "./until.ts";

const MANAGER = "13900000001";
const OPENID = "demo-user-1";
/** A call that the sandbox never answers is given up after this, instead of after five seconds. */
const HURRIED = millis(1500);
const ATTEMPTS = ["open", "paid", "failed"];

/** A transaction as the control plane of the sandbox shows it. */
interface Transaction {
  out_trade_no: string;
  trade_state: string;
  amount: { total: number };
  shipped: boolean;
  refunds: { status: string; amount: { refund: number } }[];
}

interface Notification {
  state: string;
  deliveries: { result: number | string }[];
}

export type PayBench = Awaited<ReturnType<typeof payBench>>;

interface Benched {
  keys?: "public key" | "certificates";
  /** Both sides live at this time, which stands still until it is set or let pass. */
  at?: Instant;
}

/** The real client of WeChat Pay and the payments of the cloud, against the sandbox over HTTP. */
export async function payBench({ keys = "public key", at }: Benched = {}) {
  /** The time of the books runs ahead of that of the wire by what has been let pass. */
  let ahead = 0;
  let still = at;
  const clock: Clock = { ...systemClock, now: () => still ?? instant(systemClock.now() + ahead) };
  const sandbox = await freeSandbox(at === undefined ? {} : { clock });
  const { db, close: closeDb } = await openDatabase({ url: "sqlite::memory:" });
  await db.insertInto("manager_info").values({ manager: MANAGER, setupTime: 0, approved: 1 }).execute();
  await db
    .insertInto("device_info")
    .values({
      deviceCode: "PHONED01",
      version: 1,
      btName: "A1B2C3D4E5F6",
      jamCode: "JAMJAM",
      chargeFlag: 1,
      unitPrice: 150,
      manager: MANAGER,
      setupTime: 0,
      updateTime: 0,
      portTime: null,
      addTime: null,
      siteId: null,
      gatewayId: null,
      chargerSeenTime: null,
      chargerLostTime: null,
    })
    .execute();
  // The notify URL is known before the payments that listen behind it.
  const listening: { fetch: (request: Request) => Response | Promise<Response> } = {
    fetch: () => new Response(null, { status: 503 }),
  };
  const server = createAdaptorServer({ fetch: (request) => listening.fetch(request) }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const random = secureRandom((bytes) => webcrypto.getRandomValues(bytes));
  const hurried: Clock = {
    ...(at === undefined ? systemClock : clock),
    uptime: () => millis(systemClock.uptime() + ahead),
    after: (delay, label, then) =>
      systemClock.after(label === "wechat pay call" ? HURRIED : delay, label, then),
  };
  const { merchant, apps } = sandbox.credentials;
  const account = {
    baseUrl: sandbox.wireUrl,
    appId: apps.user.appid,
    mchId: merchant.mchid,
    serial: merchant.serial,
    privateKeyPem: merchant.privateKeyPem,
    apiV3Key: merchant.apiV3Key,
    // With certificates nothing is known before the first answer.
    publicKeyId: keys === "public key" ? merchant.wechatPayPublicKeyId : "",
    keys: new Map(
      keys === "public key" ? [[merchant.wechatPayPublicKeyId, merchant.wechatPayPublicKeyPem]] : [],
    ),
    payNotifyUrl: origin + PAY_NOTIFY_PATH,
    refundNotifyUrl: origin + REFUND_NOTIFY_PATH,
  };
  const provider = wechatPay({ clock: hurried, random, account });
  const log = pino({ level: "silent" });
  // The time of the wire is the same for it; what waits for the sweeper waits on the books'.
  const wechatClock: Clock = {
    ...systemClock,
    after: (delay, label, then) =>
      systemClock.after(label.startsWith("wechat ") ? HURRIED : delay, label, then),
  };
  const shipper = weChat({ apiUrl: sandbox.wireUrl, apps, clock: wechatClock });
  // Deliveries would be told whenever it comes to that, also while somebody looks what has changed.
  const shipping = at === undefined && { shipper };
  const payments = await startPayments({ db, clock, random, log, provider, ...shipping, coinFen: 100 });
  listening.fetch = wechatNotify(payments).fetch;
  let people = 0;

  const control = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(sandbox.controlUrl + path, init);
    const content = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(JSON.stringify(content));
    return content;
  };
  const order = (orderId: string) =>
    db.selectFrom("order_info").selectAll().where("orderId", "=", orderId).executeTakeFirstOrThrow();
  const atWeChat = async (orderId: string): Promise<Transaction[]> => {
    const { transactions } = (await control("/transactions")) as { transactions: Transaction[] };
    return transactions.filter((t) => t.out_trade_no.startsWith(orderId));
  };
  const open = async (orderId: string, channel: "jsapi" | "h5" = "jsapi") => {
    const { user } = await order(orderId);
    const request = { orderId, user, money: 300, pmoney: 0, cash: 300, channel, openId: OPENID };
    const opened = await transaction(db, (tx) => openAttempt(tx, request, { at: clock.now(), random }));
    if (opened.kind !== "opened") throw new Error(opened.kind);
    const prepared = await payments.prepare({ ...opened.attempt, clientIp: "127.0.0.1" });
    return { number: opened.attempt.outTradeNo, prepared };
  };

  const bench = {
    db,
    payments,
    control,
    order,
    open,
    now: () => clock.now(),
    /** Lets time pass on the cloud's books, for what is asked again only later. */
    pass(time: Millis): void {
      if (still === undefined) ahead += time;
      else still = instant(still + time);
    },
    /** Sets the time of a bench whose time stands still. */
    setTime(to: Instant): void {
      still = to;
    },
    /** What reconciles, on the books of this bench. */
    reconciling: { db, clock, bills: wechatBills({ account, clock: hurried, random }) },
    /** Somebody's stopped charge of an hour, for which 300 fen are owed. */
    async charging(): Promise<string> {
      const user = `138${String(10_000_000 + ++people)}`;
      await db
        .insertInto("user_info")
        .values({ user, userName: "用户", setupTime: 0, professionId: null })
        .execute();
      // All charge at one port, one after the other.
      await db.deleteFrom("live_order").execute();
      const gateways = scriptedGateways({ db, clock });
      const of = { user, deviceCode: "PHONED01", port: 1, unitPrice: 150, unit: 2, money: 300, plateNo: "" };
      return await transaction(db, async (tx) => {
        const placed = await placeOrder(tx, of, { at: clock.now(), gateways });
        if (placed.kind !== "placed") throw new Error(placed.reason);
        await planStop(tx, gateways, { orderId: placed.orderId, user, at: clock.now() });
        return placed.orderId;
      });
    },
    /** What the phone is given to pay with. */
    async ready(orderId: string, channel: "jsapi" | "h5" = "jsapi") {
      const { number, prepared } = await open(orderId, channel);
      if (prepared.kind !== "ready") throw new Error(prepared.kind);
      return { number, content: JSON.parse(prepared.package) as Record<string, string> };
    },
    payAs: (content: Record<string, string>, notify: string, outcome = "success") =>
      control("/pay", { ...content, outcome, notify }),
    fault: (kind: string, times: number, on: "pay" | "shipping" = "pay") =>
      control("/fault", { on, kind, times }),
    atWeChat,
    /** Somebody who buys three coins: the purchase as WeChat was asked for it. */
    async buying() {
      const user = `139${String(20_000_000 + ++people)}`;
      const person = { user, userName: "用户", setupTime: 0, professionId: null };
      await db.insertInto("user_info").values(person).execute();
      const of = { user, pmoney: 3, channel: "jsapi", openId: OPENID } as const;
      const opened = await transaction(db, (tx) => openPurchase(tx, of, { at: clock.now(), random }));
      if (opened.kind !== "opened") throw new Error(opened.kind);
      const prepare = async () => {
        const prepared = await payments.prepare({ ...opened.attempt, clientIp: "127.0.0.1" });
        return prepared.kind === "ready"
          ? (JSON.parse(prepared.package) as Record<string, string>)
          : prepared.kind;
      };
      return { user, payId: opened.payId, number: opened.attempt.outTradeNo, prepare };
    },
    /** The whole of a purchase of coins: what its buyer has, on our books and with WeChat. */
    async coinBooks({ user, payId }: { user: string; payId: string }) {
      const { pmoney } = await db
        .selectFrom("user_info")
        .select("pmoney")
        .where("user", "=", user)
        .executeTakeFirstOrThrow();
      const { state } = await db
        .selectFrom("pmoney_charge_pay")
        .select("state")
        .where("payId", "=", payId)
        .executeTakeFirstOrThrow();
      const refunds = db.selectFrom("refund_info").select(["cash", "state"]).where("subject", "=", payId);
      const there = await atWeChat(payId);
      return {
        coins: pmoney,
        purchase: ATTEMPTS[state],
        refunds: (await refunds.execute()).map((r) => `${r.cash} ${r.state}`),
        wechat: there.map((t) => t.trade_state),
        violations: await bench.violations(),
      };
    },
    /** Every notification that the sandbox has finished with. */
    async finished(): Promise<Notification[]> {
      const { notifications } = await control("/notifications");
      return (notifications as Notification[]).filter((n) => n.state !== "waiting");
    },
    paid: (orderId: string) =>
      until(
        "the bill is paid",
        () => order(orderId),
        (o) => o.payState === "paid",
      ),
    /** A paid bill of which only half was delivered: 150 fen go back. */
    async lowered(): Promise<string> {
      const orderId = await bench.charging();
      const { content } = await bench.ready(orderId);
      await bench.payAs(content, "once");
      const bill = await bench.paid(orderId);
      await transaction(db, (tx) => rebill(tx, bill, 1, clock.now()));
      return orderId;
    },
    /** Half of a paid bill goes back; `before` the second try when the first one fails. */
    async giveBack(orderId: string, before: () => void = () => {}) {
      const bill = await order(orderId);
      await transaction(db, (tx) => rebill(tx, bill, 1, clock.now()));
      payments.wake();
      const tried = (r: { state: string; updateTime: number; insertTime: number }) =>
        r.state === "success" || r.updateTime !== r.insertTime;
      await until("the refund is tried", () => bench.refund(orderId), tried);
      before();
      payments.wake();
      const back = (r: { state: string }) => r.state === "success";
      return await until("the money is back", () => bench.refund(orderId), back);
    },
    refund: (orderId: string) =>
      db.selectFrom("refund_info").selectAll().where("subject", "=", orderId).executeTakeFirstOrThrow(),
    async violations(): Promise<object[]> {
      // The port is shared here, so its slots are no matter of these tests.
      return (await audit(db)).filter((v) => v.rule !== "port_slot" && v.rule !== "user_slot");
    },
    /** The whole of an order's money: on our books and with WeChat. */
    async books(orderId: string) {
      const { payState, money, cash } = await order(orderId);
      const attempts = await db
        .selectFrom("order_pay_info")
        .select("state")
        .where("orderId", "=", orderId)
        .orderBy("id")
        .execute();
      const refunds = await db
        .selectFrom("refund_info")
        .select(["cash", "state"])
        .where("subject", "=", orderId)
        .execute();
      const transfers = await db
        .selectFrom("ledger_transfer")
        .selectAll()
        .where("orderId", "=", orderId)
        .execute();
      const sum = (amounts: number[]): number => amounts.reduce((a, b) => a + b, 0);
      const into = (account: string): number =>
        sum(transfers.filter((t) => t.toAccount === account).map((t) => t.amount));
      const outOf = (account: string): number =>
        sum(transfers.filter((t) => t.fromAccount === account).map((t) => t.amount));
      const payable = `manager_payable:${MANAGER}`;
      const there = await atWeChat(orderId);
      const took = there.filter((t) => ["SUCCESS", "REFUND"].includes(t.trade_state));
      const gave = there.flatMap((t) => t.refunds).filter((r) => r.status === "SUCCESS");
      return {
        payState,
        money,
        cash,
        attempts: attempts.map((a) => ATTEMPTS[a.state]),
        refunds: refunds.map((r) => `${r.cash} ${r.state}`),
        /** In the ledger: from WeChat, for the manager, kept by the platform until it is somebody's. */
        ledger: {
          wechat: outOf("wechat_clearing") - into("wechat_clearing"),
          manager: into(payable) - outOf(payable),
          platform: into("platform") - outOf("platform"),
        },
        /** With WeChat: what became of each transaction, and the money that it has taken and not given back. */
        wechat: {
          transactions: there.map((t) => t.trade_state),
          kept: sum(took.map((t) => t.amount.total)) - sum(gave.map((r) => r.amount.refund)),
        },
        violations: await bench.violations(),
      };
    },
    async stop(): Promise<void> {
      await payments.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await closeDb();
      await sandbox.close();
    },
  };
  return bench;
}
