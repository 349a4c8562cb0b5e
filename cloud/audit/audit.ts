import type { Db } from "../database/database.ts";
import { consistentRead, openReader } from "../database/open.ts";
import { coinValue } from "../ledger/coins.ts";
import { dayZone } from "../orders/orderDay.ts";
import { billInvariants } from "./bills.ts";
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
  ...billInvariants,
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
export async function audit(
  db: Db,
  /** Between two invariants, for a program that has something else to do meanwhile. */
  rest: () => Promise<void> = async () => {},
): Promise<Violation[]> {
  return await consistentRead(db, async (tx) => {
    const terms = { coin: await coinValue(tx), zone: await dayZone(tx) };
    const violations: Violation[] = [];
    for (const { name, check } of invariants) {
      for (const found of await check(tx, terms)) violations.push({ rule: name, ...found });
      await rest();
    }
    return violations;
  });
}

/** As `audit`, on a connection of its own, so that a serving program goes on between two invariants. */
export async function auditBeside(of: { db: Db; url: string }): Promise<Violation[]> {
  const reader = openReader(of.url);
  if (reader === undefined) return await audit(of.db);
  try {
    return await audit(reader.db, () => new Promise((resolve) => setImmediate(resolve)));
  } finally {
    await reader.close();
  }
}

/** A violation in one line. */
export const inOneLine = ({ rule, subject, detail, postings = [] }: Violation): string =>
  `${rule} ${subject}: ${detail}${postings.length === 0 ? "" : ` (${postings.join(", ")})`}`;
