import { type Clock, type Instant, instant } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { sayPaid } from "./lines.ts";
import type { Attempt, PaymentProvider, PaymentRefusal, PaymentState } from "./payments.ts";
import { failPayment, settleSuccess } from "./settle.ts";
import type { Shipper } from "./shipping.ts";
import { PAYMENT, type StoredPayment, storedPayment } from "./wxPayment.ts";

/** What payments work with. WeChat is never asked inside a transaction: pending is written, it is asked, the result is written. */
export interface PayWorld {
  db: Db;
  clock: Clock;
  log: Logger;
  provider: PaymentProvider;
  /** Null: WeChat is not told of deliveries. */
  shipper: Shipper | null;
}

/** Creating a payment is repeatable under its number, so one answer that got lost costs the payer nothing. */
const CREATE_TRIES = 2;
/** Longer than all tries of creating a payment take: a number that WeChat does not know by then will not come to be. */
const CREATED_BY_MS = 60_000;

/**
 * Has the payment of an attempt made at WeChat; `package` is what the phone needs. May be repeated. `ended`: the attempt is no
 * longer open. `unavailable`: WeChat cannot say now, or says no; in the second case the attempt has failed.
 */
export async function prepare(
  world: PayWorld,
  attempt: Attempt & { clientIp: string },
): Promise<{ kind: "ready"; package: string } | { kind: "ended" | "unavailable" }> {
  const { db, clock, log } = world;
  const { outTradeNo } = attempt;
  if (attempt.channel === "coins") return { kind: "ready", package: "" };
  const row = await storedPayment(db, outTradeNo);
  if (row?.state !== PAYMENT.pending || row.expireTime <= clock.now()) return { kind: "ended" };
  const created = await create(world, row, attempt.clientIp);
  if (created.kind === "created") {
    const open = await transaction(db, (tx) =>
      tx
        .updateTable("wx_payment")
        .set({ prepayId: created.prepayId })
        .where("outTradeNo", "=", outTradeNo)
        .where("state", "=", PAYMENT.pending)
        .executeTakeFirst(),
    );
    if (open.numUpdatedRows === 1n) return { kind: "ready", package: created.package };
    // It was given up meanwhile: what has come to be at WeChat must not be paid.
    await world.provider.close(outTradeNo);
    return { kind: "ended" };
  }
  log.warn({ outTradeNo, detail: created.detail }, `payment ${created.kind} at WeChat`);
  if (created.kind === "refused") await ask(world, row, "refused");
  return { kind: "unavailable" };
}

async function create(
  world: PayWorld,
  row: StoredPayment,
  clientIp: string,
): Promise<{ kind: "created"; prepayId: string | null; package: string } | PaymentRefusal> {
  const order = {
    outTradeNo: row.outTradeNo,
    description: row.description,
    amount: row.cash,
    expireTime: row.expireTime,
  };
  const once = async () => {
    if (row.channel === "h5") {
      const h5 = await world.provider.createH5({ ...order, clientIp });
      return h5.kind === "created"
        ? { kind: h5.kind, prepayId: null, package: JSON.stringify({ h5_url: h5.h5Url }) }
        : h5;
    }
    const jsapi = await world.provider.createJsapi({ ...order, openId: row.openId ?? "" });
    return jsapi.kind === "created"
      ? { kind: jsapi.kind, prepayId: jsapi.prepayId, package: JSON.stringify(jsapi.payment) }
      : jsapi;
  };
  let answer = await once();
  for (let i = 1; i < CREATE_TRIES && answer.kind === "unavailable"; i++) answer = await once();
  return answer;
}

/** What can be wrong with a success, by field. Undefined when it is the payment that we wanted. */
export function mismatch(
  row: Pick<StoredPayment, "cash" | "channel" | "openId">,
  said: Extract<PaymentState, { kind: "success" }>,
): "amount" | "openid" | undefined {
  if (said.total !== row.cash) return "amount";
  if (row.channel === "jsapi" && said.openId !== row.openId) return "openid";
  return undefined;
}

/**
 * Asks WeChat how an attempt stands and writes what it says. `open`: not decided yet; `unavailable`: not known. A number that
 * WeChat does not know may still come to be, unless its creation was `refused` or is long over.
 */
export async function ask(
  world: PayWorld,
  row: StoredPayment,
  creation?: "refused",
): Promise<"success" | "failed" | "open" | "unavailable"> {
  const { db, clock, log } = world;
  const { outTradeNo } = row;
  await db
    .updateTable("wx_payment")
    .set({ queryTime: clock.now() })
    .where("outTradeNo", "=", outTradeNo)
    .execute();
  const state = await world.provider.query(outTradeNo);
  const at = clock.now();
  const fail = async (reason: string): Promise<"failed"> => {
    await transaction(db, (tx) => failPayment(tx, { outTradeNo, reason, closed: true, at }));
    return "failed";
  };
  switch (state.kind) {
    case "success":
      return await success(world, row, state, at);
    case "open":
      return "open";
    case "closed":
      return await fail("CLOSED");
    case "refunded":
      log.warn({ outTradeNo }, "a payment was given back at WeChat, not by us");
      return await fail("REFUNDED");
    case "unknown_number":
      return creation === "refused" || at - row.insertTime > CREATED_BY_MS
        ? await fail("NOT_CREATED")
        : "open";
    case "unavailable":
      log.warn({ outTradeNo, detail: state.detail }, "WeChat Pay cannot say how a payment stands");
      return "unavailable";
  }
}

async function success(
  world: PayWorld,
  row: StoredPayment,
  said: Extract<PaymentState, { kind: "success" }>,
  at: Instant,
): Promise<"success" | "unavailable"> {
  const { outTradeNo } = row;
  const wrong = mismatch(row, said);
  if (wrong !== undefined) {
    world.log.error({ outTradeNo, field: wrong }, "a payment at WeChat is not the one that was asked for");
    return "unavailable";
  }
  const outcome = await transaction(world.db, (tx) =>
    settleSuccess(tx, {
      outTradeNo,
      transactionId: said.transactionId,
      successTime: instant(said.successTime),
      at,
    }),
  );
  sayPaid(world.log, outcome, row);
  return "success";
}

/** Closes an attempt at WeChat; what was paid after all is settled. `unavailable`: nothing is decided. */
export async function closePayment(
  world: PayWorld,
  row: StoredPayment,
  reason: "EXPIRED" | "REPLACED",
): Promise<"closed" | "paid" | "unavailable"> {
  const { outTradeNo } = row;
  const closed = await world.provider.close(outTradeNo);
  switch (closed.kind) {
    case "closed":
      await transaction(world.db, (tx) =>
        failPayment(tx, { outTradeNo, reason, closed: true, at: world.clock.now() }),
      );
      return "closed";
    case "paid":
      return (await ask(world, row)) === "success" ? "paid" : "unavailable";
    case "unavailable":
      world.log.warn({ outTradeNo, detail: closed.detail }, "a payment cannot be closed at WeChat now");
      return "unavailable";
  }
}
