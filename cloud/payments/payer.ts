import { transaction } from "../database/open.ts";
import { MANAGER, type TestWorld, USER } from "../orders/testWorld.ts";
import { type Opened, openAttempt, type PayRequest } from "./attempts.ts";
import type { Attempt } from "./payments.ts";

/** For tests: one person who pays orders of two units in a test's world; `world` is asked anew every time. */
export function payer(world: () => TestWorld) {
  /** A refusal rolls its transaction back, as the method does. */
  async function open(orderId: string, of: Partial<PayRequest> = {}): Promise<Opened> {
    const { db, clock, random } = world();
    let opened: Opened = { kind: "not_yours" };
    const request = {
      orderId,
      user: USER,
      money: 300,
      pmoney: 0,
      cash: 300,
      channel: "jsapi" as const,
      openId: "openid-1",
      ...of,
    };
    await transaction(db, async (tx) => {
      opened = await openAttempt(tx, request, { at: clock.now(), random });
      if (opened.kind !== "opened" && opened.kind !== "paid") throw new Error("rolled back");
    }).catch((error: unknown) => {
      if (opened.kind === "opened" || opened.kind === "paid") throw error;
    });
    return opened;
  }
  async function attempt(orderId: string, of: Partial<PayRequest> = {}): Promise<Attempt> {
    const opened = await open(orderId, of);
    if (opened.kind !== "opened") throw new Error(opened.kind);
    return opened.attempt;
  }
  const prepare = (of: Attempt) => world().payments.prepare({ ...of, clientIp: "192.0.2.1" });
  const balance = async (account: string): Promise<number> => {
    const found = await world()
      .db.selectFrom("ledger_account")
      .select("balance")
      .where("account", "=", account)
      .executeTakeFirst();
    return found?.balance ?? 0;
  };
  return {
    open,
    attempt,
    prepare,
    balance,
    /** An open payment, ready to be paid by the phone. */
    async ready(orderId: string, of: Partial<PayRequest> = {}): Promise<string> {
      const made = await attempt(orderId, of);
      const prepared = await prepare(made);
      if (prepared.kind !== "ready") throw new Error(prepared.kind);
      return made.outTradeNo;
    },
    /** WeChat's notification of a payment. */
    tell(outTradeNo: string, change = {}) {
      const { headers, body } = world().pay.told(outTradeNo, change);
      return world().payments.notified("transaction", headers, body);
    },
    /** The attempt to pay, with what is stored of its payment at WeChat. */
    async row(outTradeNo: string) {
      const { db } = world();
      const attempt = db.selectFrom("order_pay_info").selectAll().where("outTradeNo", "=", outTradeNo);
      const payment = db.selectFrom("wx_payment").selectAll().where("outTradeNo", "=", outTradeNo);
      const paid = await payment.executeTakeFirst();
      const row = await attempt.executeTakeFirstOrThrow();
      for (const name of ["state", "wxPayid", "payTime", "cash", "failReason"] as const) {
        if (paid !== undefined && paid[name] !== row[name])
          throw new Error(`${name} of ${outTradeNo} differs`);
      }
      return { ...paid, ...row };
    },
    /** What the manager is owed. */
    payable: () => balance(`manager_payable:${MANAGER}`),
    refunds: () => world().db.selectFrom("refund_info").selectAll().orderBy("id").execute(),
    transfers: () => world().db.selectFrom("ledger_transfer").select("id").execute(),
  };
}

/** A round of the sweepers. */
export const ROUND = 5000 as never;
export const minutes = (n: number) => (n * 60_000) as never;
