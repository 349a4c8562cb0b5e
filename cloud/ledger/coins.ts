import type { Db, Tx } from "../database/database.ts";

const SETTING = "coin_fen";

/**
 * Fixes what a coin is worth at the first start; afterwards the ledger's coins would change their meaning with it
 * (spec 2, step 7). `differs`: another value was fixed before, which goes on holding.
 */
export async function fixCoinValue(
  tx: Tx,
  coinFen: number,
): Promise<{ kind: "fixed" } | { kind: "differs"; fixed: number }> {
  await tx
    .insertInto("setting")
    .values({ name: SETTING, value: String(coinFen) })
    .onConflict((c) => c.doNothing())
    .execute();
  const fixed = await coinValue(tx);
  return fixed === coinFen ? { kind: "fixed" } : { kind: "differs", fixed };
}

/** Fen for one coin. Throws before the value has been fixed. */
export async function coinValue(db: Tx | Db): Promise<number> {
  const row = await db.selectFrom("setting").select("value").where("name", "=", SETTING).executeTakeFirst();
  if (row === undefined)
    throw new Error("the value of a coin is not fixed: start the cloud once with COIN_FEN");
  return Number(row.value);
}
