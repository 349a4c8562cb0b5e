import type { Db, Tx } from "../database/database.ts";

/** Bills that wait to be paid, oldest first: orders that charge or have charged (spec 2, step 6). */
export async function unpaidBills(db: Db | Tx, user: string) {
  return await db
    .selectFrom("order_info")
    .selectAll()
    .where("user", "=", user)
    .where("payState", "in", ["unpaid", "paying"])
    .where("state", "in", ["charging", "finished"])
    .orderBy("orderTime")
    .orderBy("id")
    .execute();
}
