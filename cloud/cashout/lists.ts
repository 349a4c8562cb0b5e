import type { Db, Tx } from "../database/database.ts";
import type { CashOut } from "./process.ts";
import { CASH_OUT } from "./request.ts";

interface Rows {
  startIndex: number;
  pageSize: number;
}

/**
 * A manager's cash-outs, the newest first; `totalCount` and `totalCash` count those that succeeded (spec 2, "Pages"),
 * `matching` counts all.
 */
export async function cashOutsOf(db: Db, manager: string, { startIndex, pageSize }: Rows) {
  const all = db.selectFrom("cashout_info").where("manager", "=", manager);
  const { count } = await all.select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const sums = await all
    .where("state", "=", CASH_OUT.success)
    .select((e) => [e.fn.countAll<number>().as("count"), e.fn.sum<number | null>("cash").as("cash")])
    .executeTakeFirstOrThrow();
  const rows = await all.selectAll().orderBy("id", "desc").offset(startIndex).limit(pageSize).execute();
  return {
    totalCount: Number(sums.count),
    totalCash: Number(sums.cash ?? 0),
    matching: Number(count),
    rows,
  };
}

/**
 * Of these cash-outs the ids of those under way whose manager's number was bound to another openid after they were asked for, which no
 * operator has confirmed since.
 */
export async function reboundSince(
  db: Db | Tx,
  cashOuts: readonly Pick<CashOut, "cashOutId" | "manager" | "state" | "cashOutTime">[],
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom("manager_info")
    .select(["manager", "reboundTime"])
    .where("reboundTime", "is not", null)
    .execute();
  const rebound = new Map(rows.map((r) => [r.manager, r.reboundTime ?? 0]));
  const since = cashOuts.filter(
    (c) => c.state === CASH_OUT.pending && (rebound.get(c.manager) ?? -1) >= c.cashOutTime,
  );
  return new Set(since.map((c) => c.cashOutId));
}

/** Cash-outs for the operator, the oldest first: those that wait, or all. */
export async function listCashOuts(
  db: Db,
  of: Rows & { waiting: boolean; manager?: string | undefined },
): Promise<CashOut[]> {
  let rows = db.selectFrom("cashout_info").selectAll();
  if (of.waiting) rows = rows.where("state", "=", CASH_OUT.pending);
  if (of.manager !== undefined) rows = rows.where("manager", "=", of.manager);
  return await rows.orderBy("id").offset(of.startIndex).limit(of.pageSize).execute();
}
