import { sql } from "kysely";
import type { Db } from "../database/database.ts";

interface Page {
  startIndex: number;
  pageSize: number;
}

/** A user's purchases of coins that were paid, the newest first. */
export async function purchasesOf(db: Db, user: string, { startIndex, pageSize }: Page) {
  const all = db.selectFrom("pmoney_charge_info").where("user", "=", user);
  const { count } = await all.select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const rows = await all
    .select(["payId", "pmoney", "payTime"])
    .orderBy("id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return { totalCount: Number(count), rows };
}

/** Gifts that a user gave or got, the newest first, with the other one's number and name; `fromTo` 0 given, 1 got. */
export async function giftsOf(db: Db, user: string, { startIndex, pageSize }: Page) {
  const all = db
    .selectFrom("pmoney_gift_info")
    .where((e) => e.or([e("fromUser", "=", user), e("toUser", "=", user)]));
  const { count } = await all.select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const rows = await all
    .leftJoin("user_info", (join) =>
      join.on(
        "user_info.user",
        "=",
        sql<string>`case when "fromUser" = ${user} then "toUser" else "fromUser" end`,
      ),
    )
    .select(["giftId", "pmoney_gift_info.pmoney", "fromUser", "toUser", "giftTime", "userName"])
    .orderBy("pmoney_gift_info.id", "desc")
    .offset(startIndex)
    .limit(pageSize)
    .execute();
  return {
    totalCount: Number(count),
    rows: rows.map(({ fromUser, toUser, userName, ...gift }) => ({
      ...gift,
      fromTo: fromUser === user ? (0 as const) : (1 as const),
      other: fromUser === user ? toUser : fromUser,
      name: userName ?? "",
    })),
  };
}
