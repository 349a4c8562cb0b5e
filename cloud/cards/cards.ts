/** Cards that people charge with; the operator issues them (spec 5). */

import type { Db, Tx } from "../database/database.ts";
import type { ChargeCard } from "../database/schema.ts";
import { audit, type By } from "../identity/audit.ts";

export const isCardNo = (text: string): boolean => /^[0-9]{4,20}$/.test(text);

export async function addCard(
  tx: Tx,
  { cardNo, kind }: Pick<ChargeCard, "cardNo" | "kind">,
  by: By,
): Promise<"added" | "exists"> {
  const added = await tx
    .insertInto("charge_card")
    .values({ cardNo, kind, user: null, setupTime: by.at })
    .onConflict((c) => c.column("cardNo").doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows !== 1n) return "exists";
  await audit(tx, by, { what: "card.add", object: cardNo, detail: kind });
  return "added";
}

/** The card charges nothing more, whosever it was. */
export async function removeCard(
  tx: Tx,
  cardNo: string,
  by: By,
): Promise<{ kind: "removed"; user: string | null } | { kind: "unknown" }> {
  const card = await tx
    .selectFrom("charge_card")
    .select("user")
    .where("cardNo", "=", cardNo)
    .executeTakeFirst();
  if (card === undefined) return { kind: "unknown" };
  await tx.deleteFrom("charge_card").where("cardNo", "=", cardNo).execute();
  await audit(tx, by, { what: "card.remove", object: cardNo, detail: card.user ?? "nobody's" });
  return { kind: "removed", user: card.user };
}

export async function listCards(
  db: Db,
  of: { user?: string | undefined; limit: number },
): Promise<ChargeCard[]> {
  let cards = db.selectFrom("charge_card").selectAll();
  if (of.user !== undefined) cards = cards.where("user", "=", of.user);
  return await cards.orderBy("cardNo").limit(of.limit).execute();
}
