import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf } from "@bluepower/protocol/siteTime";
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import type { Db } from "../database/database.ts";
import type { Schema } from "../database/schema.ts";
import { managerMoney } from "./managerMoney.ts";
import { dayOf, dayZone } from "./orderDay.ts";
import type { StoredOrder } from "./orderRow.ts";

/** Which of the listed orders; a span is `from` up to, without, `to`. */
export interface OrderFilter {
  user?: string | undefined;
  manager?: string | undefined;
  deviceCode?: string | undefined;
  orderId?: string | undefined;
  from?: Instant | undefined;
  to?: Instant | undefined;
}

export interface OrderTotals {
  totalCount: number;
  totalUnit: number;
  totalMoney: number;
}

export type ListedOrder = StoredOrder & { userName: string };

type Orders = ExpressionBuilder<Schema, "order_info">;

/** Listed orders (spec 2, "Conventions"): those that run or have run and were not waived. */
function matching(e: Orders, filter: OrderFilter): Expression<SqlBool> {
  const { from, to, ...same } = filter;
  const all: Expression<SqlBool>[] = [
    e("order_info.state", "in", ["charging", "finished"]),
    e("order_info.payState", "<>", "waived"),
  ];
  for (const name of ["user", "manager", "deviceCode", "orderId"] as const) {
    const value = same[name];
    if (value !== undefined) all.push(e(`order_info.${name}`, "=", value));
  }
  if (from !== undefined) all.push(e("order_info.orderTime", ">=", from));
  if (to !== undefined) all.push(e("order_info.orderTime", "<", to));
  return e.and(all);
}

/** A page of the orders that match, the newest first, with the present names of their users. */
export async function listOrders(
  db: Db,
  filter: OrderFilter,
  { startIndex, pageSize }: { startIndex: number; pageSize: number },
): Promise<ListedOrder[]> {
  const rows = await db
    .selectFrom("order_info")
    .leftJoin("user_info", "user_info.user", "order_info.user")
    .selectAll("order_info")
    .select("user_info.userName")
    .where((e) => matching(e as unknown as Orders, filter))
    .orderBy("order_info.orderTime", "desc")
    .orderBy("order_info.id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return rows.map((row) => ({ ...row, userName: row.userName ?? "" }));
}

/**
 * Sums of all orders that match, not of a page. A manager's whole days come from `order_day`; orders are read only of the
 * parts of days at both ends, and where a user or an order is asked for.
 */
export async function orderTotals(db: Db, filter: OrderFilter): Promise<OrderTotals> {
  const { manager, user, orderId, deviceCode, from, to } = filter;
  if (manager === undefined || user !== undefined || orderId !== undefined) return await summed(db, filter);
  const zone = await dayZone(db);
  const first = from === undefined ? undefined : midnightFrom(from, zone);
  const end = to === undefined ? undefined : midnightUpTo(to, zone);
  if (first !== undefined && end !== undefined && first >= end) return await summed(db, filter);
  const days = await wholeDays(db, {
    ...{ manager, deviceCode },
    firstDay: first === undefined ? undefined : dayOf(first, zone),
    endDay: end === undefined ? undefined : dayOf(end, zone),
  });
  const parts: OrderFilter[] = [];
  if (from !== undefined && first !== undefined && from < first) parts.push({ ...filter, to: first });
  if (to !== undefined && end !== undefined && end < to) parts.push({ ...filter, from: end });
  let total = days;
  for (const part of parts) total = plus(total, await summed(db, part));
  return total;
}

const plus = (a: OrderTotals, b: OrderTotals): OrderTotals => ({
  totalCount: a.totalCount + b.totalCount,
  totalUnit: a.totalUnit + b.totalUnit,
  totalMoney: a.totalMoney + b.totalMoney,
});

const DAY_MS = 86_400_000;

/** The first midnight of the zone at or after a moment. */
function midnightFrom(at: Instant, zone: string): Instant {
  const same = midnightUpTo(at, zone);
  // A day has 23 to 25 hours: its midnight and 26 hours lie in the next one.
  return same === at ? same : midnightUpTo(instant(same + DAY_MS + 2 * 3_600_000), zone);
}

/** The last midnight of the zone at or before a moment. */
function midnightUpTo(at: Instant, zone: string): Instant {
  const day = dayOf(at, zone);
  const date = { year: Math.floor(day / 10_000), month: Math.floor(day / 100) % 100, day: day % 100 };
  const midnight = instantOf({ ...date, hour: 0, minute: 0, second: 0 }, zone);
  if (midnight === undefined) throw new RangeError(`${at} has no day in ${zone}`);
  return midnight;
}

async function summed(db: Db, filter: OrderFilter): Promise<OrderTotals> {
  const row = await db
    .selectFrom("order_info")
    .select((e) => [
      e.fn.countAll<number>().as("totalCount"),
      e.fn.sum<number | null>("unit").as("totalUnit"),
      e.fn.sum<number | null>("money").as("totalMoney"),
    ])
    .where((e) => matching(e, filter))
    .executeTakeFirstOrThrow();
  return numbers(row);
}

async function wholeDays(
  db: Db,
  of: {
    manager: string;
    deviceCode: string | undefined;
    firstDay?: number | undefined;
    endDay?: number | undefined;
  },
): Promise<OrderTotals> {
  const { manager, deviceCode, firstDay, endDay } = of;
  let days = db
    .selectFrom("order_day")
    .select((e) => [
      e.fn.sum<number | null>(sql.ref("count")).as("totalCount"),
      e.fn.sum<number | null>("unit").as("totalUnit"),
      e.fn.sum<number | null>("money").as("totalMoney"),
    ])
    .where("manager", "=", manager);
  if (deviceCode !== undefined) days = days.where("deviceCode", "=", deviceCode);
  if (firstDay !== undefined) days = days.where("day", ">=", firstDay);
  if (endDay !== undefined) days = days.where("day", "<", endDay);
  return numbers(await days.executeTakeFirstOrThrow());
}

/** A sum of nothing is null, and of PostgreSQL's bigint a text. */
const numbers = (row: Record<keyof OrderTotals, number | null>): OrderTotals => ({
  totalCount: Number(row.totalCount ?? 0),
  totalUnit: Number(row.totalUnit ?? 0),
  totalMoney: Number(row.totalMoney ?? 0),
});

/** A page of a manager's paid orders that no cash-out has, the newest first. Their number is kept, not counted. */
export async function withdrawableOrders(
  db: Db,
  manager: string,
  { startIndex, pageSize }: { startIndex: number; pageSize: number },
): Promise<{ totalCount: number; rows: ListedOrder[] }> {
  const { count } = await managerMoney(db, manager);
  const rows = await db
    .selectFrom("order_info")
    .leftJoin("user_info", "user_info.user", "order_info.user")
    .selectAll("order_info")
    .select("user_info.userName")
    .where("order_info.manager", "=", manager)
    .where("order_info.cashOutFlag", "=", 0)
    .where("order_info.payState", "=", "paid")
    .where("order_info.money", ">", 0)
    .orderBy("order_info.orderTime", "desc")
    .orderBy("order_info.id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return { totalCount: count, rows: rows.map((row) => ({ ...row, userName: row.userName ?? "" })) };
}
