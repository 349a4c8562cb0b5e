import type { Instant } from "@bluepower/protocol/clock";
import { type Selectable, sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { BillDifference } from "../database/schema.ts";
import { audit, type By } from "../identity/audit.ts";
import type { Day } from "./billDay.ts";
import type { Difference } from "./compare.ts";

export type StoredDifference = Selectable<BillDifference>;

/** How the differences of a day stand after a comparison: those that are open, settled, and gone with this one. */
export interface Recorded {
  open: number;
  settled: number;
  gone: number;
}

export const keyOf = (d: Pick<StoredDifference, "kind" | "number" | "class">): string =>
  `${d.kind} ${d.class} ${d.number}`;

/**
 * Writes down some of what a comparison of a day has found: a row for each difference, however often it is found. One that was
 * gone is open again; one that is settled stays settled, with what it said then.
 */
export async function recordFound(
  tx: Tx,
  of: { day: Day; differences: readonly Difference[]; at: Instant },
): Promise<void> {
  const { day, at } = of;
  if (of.differences.length === 0) return;
  const none = { goneTime: null, settledBy: null, settleTime: null, note: null };
  const rows = of.differences.map((d) => ({
    ...{ ...d, day, state: "open" as const, foundTime: at, seenTime: at },
    ...none,
  }));
  /** What is found now, unless the row is settled. */
  const unlessSettled = <T>(column: "state" | "goneTime" | "ours" | "theirs" | "subject") =>
    sql<T>`case when bill_difference.state = 'settled' then bill_difference.${sql.ref(column)} else excluded.${sql.ref(column)} end`;
  await tx
    .insertInto("bill_difference")
    .values(rows)
    .onConflict((c) =>
      c.columns(["day", "kind", "number", "class"]).doUpdateSet({
        seenTime: at,
        state: unlessSettled("state"),
        goneTime: unlessSettled("goneTime"),
        ours: unlessSettled("ours"),
        theirs: unlessSettled("theirs"),
        subject: unlessSettled("subject"),
      }),
    )
    .execute();
}

/**
 * The open differences of a day behind the row `after`, by their numbers; those that `isFound` does not know any more are gone.
 * Answers how many, and the last row that was looked at; undefined when there is none behind it.
 */
export async function recordGone(
  tx: Tx,
  of: { day: Day; after: number; isFound: (key: string) => boolean; totals: boolean; at: Instant },
): Promise<{ gone: number; last: number } | undefined> {
  const rows = await tx
    .selectFrom("bill_difference")
    .select(["id", "kind", "class", "number"])
    .where("day", "=", of.day)
    .where("state", "=", "open")
    .where("id", ">", of.after)
    .orderBy("id")
    .limit(ROWS)
    .execute();
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  // Without `totals` the account's money was not compared, so nothing is said of its differences.
  const ids = rows
    .filter((row) => (row.kind !== "totals" || of.totals) && !of.isFound(keyOf(row)))
    .map((row) => row.id);
  if (ids.length > 0) {
    const gone = { state: "gone" as const, goneTime: of.at };
    await tx.updateTable("bill_difference").set(gone).where("id", "in", ids).execute();
  }
  return { gone: ids.length, last: last.id };
}
/** Of one transaction, so that nobody waits for it long. */
const ROWS = 500;

/** How many differences of a day there are in each state. */
export async function stateOf(tx: Tx, day: Day): Promise<Omit<Recorded, "gone">> {
  const counts = await tx
    .selectFrom("bill_difference")
    .select((e) => ["state" as const, e.fn.countAll<number>().as("count")])
    .where("day", "=", day)
    .groupBy("state")
    .execute();
  const of = (state: string): number => Number(counts.find((c) => c.state === state)?.count ?? 0);
  return { open: of("open"), settled: of("settled") };
}

/** Differences for the operator, the newest day first. */
export async function listDifferences(
  db: Db,
  of: { open: boolean; day?: Day | undefined; limit: number },
): Promise<StoredDifference[]> {
  let rows = db.selectFrom("bill_difference").selectAll();
  if (of.open) rows = rows.where("state", "=", "open");
  if (of.day !== undefined) rows = rows.where("day", "=", of.day);
  return await rows.orderBy("day", "desc").orderBy("id").limit(of.limit).execute();
}

export async function openDifferences(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("bill_difference")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("state", "=", "open")
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** An operator has dealt with a difference, wherever its money now is: nothing moves by this. */
export async function settleDifference(
  tx: Tx,
  of: { id: number; note: string },
  by: By,
): Promise<"settled" | "unknown" | "gone" | "settled_before"> {
  const row = await tx
    .selectFrom("bill_difference")
    .select(["day", "kind", "number", "class", "state"])
    .where("id", "=", of.id)
    .executeTakeFirst();
  if (row === undefined) return "unknown";
  if (row.state !== "open") return row.state === "gone" ? "gone" : "settled_before";
  await tx
    .updateTable("bill_difference")
    .set({ state: "settled", settledBy: by.who, settleTime: by.at, note: of.note })
    .where("id", "=", of.id)
    .execute();
  const { day, kind, number, class: is } = row;
  const detail = `${day} ${kind} ${number} ${is}: ${of.note}`;
  await audit(tx, by, { what: "bill.settle", object: String(of.id), detail });
  return "settled";
}
