/** For tests: a database in which everything has happened that moves money, made over the interface and saved to a file. */
import { type Instant, instant } from "@bluepower/protocol/clock";
import { minutes } from "@bluepower/protocol/units";
import { sql } from "kysely";
import { scenario } from "../../cloud/api/scenario.ts";
import { table } from "../../cloud/api/table.ts";
import { exportable, markExported } from "../../cloud/cashout/batch.ts";
import { approveCashOut, failCashOut, payCashOut } from "../../cloud/cashout/process.ts";
import { transaction } from "../../cloud/database/open.ts";
import { gatewayOrders, type OrderEvent } from "../../cloud/orders/gatewayOrders.ts";
import { type ScriptedGateways, scriptedGateways } from "../../cloud/orders/scriptedGateways.ts";
import type { Payments } from "../../cloud/payments/payments.ts";
import { type ScriptedPay, scriptedPay } from "../../cloud/payments/scriptedPay.ts";
import { startPayments } from "../../cloud/payments/start.ts";
import { billDayOf } from "../../cloud/reconciliation/billDay.ts";
import type { Bills } from "../../cloud/reconciliation/bills.ts";
import { settleDifference } from "../../cloud/reconciliation/differences.ts";
import { reconcileDay } from "../../cloud/reconciliation/reconcile.ts";
import { emptyTradeBill } from "../../cloud/reconciliation/tradeBill.ts";

export const MANAGER = "13900000001";
export const SECOND_MANAGER = "13900000002";
export const USERS = ["13800000001", "13800000002", "13800000003", "13800000004"] as const;
const [ANN, BEN, CAT, DAN] = USERS;
type Person = { user: string; session: string };

/** Ids of what a test looks at by name. */
export interface Populated {
  /** Paid with coins and cash; half of it went back. */
  mixed: string;
  /** Paid in cash, taken back by the gateway: all went back. */
  takenBack: string;
  /** In a cash-out that was paid. */
  withdrawn: string;
  cashOuts: { paid: string; failed: string; pending: string };
}

export async function populate(file: string): Promise<Populated> {
  let gateways: ScriptedGateways | undefined;
  let pay: ScriptedPay | undefined;
  let payments: Payments | undefined;
  const started = (): Payments => {
    if (payments === undefined) throw new Error("payments start with the database");
    return payments;
  };
  const s = await scenario({
    table,
    cloud: ({ db, clock }) => {
      gateways = scriptedGateways({ db, clock });
      pay = scriptedPay(clock);
      return {
        gateways,
        payments: {
          provider: pay,
          prepare: (attempt) => started().prepare(attempt),
          closeOpen: (subject) => started().closeOpen(subject),
          result: (purpose, subject) => started().result(purpose, subject),
          notified: (about, headers, body) => started().notified(about, headers, body),
          wake: () => started().wake(),
          stop: () => started().stop(),
        },
      };
    },
  });
  if (gateways === undefined || pay === undefined) throw new Error("the scenario has made its cloud");
  const { db, clock, random, log } = s.cloud;
  payments = await startPayments({ db, clock, random, log, provider: pay, coinFen: 100 });
  const scene = new Scene({ s, gateways, pay, payments });
  try {
    await scene.furnish();
    const populated = await scene.play();
    await sql`vacuum into ${file}`.execute(db);
    return populated;
  } finally {
    await payments.stop();
    await s.close();
  }
}

interface Parts {
  s: Awaited<ReturnType<typeof scenario>>;
  gateways: ScriptedGateways;
  pay: ScriptedPay;
  payments: Payments;
}

class Scene {
  readonly #s: Parts["s"];
  readonly #gateways: ScriptedGateways;
  readonly #pay: ScriptedPay;
  readonly #payments: Payments;
  readonly #people = new Map<string, Person>();
  #manager = { manager: MANAGER, session: "" };

  constructor({ s, gateways, pay, payments }: Parts) {
    this.#s = s;
    this.#gateways = gateways;
    this.#pay = pay;
    this.#payments = payments;
  }

