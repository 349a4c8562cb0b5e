import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

const SETTING = "cashout_second_fen";

/**
 * Keeps above how many fen a cash-out needs two people, as the serving program was told: whoever approves is not to choose it.
 * A change is audited.
 */
export async function useSecondLimit(
  tx: Tx,
  fen: number,
  by: By,
): Promise<{ kind: "first" | "kept" } | { kind: "changed"; from: number }> {
  const from = await storedLimit(tx);
  if (from === fen) return { kind: "kept" };
  const value = String(fen);
  await tx
    .insertInto("setting")
    .values({ name: SETTING, value })
    .onConflict((c) => c.column("name").doUpdateSet({ value }))
    .execute();
  if (from === null) return { kind: "first" };
  const detail = `from ${from} to ${fen} fen`;
  await audit(tx, by, { what: "setting.change", object: SETTING, detail });
  return { kind: "changed", from };
}

/** Above how many fen a cash-out needs two people; `unserved` before the cloud has served once. */
export async function secondLimit(db: Db | Tx, { unserved }: { unserved: number }): Promise<number> {
  return (await storedLimit(db)) ?? unserved;
}

async function storedLimit(db: Db | Tx): Promise<number | null> {
  const row = await db.selectFrom("setting").select("value").where("name", "=", SETTING).executeTakeFirst();
  return row === undefined ? null : Number(row.value);
}
