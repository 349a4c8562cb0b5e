import type { Instant } from "@bluepower/protocol/clock";
import type { Selectable } from "kysely";
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

const keyOf = (d: Pick<StoredDifference, "kind" | "number" | "class">): string =>
  `${d.kind} ${d.class} ${d.number}`;

/**
 * Writes down what a comparison of a day has found: a row for each difference, however often it is found. One that is not
 * found any more is gone, and open again when it comes back; one that is settled stays settled, with what it said then.
 * Without `totals` the account's money was not compared, so nothing is said of its differences.
 */
export async function record(
  tx: Tx,
  of: { day: Day; differences: readonly Difference[]; totals: boolean; at: Instant },
): Promise<Recorded> {
  const { day, at } = of;
  const rows = await tx.selectFrom("bill_difference").selectAll().where("day", "=", day).execute();
  const before = new Map(rows.map((row) => [keyOf(row), row]));
  const recorded: Recorded = { open: 0, settled: 0, gone: 0 };
  for (const found of of.differences) {
    const row = before.get(keyOf(found));
    before.delete(keyOf(found));
    if (row === undefined) await insert(tx, day, found, at);
    else {
      const { ours, theirs, subject } = found;
      await tx
        .updateTable("bill_difference")
        .set(
          row.state === "settled"
            ? { seenTime: at }
            : { seenTime: at, state: "open", goneTime: null, ours, theirs, subject },
        )
        .where("id", "=", row.id)
        .execute();
    }
    recorded[row?.state === "settled" ? "settled" : "open"] += 1;
  }
  for (const row of before.values()) {
    if (row.state === "settled") recorded.settled += 1;
    if (row.state !== "open") continue;
    if (row.kind === "totals" && !of.totals) {
      recorded.open += 1;
      continue;
    }
    const gone = { state: "gone" as const, goneTime: at };
    await tx.updateTable("bill_difference").set(gone).where("id", "=", row.id).execute();
    recorded.gone += 1;
  }
  return recorded;
}

async function insert(tx: Tx, day: Day, found: Difference, at: Instant): Promise<void> {
  await tx
    .insertInto("bill_difference")
    .values({
      ...{ ...found, day, state: "open", foundTime: at, seenTime: at },
      ...{ goneTime: null, settledBy: null, settleTime: null, note: null },
    })
    .execute();
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
