import type { Db, Tx } from "../database/database.ts";

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
