import type { Clock } from "@bluepower/protocol/clock";
import type { Db, Tx } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import type { Once } from "./endpoint.ts";

/** What makes two calls one: the app, the method and the signature over all parameters (spec 2, "Exactly once"). */
export interface CallKey {
  app: string;
  method: string;
  /** In the short form, whichever was sent. */
  signature: string;
}

/** Longer than a timestamp is taken for, so that no call that still passes has been forgotten. */
const KEPT_MS = 15 * 60_000;
const PURGE_EVERY_MS = 60_000;

/** Answers of successful changes, so that a repeat gets the answer of the first and changes nothing. */
export function answeredCalls(db: Db, clock: Clock) {
  let purged = Number.NEGATIVE_INFINITY;

  /** The stored answer of an earlier call, or null when this is the first, whose key is inserted before anything else. */
  async function claim(tx: Tx, key: CallKey): Promise<string | null> {
    const now = clock.now();
    if (clock.uptime() - purged > PURGE_EVERY_MS) {
      purged = clock.uptime();
      await tx
        .deleteFrom("answered_call")
        .where("insertTime", "<", now - KEPT_MS)
        .execute();
    }
    const inserted = await tx
      .insertInto("answered_call")
      .values({ ...key, answer: "", insertTime: now })
      .onConflict((c) => c.doNothing())
      .executeTakeFirstOrThrow();
    if (inserted.numInsertedOrUpdatedRows === 1n) return null;
    const row = await tx
      .selectFrom("answered_call")
      .select("answer")
      .where((e) => e.and({ ...key }))
      .executeTakeFirstOrThrow();
    return row.answer;
  }

  /** Runs `work` once per key, in the transaction that stores its value; its exception leaves no trace. */
  const onceFor =
    (key: CallKey): Once =>
    <T>(work: (tx: Tx) => Promise<T>) =>
      transaction(db, async (tx) => {
        const stored = await claim(tx, key);
        if (stored !== null) return { repeat: true, value: JSON.parse(stored) as T };
        const value = await work(tx);
        const answer = JSON.stringify(value) ?? "null";
        await tx
          .updateTable("answered_call")
          .set({ answer })
          .where((e) => e.and({ ...key }))
          .execute();
        return { repeat: false, value };
      });

  return { onceFor };
}
