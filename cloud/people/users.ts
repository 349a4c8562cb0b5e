import type { Phone } from "@bluepower/protocol/units";
import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

/** What getUserInfo shows of a user. `pmoney` is spendable coins. */
export interface User {
  userName: string;
  professionName: string;
  pmoney: number;
}

export async function findUser(db: Db | Tx, phone: string): Promise<User | undefined> {
  const row = await db
    .selectFrom("user_info")
    .leftJoin("profession_info", "profession_info.professionId", "user_info.professionId")
    .select(["userName", "professionName", "pmoney"])
    .where("user", "=", phone)
    .executeTakeFirst();
  return row && { ...row, professionName: row.professionName ?? "" };
}

/** False when nobody has this phone number. */
export async function setUserName(tx: Tx, phone: string, userName: string): Promise<boolean> {
  const set = tx.updateTable("user_info").set({ userName }).where("user", "=", phone);
  return (await set.executeTakeFirstOrThrow()).numUpdatedRows === 1n;
}

/** The operator's way to make a user; usually the first phone number of a login does. */
export async function registerUser(
  tx: Tx,
  user: { phone: Phone; userName?: string },
  by: By,
): Promise<"registered" | "exists"> {
  const made = await tx
    .insertInto("user_info")
    .values({ user: user.phone, userName: user.userName ?? "", setupTime: by.at, professionId: null })
    .onConflict((c) => c.doNothing())
    .executeTakeFirstOrThrow();
  if (made.numInsertedOrUpdatedRows === 0n) return "exists";
  await audit(tx, by, { what: "user.register", object: user.phone });
  return "registered";
}

export interface UserRow {
  user: string;
  userName: string;
  pmoney: number;
  setupTime: number;
}

/** A page of users, the newest first. */
export async function listUsers(db: Db, page: { startIndex: number; pageSize: number }): Promise<UserRow[]> {
  return await db
    .selectFrom("user_info")
    .select(["user", "userName", "pmoney", "setupTime"])
    .orderBy("id", "desc")
    .offset(page.startIndex)
    .limit(page.pageSize)
    .execute();
}
