import { type Instant, instant } from "@bluepower/protocol/clock";
import { UNIT_MINUTES } from "@bluepower/protocol/units";
import { type SqlBool, sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { OrderState } from "../database/schema.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { audit, type By } from "../identity/audit.ts";
import { storedOrder } from "./orderRow.ts";
import { freePort } from "./slots.ts";
import { agreedEnd, finish } from "./words.ts";

/** An order that holds its port. */
export interface LiveOrder {
  orderId: string;
  user: string;
  deviceCode: string;
  port: number;
  state: OrderState;
  gatewayId: string | null;
  /** When it ends as agreed, epoch ms. */
  due: Instant;
}

/** Orders that hold their ports, the one that should have ended first in front; with `before` those due before that time. */
export async function liveOrders(db: Db, of: { before?: number; limit: number }): Promise<LiveOrder[]> {
  const due = sql<number>`coalesce(o."startTime", o."orderTime") + o."agreedUnit" * ${UNIT_MINUTES * 60_000}`;
  let query = db
    .selectFrom("live_order")
    // From the few that are live: left to itself SQLite goes through all orders.
    .crossJoin("order_info as o")
    .whereRef("o.orderId", "=", "live_order.orderId")
    .select(["o.orderId", "o.user", "o.deviceCode", "o.port", "o.state", "o.gatewayId", due.as("due")])
    .orderBy("due")
    .limit(of.limit);
  if (of.before !== undefined) query = query.where(sql<SqlBool>`${due} < ${of.before}`);
  return (await query.execute()).map((row) => ({ ...row, due: instant(Number(row.due)) }));
}

export type Closed =
  | { kind: "closed"; billed: number }
  /** Its gateway, or the time, still ends it: nobody knows before that the port is off. */
  | { kind: "not_due"; due: Instant }
  | { kind: "not_live" | "unknown" };

/**
 * The operator ends an order of which its gateway will say nothing more: it is billed by the minutes that the operator takes
 * for proven, what was paid beyond that goes back, and its port is free. A word of the gateway that comes after all corrects it.
 */
export async function closeOrder(
  tx: Tx,
  of: { orderId: string; minutes: number; touchDesired: Gateways["touchDesired"] },
  by: By & { at: Instant },
): Promise<Closed> {
  const { orderId, minutes, touchDesired } = of;
  const order = await storedOrder(tx, orderId);
  if (order === undefined) return { kind: "unknown" };
  const slot = tx.selectFrom("live_order").select("orderId").where("orderId", "=", orderId);
  if ((await slot.executeTakeFirst()) === undefined) return { kind: "not_live" };
  const due = agreedEnd(order);
  // The starting ones are given up by themselves long before.
  if (by.at < due || order.state === "starting") return { kind: "not_due", due };
  if (order.state === "charging") {
    const word = {
      kind: "finished" as const,
      minutes,
      endReason: "operator" as const,
      evidence: "none" as const,
      endTime: due,
    };
    const finished = await finish(tx, { touchDesired }, { order, word, at: by.at }, word);
    if (finished === "overtaken") return { kind: "not_live" };
  } else {
    await freePort(tx, orderId);
  }
  await audit(tx, by, { what: "order.close", object: orderId, detail: `${order.state}, ${minutes} minutes` });
  const closed = await storedOrder(tx, orderId);
  return { kind: "closed", billed: closed?.state === "finished" ? closed.money : 0 };
}
