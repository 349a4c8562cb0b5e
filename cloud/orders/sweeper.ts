import { type Instant, instant, seconds, type Timer } from "@bluepower/protocol/clock";
import { UNIT_MINUTES } from "@bluepower/protocol/units";
import { type SqlBool, sql } from "kysely";
import type { Logger } from "pino";
import { transaction } from "../database/open.ts";
import { cancelCommand, tellCancelled } from "./cancel.ts";
import { sendAndApply } from "./outcomes.ts";
import { liveOrders } from "./overdue.ts";
import { agreedEnd, applyWord } from "./words.ts";
import { type OrderWorld, START_DEADLINE_MS, WAIT_MS } from "./world.ts";

const ROUND = seconds(5);
/** A round takes at most so many of each kind; the next one goes on. */
const BATCH = 50;
/** Orders of gateways that are offline wait here, and must not keep others from being asked about. */
const ASKED_OF = 5000;
/** A start that nobody has answered by then will not be carried out any more: the gateway is asked what became of it. */
const ASK_AFTER_MS = START_DEADLINE_MS + 30_000;
/** Between two questions about one order. */
const ASK_AGAIN_MS = 60_000;
/** A site without internet is usual; of a charge whose end is not told for longer after it was due, a person is told. */
const OVERDUE_MS = 3_600_000;
/** Orders that one line names. */
const NAMED = 5;
/** Nobody waits for a charger longer than this: the user is told that the order is cancelled (spec 2, step 5). */
const GIVE_UP_MS = 15 * 60_000;

/**
 * Moves on what nobody else does: ends charges of chargers without a gateway when their time has passed, tells users of orders
 * that stay `starting` for fifteen minutes that they are cancelled, and asks gateways about orders they have not spoken of.
 * Of a charge whose gateway never tells its end the operator is told, once an hour (`closeOrder`). One round at a time, in bounded batches.
 */
export function startOrders(world: OrderWorld & { log: Logger }): { stop(): Promise<void> } {
  const { clock, log } = world;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  let alarmed: number | undefined;
  const alarm = async (): Promise<void> => {
    if (alarmed !== undefined && clock.uptime() - alarmed < OVERDUE_MS) return;
    const late = await liveOrders(world.db, { before: clock.now() - OVERDUE_MS, limit: NAMED });
    if (late.length === 0) return;
    alarmed = clock.uptime();
    const names = late.map((o) => `${o.orderId} (${o.gatewayId ?? "no gateway"})`).join(", ");
    log.warn(
      { event: "order.overdue" },
      `orders should have ended and nobody says that they have: ${names}; see: bluepower-cloud order list --overdue`,
    );
  };
  const plan = (): void => {
    if (stopped) return;
    timer = clock.after(ROUND, "orders sweeper", () => {
      running = round(world)
        .then(alarm)
        .catch((error: unknown) =>
          log.error({ err: error }, "sweeping orders failed; the next round tries again"),
        )
        .finally(plan);
    });
  };
  plan();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

async function round(world: OrderWorld): Promise<void> {
  await endByTime(world);
  await giveUp(world);
  await askGateways(world);
}

async function endByTime(world: OrderWorld): Promise<void> {
  const { db, clock, gateways } = world;
  const at = clock.now();
  const due = await db
    .selectFrom("order_info")
    .select(["orderId", "agreedUnit", "startTime", "orderTime"])
    .where("state", "=", "charging")
    .where("gatewayId", "is", null)
    .where(sql<SqlBool>`"startTime" + "agreedUnit" * ${UNIT_MINUTES * 60_000} <= ${at}`)
    .orderBy("id")
    .limit(BATCH)
    .execute();
  for (const order of due) {
    const word = {
      kind: "finished" as const,
      minutes: order.agreedUnit * UNIT_MINUTES,
      endReason: "time" as const,
      evidence: "none" as const,
      endTime: agreedEnd(order),
    };
    await transaction(db, (tx) => applyWord(tx, gateways, { orderId: order.orderId, word, at }));
  }
}

async function giveUp(world: OrderWorld): Promise<void> {
  const { db, clock, gateways } = world;
  const at = clock.now();
  const old = await db
    .selectFrom("order_info")
    .select("orderId")
    .where("state", "=", "starting")
    .where("orderTime", "<=", at - GIVE_UP_MS)
    .orderBy("id")
    .limit(BATCH)
    .execute();
  for (const { orderId } of old) {
    await transaction(db, (tx) => tellCancelled(tx, gateways, { orderId, reason: "NO_ANSWER", at }));
  }
}

/**
 * A cancel is also the question: the gateway answers that the order never began, is off again, or runs. It frees the port of an
 * order that its user was told is cancelled.
 */
async function askGateways(world: OrderWorld): Promise<void> {
  const { db, clock, gateways } = world;
  const at = clock.now();
  const silent = await db
    .selectFrom("live_order")
    // From the few that are live: left to itself SQLite goes through every order that was ever cancelled.
    .crossJoin("order_info as o")
    .whereRef("o.orderId", "=", "live_order.orderId")
    .select(["o.orderId", "o.gatewayId"])
    .where("o.gatewayId", "is not", null)
    .where("o.state", "in", ["starting", "cancelled"])
    .where("o.orderTime", "<=", at - ASK_AFTER_MS)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("command as c")
            .select("c.id")
            .whereRef("c.orderId", "=", "o.orderId")
            .whereRef("c.gatewayId", "=", "o.gatewayId")
            .where((e) => e.or([e("c.state", "=", "open"), e("c.insertTime", ">", at - ASK_AGAIN_MS)])),
        ),
      ),
    )
    .orderBy("o.id")
    .limit(ASKED_OF)
    .execute();
  const within = silent.filter((o) => o.gatewayId !== null && gateways.online(o.gatewayId)).slice(0, BATCH);
  await Promise.all(
    within.map(async ({ orderId, gatewayId }) => {
      const commandId = await transaction(db, (tx) =>
        cancelCommand(tx, gateways, { order: { orderId, gatewayId }, at, deadline: deadline(at) }),
      );
      await sendAndApply(world, { commandId, orderId, waitMs: WAIT_MS, cancelReason: "NO_ANSWER" });
    }),
  );
}

const deadline = (at: Instant): number => instant(at + ASK_AGAIN_MS);
