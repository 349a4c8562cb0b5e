import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import { giftIds } from "../identifiers.ts";
import { coinValue } from "../ledger/coins.ts";
import { post } from "../ledger/ledger.ts";

export interface Gift {
  from: string;
  to: string;
  /** Whole coins. */
  pmoney: number;
}

export type Given = { kind: "given"; giftId: string } | { kind: "user_unknown" | "coins_short" };

/**
 * Moves coins from one known user to another, never below zero (spec 2, step 7). On a refusal the caller rolls the
 * transaction back. Throws for a gift to oneself, which the caller has refused.
 */
export async function giveCoins(tx: Tx, gift: Gift, at: Instant): Promise<Given> {
  const { from, to, pmoney } = gift;
  const receiver = tx.selectFrom("user_info").select("id").where("user", "=", to);
  if ((await receiver.executeTakeFirst()) === undefined) return { kind: "user_unknown" };
  const giftId = await insert(tx, gift, at);
  const posted = await post(tx, {
    id: `gift/${giftId}`,
    from: `user_coins:${from}`,
    to: `user_coins:${to}`,
    amount: pmoney * (await coinValue(tx)),
    reason: "GIFT",
    at,
  });
  return posted === "created" ? { kind: "given", giftId } : { kind: "coins_short" };
}

async function insert(tx: Tx, { from, to, pmoney }: Gift, at: Instant): Promise<string> {
  for (const giftId of giftIds({ from, to }, at)) {
    const inserted = await tx
      .insertInto("pmoney_gift_info")
      .values({ giftId, fromUser: from, toUser: to, pmoney, giftTime: at })
      .onConflict((c) => c.column("giftId").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return giftId;
  }
  throw new Error("gift ids never end");
}
