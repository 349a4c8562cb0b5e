import { seconds, type Timer } from "@bluepower/protocol/clock";
import type { ExpressionBuilder, OrderByItemBuilder } from "kysely";
import { transaction } from "../database/open.ts";
import type { PaymentPurpose, Schema } from "../database/schema.ts";
import { sayRefunded } from "./lines.ts";
import { ask, closePayment, type PayWorld } from "./outside.ts";
import { failRefund, finishRefund } from "./refunds.ts";
import { shippingRounds } from "./shipping.ts";
import { PAYMENT } from "./wxPayment.ts";

const ROUND = seconds(5);
/** A round takes at most so many of each kind; the next one goes on. */
const BATCH = 50;
/** Payments and refunds that WeChat has not decided are looked at again after this. */
const AGAIN_MS = 30_000;
/** WeChat is down: the rest of the round would only wait. */
const GIVE_UP_AFTER = 3;

/** What the payer reads at WeChat of money that comes back. */
const SAID = { order: "充电费用退回", coins: "电币退款" } as const satisfies Record<PaymentPurpose, string>;

export interface Sweeper {
  /** Begins a round now; one that is under way is followed by another. */
  wake(): void;
  /** Waits for the round that is under way. */
  stop(): Promise<void>;
}

/**
 * Settles what stayed pending: payments whose time is over are closed, open ones are asked for besides the notification,
 * refunds are sent until WeChat has confirmed or refused them, and deliveries are told. One round at a time, in bounded batches.
 */
export function startSweeper(world: PayWorld): Sweeper {
  const { clock, log, shipper } = world;
  const ways: Way[] = [expired, open, refunds];
  if (shipper !== null) ways.push(shippingRounds({ ...world, shipper }));
  let stopped = false;
  let again = false;
  let running: Promise<void> | undefined;
  let timer: Timer | undefined;

  const start = (): void => {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    timer?.cancel();
    again = false;
    running = round(ways, world, () => stopped)
      .catch((error: unknown) =>
        log.error({ err: error }, "settling payments failed; the next round tries again"),
      )
      .finally(() => {
        running = undefined;
        if (stopped) return;
        timer = clock.after(again ? seconds(0) : ROUND, "payments sweeper", start);
      });
  };
  timer = clock.after(ROUND, "payments sweeper", start);
  return {
    wake: start,
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

type Work = () => Promise<string>;
/** One kind of what is to be settled: what there is of it now. */
type Way = (world: PayWorld) => Promise<Work[]>;

async function round(ways: readonly Way[], world: PayWorld, stopped: () => boolean): Promise<void> {
  for (const way of ways) {
    let down = 0;
    for (const one of await way(world)) {
      if (stopped()) return;
      if (down >= GIVE_UP_AFTER) break;
      down = (await one()) === "unavailable" ? down + 1 : 0;
    }
  }
}

/** Those that WeChat cannot settle must not stand before the others in every round. */
const longestAgo = (by: OrderByItemBuilder) => by.asc().nullsFirst();

async function expired(world: PayWorld): Promise<Work[]> {
  const now = world.clock.now();
  const rows = await pending(world)
    .where("expireTime", "<=", now)
    .where((e) => e.or([e("queryTime", "is", null), ...notJustNow(e, "queryTime", now)]))
    .orderBy("queryTime", longestAgo)
    .execute();
  return rows.map((row) => async () => {
    await touch(world, row.outTradeNo);
    return await closePayment(world, row, "EXPIRED");
  });
}

async function open(world: PayWorld): Promise<Work[]> {
  const now = world.clock.now();
  const rows = await pending(world)
    .where("expireTime", ">", now)
    .where((e) => e.or(notJustNow(e, "insertTime", now)))
    .where((e) => e.or([e("queryTime", "is", null), ...notJustNow(e, "queryTime", now)]))
    .orderBy("queryTime", longestAgo)
    .execute();
  return rows.map((row) => () => ask(world, row));
}

/** Long enough ago; a time ahead of now was written before the clock was set back. */
const notJustNow = (
  e: ExpressionBuilder<Schema, "wx_payment">,
  time: "queryTime" | "insertTime",
  now: number,
) => [e(time, "<=", now - AGAIN_MS), e(time, ">", now)];

const pending = (world: PayWorld) =>
  world.db.selectFrom("wx_payment").selectAll().where("state", "=", PAYMENT.pending).limit(BATCH);

const touch = (world: PayWorld, outTradeNo: string) =>
  world.db
    .updateTable("wx_payment")
    .set({ queryTime: world.clock.now() })
    .where("outTradeNo", "=", outTradeNo)
    .execute();

/** A refund that was never tried has the same two times; the others wait. The same number and fields ask again and never pay twice. */
async function refunds(world: PayWorld): Promise<Work[]> {
  const { db, clock, log, provider } = world;
  const now = clock.now();
  const rows = await db
    .selectFrom("refund_info")
    .selectAll()
    .where("state", "=", "pending")
    .where((e) =>
      e.or([
        e("updateTime", "=", e.ref("insertTime")),
        e("updateTime", "<=", now - AGAIN_MS),
        e("updateTime", ">", now),
      ]),
    )
    .orderBy("updateTime")
    .limit(BATCH)
    .execute();
  return rows.map((row) => async () => {
    const { refundNo } = row;
    const answer = await provider.refund({
      outTradeNo: row.outTradeNo,
      refundNo,
      amount: row.cash,
      total: row.total,
      reason: SAID[row.purpose],
    });
    const at = clock.now();
    // A clock that stands still must not make a tried refund look like a fresh one.
    const tried = at === row.insertTime ? at + 1 : at;
    const accepted = answer.kind !== "unavailable" &&
      answer.acceptTime !== undefined && { acceptTime: answer.acceptTime };
    switch (answer.kind) {
      case "success":
        if (
          await transaction(db, (tx) =>
            finishRefund(tx, { refundNo, wxRefundId: answer.refundId, ...accepted, at }),
          )
        ) {
          sayRefunded(log, row);
        }
        break;
      case "refused":
        log.error(
          { refundNo, detail: answer.detail },
          "WeChat refuses a refund: the operator has to see to it",
        );
        await transaction(db, (tx) =>
          failRefund(tx, { refundNo, reason: answer.status ?? "REFUSED", ...accepted, at }),
        );
        break;
      case "processing":
      case "unavailable":
        await db
          .updateTable("refund_info")
          .set({
            updateTime: tried,
            ...(answer.kind === "processing" && { wxRefundId: answer.refundId, ...accepted }),
          })
          .where("refundNo", "=", refundNo)
          .where("state", "=", "pending")
          .execute();
        if (answer.kind === "unavailable")
          log.warn({ refundNo, detail: answer.detail }, "a refund has to wait");
    }
    return answer.kind;
  });
}
