import { type Instant, instant } from "@bluepower/protocol/clock";
import { instantOf, type WallTime } from "@bluepower/protocol/siteTime";
import { z } from "zod";
import type { Cloud } from "../cloud.ts";
import { type ListedOrder, listOrders, type OrderFilter, orderTotals } from "../orders/lists.ts";
import type { Refuse } from "./endpoint.ts";
import { EndDate_, LIST_MAX, rowsOf, StartDate_, yuan } from "./fields.ts";

/** A span of days or moments, both ends included. */
export const span = { startDate: StartDate_.optional(), endDate: EndDate_.optional() };

/** The document's OrderAbstractPage. */
export const orderPageOf = <T extends z.ZodType>(row: T) =>
  z.object({
    totalCount: z.int(),
    totalUnit: z.int().meta({ description: "Units of thirty minutes of all orders that match" }),
    totalMoney: yuan.meta({ description: "Bills of all orders that match, in yuan" }),
    abstractList: z.array(row),
  });

interface Asked {
  startDate?: WallTime | undefined;
  endDate?: WallTime | undefined;
  startIndex?: number | undefined;
  pageSize?: number | undefined;
}

/** Orders of a filter and a span with their totals; more than a list holds are remarked on. */
export async function orderPage<T>(
  { db, config }: Pick<Cloud, "db" | "config">,
  of: {
    filter: OrderFilter;
    asked: Asked;
    row: (order: ListedOrder, zone: string) => T;
    refuse: Refuse<never>;
    remark: (reason: "TRUNCATED") => void;
  },
) {
  const { asked, row, remark } = of;
  const { zone } = config;
  const from = momentOf(asked.startDate, zone);
  const last = momentOf(asked.endDate, zone);
  if (from !== undefined && last !== undefined && last < from) {
    return of.refuse("PARAMETER", "endDate: not before startDate");
  }
  const filter = { ...of.filter, from, to: last === undefined ? undefined : instant(last + 1000) };
  const totals = await orderTotals(db, filter);
  const rows = rowsOf(asked);
  const orders = await listOrders(db, filter, rows);
  if (asked.pageSize === undefined && totals.totalCount > LIST_MAX) remark("TRUNCATED");
  return { ...totals, abstractList: orders.map((order) => row(order, zone)) };
}

const momentOf = (wall: WallTime | undefined, zone: string): Instant | undefined =>
  wall === undefined ? undefined : instantOf(wall, zone);
