import type { Instant } from "@bluepower/protocol/clock";
import { sql } from "kysely";
import type { Tx } from "../database/database.ts";
import { type Account, coinOwner, mustNotBeNegative } from "./accounts.ts";
import { coinValue } from "./coins.ts";

export interface Transfer {
  /** Makes the move repeatable: one id is one move. */
  id: string;
  from: Account;
  to: Account;
  /** Positive whole fen. */
  amount: number;
  reason: string;
  orderId?: string;
  at: Instant;
}

/**
 * `exists`: this move was made before, nothing is moved. `exists_with_different_fields`: the id belongs to another move.
 * `exceeds_balance`: the account would become negative and must not.
 */
export type Posted = "created" | "exists" | "exists_with_different_fields" | "exceeds_balance";

/**
 * Moves fen from one account to another; balances and `user_info.pmoney` follow in the same transaction
 * (invariant 1: postings sum to zero, no account that must not be negative is). A hold is a move to
 * `user_coins_held`, its posting one from there to whoever is paid, its voiding the move back.
 *
 * Throws on an amount that is no positive whole number, on coins that are no whole ones, and on a person unknown to
 * `user_info`: those are bugs.
 */
export async function post(tx: Tx, transfer: Transfer): Promise<Posted> {
  const { id, from, to, amount, reason, orderId = null, at } = transfer;
  if (!Number.isSafeInteger(amount) || amount < 1)
    throw new RangeError(`not a positive amount of fen: ${amount}`);
  if (from === to) throw new RangeError(`a transfer from ${from} to itself`);
  const inserted = await tx
    .insertInto("ledger_transfer")
    .values({ id, fromAccount: from, toAccount: to, amount, reason, orderId, insertTime: at })
    .onConflict((c) => c.column("id").doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) return await compare(tx, transfer);

  if (!(await debit(tx, from, amount))) {
    await tx.deleteFrom("ledger_transfer").where("id", "=", id).execute();
    return "exceeds_balance";
  }
  await add(tx, to, amount);
  await moveCoins(tx, from, -amount);
  await moveCoins(tx, to, amount);
  return "created";
}

/** As `post`, where anything but a move that is or was made is a bug. Throws then. */
export async function mustPost(tx: Tx, transfer: Transfer): Promise<"created" | "exists"> {
  const posted = await post(tx, transfer);
  if (posted === "created" || posted === "exists") return posted;
  throw new Error(`transfer ${transfer.id}: ${posted}`);
}

async function compare(tx: Tx, { id, from, to, amount, orderId }: Transfer): Promise<Posted> {
  const before = await tx
    .selectFrom("ledger_transfer")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  const same =
    before.fromAccount === from &&
    before.toAccount === to &&
    before.amount === amount &&
    before.orderId === (orderId ?? null);
  return same ? "exists" : "exists_with_different_fields";
}

/** False when the account must not be negative and would be. The condition stands in the update: nothing is read first. */
async function debit(tx: Tx, account: Account, amount: number): Promise<boolean> {
  if (!mustNotBeNegative(account)) {
    await add(tx, account, -amount);
    return true;
  }
  const updated = await tx
    .updateTable("ledger_account")
    .set({ balance: sql<number>`balance - ${amount}` })
    .where("account", "=", account)
    .where("balance", ">=", amount)
    .executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}

async function add(tx: Tx, account: Account, amount: number): Promise<void> {
  await tx
    .insertInto("ledger_account")
    .values({ account, balance: amount })
    .onConflict((c) =>
      c.column("account").doUpdateSet({ balance: sql<number>`ledger_account.balance + ${amount}` }),
    )
    .execute();
}

async function moveCoins(tx: Tx, account: Account, amount: number): Promise<void> {
  const user = coinOwner(account);
  if (user === undefined) return;
  const coins = amount / (await coinValue(tx));
  if (!Number.isInteger(coins)) throw new RangeError(`${amount} fen are no whole coins`);
  const updated = await tx
    .updateTable("user_info")
    .set({ pmoney: sql<number>`pmoney + ${coins}` })
    .where("user", "=", user)
    .executeTakeFirst();
  if (updated.numUpdatedRows !== 1n) throw new Error(`coins of a person who is not in user_info: ${account}`);
}
