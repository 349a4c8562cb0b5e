import type { Db } from "../database/database.ts";
import { consistentRead } from "../database/open.ts";
import { coinValue } from "../ledger/coins.ts";
import { dayZone } from "../orders/orderDay.ts";
import { cashoutInvariants } from "./cashouts.ts";
import { coinInvariants } from "./coins.ts";
import { gatewayInvariants } from "./gateways.ts";
import type { Found, Invariant } from "./invariant.ts";
import { ledgerInvariants } from "./ledger.ts";
import { orderInvariants } from "./orders.ts";
import { paymentInvariants } from "./payments.ts";
import { refundInvariants } from "./refunds.ts";
import { sumInvariants } from "./sums.ts";

/** Everything that always holds in the database (spec 2, "Tables"). */
export const invariants: readonly Invariant[] = [
  ...ledgerInvariants,
  ...coinInvariants,
  ...paymentInvariants,
  ...refundInvariants,
  ...orderInvariants,
  ...cashoutInvariants,
  ...sumInvariants,
  ...gatewayInvariants,
];

export interface Violation extends Found {
  /** The invariant's name. */
  rule: string;
}

/**
 * Proves every invariant over the whole database, as it is at one moment, and answers what does not hold, at most a hundred
 * of each. Reads only; memory does not grow with the database. Throws before the cloud was started for the first time.
 */
export async function audit(db: Db): Promise<Violation[]> {
  return await consistentRead(db, async (tx) => {
    const terms = { coin: await coinValue(tx), zone: await dayZone(tx) };
    const violations: Violation[] = [];
    for (const { name, check } of invariants) {
      for (const found of await check(tx, terms)) violations.push({ rule: name, ...found });
    }
    return violations;
  });
}

/** A violation in one line. */
export const inOneLine = ({ rule, subject, detail, postings = [] }: Violation): string =>
  `${rule} ${subject}: ${detail}${postings.length === 0 ? "" : ` (${postings.join(", ")})`}`;

/** For tests: throws with every violation when the books of a database are not in order. */
export async function expectBooks(db: Db): Promise<void> {
  const violations = await audit(db);
  if (violations.length > 0) throw new Error(`the books are wrong:\n${violations.map(inOneLine).join("\n")}`);
}
