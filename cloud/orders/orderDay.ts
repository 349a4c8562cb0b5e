import { instant } from "@bluepower/protocol/clock";
import { wallTime } from "@bluepower/protocol/siteTime";
import { sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { OrderDay } from "../database/schema.ts";
import type { StoredOrder } from "./orderRow.ts";

const SETTING = "day_zone";
/** Until another one is used. */
const FIRST_ZONE = "Asia/Shanghai";

type Order = Pick<
  StoredOrder,
  "manager" | "deviceCode" | "orderTime" | "state" | "payState" | "unit" | "money" | "pmoney" | "cash"
>;
type Key = Pick<OrderDay, "manager" | "deviceCode" | "day">;
type Sums = Omit<OrderDay, keyof Key>;

/** Whether an order is in lists and totals: it runs or has run, and was not waived (spec 2, "Conventions"). */
export const isListed = ({ state, payState }: Pick<StoredOrder, "state" | "payState">): boolean =>
  (state === "charging" || state === "finished") && payState !== "waived";

/** Keeps `order_day` – the sums of a manager's charger and day – by the difference that a change of an order makes. */
export async function followOrderDay(tx: Tx, before: Order | undefined, after: Order): Promise<void> {
  const was = before === undefined ? NOTHING : sumsOf(before);
  const is = sumsOf(after);
  if (before !== undefined && before.manager !== after.manager) throw new Error("an order keeps its manager");
  const by = Object.fromEntries(NAMES.map((name) => [name, is[name] - was[name]])) as unknown as Sums;
  if (NAMES.every((name) => by[name] === 0)) return;
  await add(tx, { ...keyOf(after, await dayZone(tx)), ...by });
}

const NAMES = ["count", "unit", "money", "paidCount", "pmoney", "cash"] as const satisfies (keyof Sums)[];
const NOTHING: Sums = { count: 0, unit: 0, money: 0, paidCount: 0, pmoney: 0, cash: 0 };

function sumsOf(order: Order): Sums {
  if (!isListed(order)) return NOTHING;
  const { unit, money, pmoney, cash, payState } = order;
  return { count: 1, unit, money, paidCount: payState === "paid" ? 1 : 0, pmoney, cash };
}

function keyOf({ manager, deviceCode, orderTime }: Order, zone: string): Key {
  return { manager, deviceCode, day: dayOf(orderTime, zone) };
}

/** The day of a moment in a zone, as the number yyyymmdd. */
export function dayOf(at: number, zone: string): number {
  const { year, month, day } = wallTime(instant(at), zone);
  return (year * 100 + month) * 100 + day;
}

async function add(tx: Tx, by: OrderDay): Promise<void> {
  const more = NAMES.map((name) => [name, sql<number>`order_day.${sql.ref(name)} + ${by[name]}`] as const);
  await tx
    .insertInto("order_day")
    .values(by)
    .onConflict((c) => c.columns(["manager", "deviceCode", "day"]).doUpdateSet(Object.fromEntries(more)))
    .execute();
}

/** The zone whose days the sums are of. */
export async function dayZone(db: Db | Tx): Promise<string> {
  const row = await db.selectFrom("setting").select("value").where("name", "=", SETTING).executeTakeFirst();
  return row?.value ?? FIRST_ZONE;
}

/** Rows of orders that are read at once. */
const BATCH = 1000;

/** Sums all orders anew when the site's zone is another than that of the sums: days begin elsewhere then. */
export async function useDayZone(tx: Tx, zone: string): Promise<"kept" | "summed_anew"> {
  if ((await dayZone(tx)) === zone) return "kept";
  await tx
    .insertInto("setting")
    .values({ name: SETTING, value: zone })
    .onConflict((c) => c.column("name").doUpdateSet({ value: zone }))
    .execute();
  await tx.deleteFrom("order_day").execute();
  let last = 0;
  for (;;) {
    const rows = await tx
      .selectFrom("order_info")
      .selectAll()
      .where("id", ">", last)
      .orderBy("id")
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      last = row.id;
      await followOrderDay(tx, undefined, row);
    }
    if (rows.length < BATCH) return "summed_anew";
  }
}
