import type { Tx } from "../database/database.ts";
import { coinValue } from "../ledger/coins.ts";

/** Where money comes from that buys coins. */
const BOUGHT_FROM = "wechat_clearing";
/** Who takes coins for what they pay, and gives them back when that fails or is refunded. */
const SPENT_TO = ["user_coins_held:", "manager_payable:"];

/**
 * Whole coins of a user that were bought and can still be spent, as the ledger proves it: every move of the account in its
 * order. What is paid takes coins that were got as a gift first; what comes back of a payment brings the bought ones back
 * first, because they were taken last. A gift to others takes the bought ones first, which keeps gifts from becoming money.
 */
export async function boughtCoins(tx: Tx, user: string): Promise<number> {
  const account = `user_coins:${user}`;
  const moves = await tx
    .selectFrom("ledger_transfer")
    .select(["fromAccount", "toAccount", "amount", "insertTime"])
    .where((e) => e.or([e("fromAccount", "=", account), e("toAccount", "=", account)]))
    .orderBy("insertTime")
    .orderBy("id")
    .execute();
  /** Fen that are there of either kind, and that were spent of the bought ones. */
  let bought = 0;
  let got = 0;
  let spent = 0;
  for (const { fromAccount, toAccount, amount } of incomingFirst(moves, account)) {
    const other = fromAccount === account ? toAccount : fromAccount;
    const pays = SPENT_TO.some((s) => other.startsWith(s));
    if (toAccount === account) {
      const back = pays ? Math.min(amount, spent) : 0;
      const mine = other === BOUGHT_FROM ? amount : back;
      bought += mine;
      got += amount - mine;
      spent -= back;
    } else {
      const mine = pays ? Math.max(0, amount - got) : Math.min(amount, bought);
      bought -= mine;
      got -= amount - mine;
      if (pays) spent += mine;
    }
  }
  // A clock that was set back may have put moves in a wrong order: never more than there is.
  return Math.floor(Math.max(0, Math.min(bought, bought + got)) / (await coinValue(tx)));
}

/** Moves of one millisecond have no order of their own; what comes in was there before it could be given out. */
function incomingFirst<T extends { toAccount: string; insertTime: number }>(
  moves: T[],
  account: string,
): T[] {
  const given = (move: T): number => (move.toAccount === account ? 0 : 1);
  return moves.toSorted((a, b) => a.insertTime - b.insertTime || given(a) - given(b));
}