  async play(): Promise<Populated> {
    await this.#coins();
    const mixed = await this.#order(ANN, 1);
    await this.#fail(await this.#payWithBoth(ANN, mixed));
    await this.#succeed(await this.#payWithBoth(ANN, mixed));
    const withdrawn = await this.#paidOrder(BEN, 2);
    const correctedLater = await this.#paidOrder(BEN, 3);
    // Half of it is proven: cash goes back, then coins.
    await this.#end(mixed, 20);
    await this.#end(withdrawn, 60);
    await this.#end(correctedLater, 60);
    const paid = await this.#cashOut();
    await this.#change((tx, at) => approveCashOut(tx, { cashOutId: paid, secondAboveFen: 100 }, by("a", at)));
    await this.#change((tx, at) => approveCashOut(tx, { cashOutId: paid, secondAboveFen: 100 }, by("b", at)));
    for (const again of [false, true]) await this.#export(again);
    await this.#change((tx, at) => payCashOut(tx, { cashOutId: paid, reference: "B-1" }, by("a", at)));
    await this.#wait(60);
    // A correction of what was withdrawn: a debt.
    await this.#end(correctedLater, 20);
    await this.#paidOrder(CAT, 1, 60);
    await this.#wait(60);
    const failed = await this.#cashOut();
    await this.#change((tx, at) => failCashOut(tx, { cashOutId: failed, reason: "卡号有误" }, by("a", at)));
    await this.#wait(60);
    const pending = await this.#cashOut();
    await this.#paidOrder(CAT, 2, 60);
    await this.#wait(60);
    await this.#end(withdrawn, 20);
    const takenBack = await this.#paidOrder(DAN, 2);
    await this.#event({
      kind: "order.failed",
      body: { orderId: takenBack as never, reason: "port_busy", detail: "" },
    });
    await this.#wait(10);
    await this.#unwanted();
    await this.#openEnds();
    await this.#bills();
    return { mixed, takenBack, withdrawn, cashOuts: { paid, failed, pending } };
  }

  /** Coins that were bought, are being bought and were not bought after all; and a gift. */
  async #coins(): Promise<void> {
    await this.#succeed(await this.#buy(ANN, 20));
    await this.#succeed(await this.#buy(BEN, 10));
    await this.#succeed(await this.#buy(CAT, 10));
    await this.#fail(await this.#buy(DAN, 7));
    await this.#buy(DAN, 3);
    await this.#do("user", "newPmoneyGift", {
      userFrom: ANN,
      session: this.#who(ANN).session,
      userTo: DAN,
      pmoney: 4,
    });
  }

  /** A payment that comes when its order has been taken back, and one whose refund WeChat has not confirmed. */
  async #unwanted(): Promise<void> {
    for (const settle of [true, false]) {
      this.#pay.refundsSettle = settle;
      const orderId = await this.#order(DAN, 2);
      const outTradeNo = await this.#payInCash(DAN, orderId);
      await this.#event({ kind: "order.cancelled", body: { orderId: orderId as never, detail: "" } });
      await this.#succeed(outTradeNo);
      await this.#wait(10);
    }
  }

  /** What is under way: a start, a charge, payments; an order that is free, one that was cancelled, one that nobody has paid. */
  async #openEnds(): Promise<void> {
    this.#gateways.answer = () => ({ kind: "no_answer" });
    const told = await this.#order(DAN, 3, {}, "starting");
    await this.#do("user", "cancelPowerOrder", { session: this.#who(DAN).session, orderId: told });
    await this.#order(DAN, 4, {}, "starting");
    const free = { deviceCode: "FREE0001", unitPrice: "0.00", money: "0.00" };
    await this.#order(CAT, 1, free, "charging");
    await this.#payWithBoth(ANN, await this.#order(ANN, 1, { deviceCode: "PHONED01" }, "charging"));
    const owing = await this.#order(BEN, 2, { deviceCode: "PHONED01" }, "charging");
    await this.#do("user", "stopPowerOrder", { user: BEN, session: this.#who(BEN).session, orderId: owing });
    await this.#s.db
      .insertInto("dead_event")
      .values({
        ...{ gatewayId: "gw-1", streamId: "stream", seq: 3, kind: "order.bent", body: "{}", problem: "bent" },
        insertTime: this.#s.clock.now(),
      })
      .execute();
  }

  /** The day's bill knows a payment that we do not, and of ours nothing; a difference is settled, and one is gone later. */
  async #bills(): Promise<void> {
    const { db, clock } = this.#s;
    const day = billDayOf(clock.now());
    const later = instant(clock.now() + 48 * 3_600_000);
    const bill = emptyTradeBill();
    const known = (outTradeNo: string, amount: number) =>
      bill.payments.set(outTradeNo, {
        outTradeNo,
        transactionId: `wx-${outTradeNo}`,
        amount,
        state: "SUCCESS",
      });
    known("OUTSIDE01", 500);
    const bills: Bills = {
      tradeBill: async () => ({ kind: "bill", bill }),
      fundFlow: async () => ({ kind: "bill", bill: { income: 1, outgo: 0 } }),
    };
    const world = {
      db,
      bills,
      clock: { now: () => later, uptime: () => clock.uptime(), after: clock.after.bind(clock) },
    };
    const compared = async (): Promise<void> => {
      const said = await reconcileDay(world, day);
      if (said.kind !== "compared") throw new Error(said.kind);
    };
    await compared();
    const mine = await db
      .selectFrom("bill_difference")
      .selectAll()
      .where("class", "=", "only_ours")
      .execute();
    const [first, second] = mine.filter((d) => d.kind === "payment");
    if (first === undefined || second === undefined) throw new Error("two payments are ours only");
    await transaction(db, (tx) => settleDifference(tx, { id: first.id, note: "已核对" }, by("a", later)));
    known(second.number, Math.round(Number(second.ours.split(" ")[0]) * 100));
    await compared();
  }

  #who(user: string): Person {
    const found = this.#people.get(user);
    if (found === undefined) throw new Error(user);
    return found;
  }

  async #do(side: "user" | "manager", method: string, own: Record<string, string | number>) {
    const answer = await this.#s.call(side, method, own);
    if (answer.code !== 0) throw new Error(`${method}: ${JSON.stringify(answer)}`);
    await this.#wait(1);
    return (answer.data as Record<string, unknown>[])[0] ?? {};
  }

  async #buy(user: string, pmoney: number): Promise<string> {
    const { payId } = await this.#do("user", "newPmoneyCharge", { ...this.#who(user), pmoney });
    const row = this.#s.db
      .selectFrom("pmoney_charge_pay")
      .select("outTradeNo")
      .where("payId", "=", String(payId));
    return (await row.executeTakeFirstOrThrow()).outTradeNo;
  }

  /** An hour for 3.00 yuan. */
  async #order(user: string, port: number, own = {}, wanted = "charging"): Promise<string> {
    const order = { deviceCode: "GATED001", port, unitPrice: "1.50", unit: 2, money: "3.00", ...own };
    const { orderId, state } = await this.#do("user", "newPowerOrder", { ...this.#who(user), ...order });
    if (state !== wanted) throw new Error(`${orderId} is ${state}`);
    return String(orderId);
  }

  async #paidOrder(user: string, port: number, given?: number): Promise<string> {
    const orderId = await this.#order(user, port);
    const coins = { orderId, money: "3.00", pmoney: 3, cash: "0.00" };
    if (user === DAN) await this.#succeed(await this.#payInCash(user, orderId));
    else await this.#do("user", "payPowerOrder", { ...this.#who(user), ...coins });
    if (given !== undefined) await this.#end(orderId, given);
    return orderId;
  }

  async #payInCash(user: string, orderId: string): Promise<string> {
    const cash = { orderId, money: "3.00", pmoney: 0, cash: "3.00" };
    await this.#do("user", "payPowerOrder", { ...this.#who(user), ...cash });
    return await this.#lastPayment(orderId);
  }

  async #payWithBoth(user: string, orderId: string): Promise<string> {
    const both = { orderId, money: "3.00", pmoney: 2, cash: "1.00" };
    await this.#do("user", "payPowerOrder", { ...this.#who(user), ...both });
    return await this.#lastPayment(orderId);
  }

  async #lastPayment(orderId: string): Promise<string> {
    const rows = this.#s.db.selectFrom("order_pay_info").select("outTradeNo").where("orderId", "=", orderId);
    return (await rows.orderBy("id", "desc").executeTakeFirstOrThrow()).outTradeNo;
  }

  async #succeed(outTradeNo: string): Promise<void> {
    if (!this.#pay.pay(outTradeNo)) throw new Error(`${outTradeNo} cannot be paid`);
    const { headers, body } = this.#pay.told(outTradeNo);
    await this.#payments.notified("transaction", headers, body);
  }

  async #fail(outTradeNo: string): Promise<void> {
    const row = this.#s.db.selectFrom("wx_payment").select("subject").where("outTradeNo", "=", outTradeNo);
    await this.#payments.closeOpen((await row.executeTakeFirstOrThrow()).subject);
    await this.#wait(1);
  }

  async #event(event: OrderEvent): Promise<void> {
    const { db, clock } = this.#s;
    const { applyOrderEvent } = gatewayOrders(clock)(this.#gateways);
    const fact = { gatewayId: "gw-1", at: clock.now(), quality: "synced" as const, event };
    await transaction(db, (tx) => applyOrderEvent(tx, fact));
  }

  async #end(orderId: string, given: number): Promise<void> {
    const body = {
      orderId: orderId as never,
      minutes: given as never,
      endReason: "time",
      evidence: "sta",
    } as const;
    await this.#event({ kind: "order.finished", body });
  }

  async #cashOut(): Promise<string> {
    const bank = { bankName: "银行", bankUser: "户名", bankCode: "6222021234567890" };
    await this.#do("manager", "CashOut", { ...this.#manager, ...bank });
    const rows = this.#s.db.selectFrom("cashout_info").select("cashOutId").orderBy("id", "desc");
    return (await rows.executeTakeFirstOrThrow()).cashOutId;
  }

  /** A file for the bank; again, it is the same in another batch. */
  async #export(again: boolean): Promise<void> {
    const cashOuts = await exportable(this.#s.db, { again });
    const batch = { cashOuts, sha256: "", zone: "Asia/Shanghai" };
    await transaction(this.#s.db, (tx) => markExported(tx, batch, by("a", this.#s.clock.now())));
  }

  async #change<T extends string>(
    work: (tx: Parameters<typeof approveCashOut>[0], at: Instant) => Promise<T>,
  ): Promise<void> {
    const said = await transaction(this.#s.db, (tx) => work(tx, this.#s.clock.now()));
    if (said === "unknown" || said === "out_of_order") throw new Error(said);
  }

  /** Time passes, in which the sweepers do what is open. */
  async #wait(s: number): Promise<void> {
    await this.#s.clock.advance((s * 1000) as never);
  }

  async furnish(): Promise<void> {
    const { db, clock } = this.#s;
    const at = clock.now();
    for (const user of USERS) this.#people.set(user, { user, ...(await this.#s.person("user", user)) });
    this.#manager = { manager: MANAGER, ...(await this.#s.person("manager", MANAGER)) };
    await this.#s.person("manager", SECOND_MANAGER);
    await db.updateTable("user_info").set({ userName: "用户" }).execute();
    await db.updateTable("manager_info").set({ managerName: "管理员", approved: 1 }).execute();
    await db.insertInto("site").values({ name: "yard", zone: "Asia/Shanghai" }).execute();
    const gateway = { id: "gw-1", siteId: 1, tokenHash: "", setupTime: at, seenTime: null };
    await db.insertInto("gateway").values(gateway).execute();
    const cursor = { gatewayId: "gw-1", streamId: "stream", lastSeq: 3, updateTime: at };
    await db.insertInto("gateway_cursor").values(cursor).execute();
    for (const [deviceCode, btName, gatewayId, chargeFlag] of [
      ["GATED001", "A1B2C3D4E5F6", "gw-1", 1],
      ["PHONED01", "0123456789AB", null, 1],
      ["FREE0001", "FEDCBA987654", null, 0],
    ] as const) {
      await db
        .insertInto("device_info")
        .values({
          ...{ deviceCode, btName, gatewayId, chargeFlag, deviceName: "一号", version: 1, jamCode: "JAMJAM" },
          ...{ unitPrice: 150, manager: MANAGER, siteId: 1, setupTime: at, updateTime: at, addTime: at },
          ...{ portTime: null, chargerSeenTime: at, chargerLostTime: null },
        })
        .execute();
    }
    this.#gateways.answer = (body) =>
      body.kind === "start"
        ? { kind: "started", minutes: body.minutes }
        : { kind: "stopped", minutes: minutes(1) };
    const coins = { id: "opening/1", fromAccount: "opening", toAccount: `user_coins:${ANN}`, amount: 100 };
    await db
      .insertInto("ledger_transfer")
      .values({ ...coins, reason: "OPENING", orderId: null, insertTime: at })
      .execute();
    await db.insertInto("ledger_account").values({ account: "opening", balance: -100 }).execute();
    await db
      .insertInto("ledger_account")
      .values({ account: `user_coins:${ANN}`, balance: 100 })
      .execute();
    await db.updateTable("user_info").set({ pmoney: 1 }).where("user", "=", ANN).execute();
  }
}

const by = (who: string, at: Instant) => ({ who: `operator:${who}`, at: instant(at) });
