import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

interface Entry {
  manager: string;
  user: string;
}

/**
 * Puts a user who has charged at one of the manager's chargers on the manager's black list; it holds for all of them
 * (spec 2). `never_charged` also for a number that nobody has.
 */
export async function blacklist(
  tx: Tx,
  { manager, user }: Entry,
  by: By,
): Promise<"listed" | "never_charged"> {
  if (!(await hasCharged(tx, { manager, user }))) return "never_charged";
  const added = await tx
    .insertInto("black_user_info")
    .values({ manager, user, setupTime: by.at })
    .onConflict((c) => c.columns(["manager", "user"]).doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows === 1n) await audit(tx, by, { what: "blacklist.add", object: user });
  return "listed";
}

async function hasCharged(tx: Tx, { manager, user }: Entry): Promise<boolean> {
  const order = await tx
    .selectFrom("order_info")
    .select("orderId")
    .where("user", "=", user)
    .where("state", "in", ["charging", "finished"])
    .where((e) =>
      e.or([
        e("manager", "=", manager),
        e(
          "deviceCode",
          "in",
          e
            .selectFrom("device_info")
            .select("device_info.deviceCode")
            .where("device_info.manager", "=", manager),
        ),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return order !== undefined;
}

/** Takes all of them off the list, or none: `not_listed` when one is not on it; the caller rolls back. */
export async function unblacklist(
  tx: Tx,
  { manager, users }: { manager: string; users: readonly string[] },
  by: By,
): Promise<"taken_off" | "not_listed"> {
  for (const user of users) {
    const gone = await tx
      .deleteFrom("black_user_info")
      .where("manager", "=", manager)
      .where("user", "=", user)
      .executeTakeFirst();
    if (gone.numDeletedRows !== 1n) return "not_listed";
    await audit(tx, by, { what: "blacklist.remove", object: user });
  }
  return "taken_off";
}

/** A page of a manager's black list, the newest first, with names. */
export async function blackListOf(
  db: Db,
  manager: string,
  { startIndex, pageSize }: { startIndex: number; pageSize: number },
): Promise<{ totalCount: number; rows: { user: string; userName: string; setupTime: number }[] }> {
  const all = db.selectFrom("black_user_info").where("manager", "=", manager);
  const { count } = await all.select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const rows = await all
    .leftJoin("user_info", "user_info.user", "black_user_info.user")
    .select(["black_user_info.user", "userName", "black_user_info.setupTime"])
    .orderBy("black_user_info.id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return { totalCount: Number(count), rows: rows.map((r) => ({ ...r, userName: r.userName ?? "" })) };
}
