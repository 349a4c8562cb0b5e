import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

export interface Profession {
  professionId: number;
  professionName: string;
}

export async function listProfessions(db: Db | Tx): Promise<Profession[]> {
  return await db
    .selectFrom("profession_info")
    .select(["professionId", "professionName"])
    .orderBy("professionId")
    .execute();
}

export async function setUserProfession(
  tx: Tx,
  { user, professionId }: { user: string; professionId: number },
): Promise<"set" | "profession_unknown" | "user_unknown"> {
  if ((await find(tx, professionId)) === undefined) return "profession_unknown";
  const set = tx.updateTable("user_info").set({ professionId }).where("user", "=", user);
  return (await set.executeTakeFirstOrThrow()).numUpdatedRows === 1n ? "set" : "user_unknown";
}

/** Adds a trade under the next number; its name is new. */
export async function addProfession(
  tx: Tx,
  professionName: string,
  by: By,
): Promise<{ kind: "added"; professionId: number } | { kind: "name_exists" }> {
  const all = await listProfessions(tx);
  if (all.some((p) => p.professionName === professionName)) return { kind: "name_exists" };
  const professionId = Math.max(0, ...all.map((p) => p.professionId)) + 1;
  await tx.insertInto("profession_info").values({ professionId, professionName }).execute();
  await audit(tx, by, { what: "profession.add", object: String(professionId), detail: professionName });
  return { kind: "added", professionId };
}

/** Whoever has the trade has it under its new name. */
export async function renameProfession(
  tx: Tx,
  { professionId, professionName }: Profession,
  by: By,
): Promise<"renamed" | "unknown" | "name_exists"> {
  const all = await listProfessions(tx);
  if (!all.some((p) => p.professionId === professionId)) return "unknown";
  if (all.some((p) => p.professionName === professionName && p.professionId !== professionId)) {
    return "name_exists";
  }
  await tx
    .updateTable("profession_info")
    .set({ professionName })
    .where("professionId", "=", professionId)
    .execute();
  await audit(tx, by, { what: "profession.rename", object: String(professionId), detail: professionName });
  return "renamed";
}

/** A trade that somebody has stays. */
export async function removeProfession(
  tx: Tx,
  professionId: number,
  by: By,
): Promise<"removed" | "unknown" | "in_use"> {
  if ((await find(tx, professionId)) === undefined) return "unknown";
  const user = tx.selectFrom("user_info").select("id").where("professionId", "=", professionId);
  if ((await user.limit(1).executeTakeFirst()) !== undefined) return "in_use";
  await tx.deleteFrom("profession_info").where("professionId", "=", professionId).execute();
  await audit(tx, by, { what: "profession.remove", object: String(professionId) });
  return "removed";
}

const find = (tx: Tx, professionId: number) =>
  tx.selectFrom("profession_info").select("id").where("professionId", "=", professionId).executeTakeFirst();
