import { type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";

/** Something that does not hold, and where. */
export interface Found {
  /** What it does not hold of: an account, an order, a posting … */
  subject: string;
  detail: string;
  /** Postings that belong to it, where there are any. */
  postings?: readonly string[];
}

/** What the checks need to know of this installation. */
export interface Terms {
  /** Fen for one coin. */
  coin: number;
  /** Zone of the days of `order_day`. */
  zone: string;
}

/** A sentence about the whole database, and how it is proven. */
export interface Invariant {
  name: string;
  says: string;
  check(db: Db | Tx, terms: Terms): Promise<Found[]>;
}

/** More of one invariant tell nothing new. */
export const FOUND_MAX = 100;

/** An invariant that is one statement: each row that it answers is a violation. */
export function invariant<Row>(
  name: string,
  says: string,
  query: (terms: Terms) => RawBuilder<Row>,
  found: (row: Row) => Found,
): Invariant {
  return {
    name,
    says,
    async check(db, terms) {
      const { rows } = await sql<Row>`select * from (${query(terms)}) as broken limit ${FOUND_MAX}`.execute(
        db,
      );
      return rows.map(found);
    },
  };
}

/** A row of most statements: `subject` and words about it. */
export interface Said {
  subject: string;
  detail: string;
}
export const said = ({ subject, detail }: Said): Found => ({ subject, detail });

/** As `said`, of a row whose subject is a posting. */
export const ofPosting = ({ subject, detail }: Said): Found => ({ subject, detail, postings: [subject] });

/** How many postings of an account are named. */
const NAMED = 3;

/** Postings of exactly the difference that an account shows, the last ones: nearly always the one that is to blame. */
export async function postingsOf(
  db: Db | Tx,
  account: string,
  difference: number,
): Promise<Pick<Found, "postings">> {
  const { rows } = await sql<{ id: string }>`
    select id from ledger_transfer
    where ("fromAccount" = ${account} or "toAccount" = ${account}) and amount = ${Math.abs(difference)}
    order by "insertTime" desc, id limit ${NAMED}`.execute(db);
  return rows.length === 0 ? {} : { postings: rows.map((r) => r.id) };
}
