import { type Clock, type Millis, seconds } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";

/** Facts of gateways and ended commands are for finding out what happened; dead events stay until a person has looked. */
export const KEPT_DAYS = 30;
const EVERY: Millis = seconds(3600);
const DAY_MS = 86_400_000;
/** Rows of one delete, so that no other writer waits for long. */
const BATCH = 1_000;

/** Deletes what is older than 30 days, in small steps; true when there may be more. */
export async function deleteOld(db: Db, now: number): Promise<boolean> {
  const before = now - KEPT_DAYS * DAY_MS;
  const facts = await db
    .deleteFrom("gateway_fact")
    .where("id", "in", (e) =>
      e
        .selectFrom("gateway_fact")
        .select("id")
        .where("insertTime", "<", before)
        .orderBy("insertTime")
        .limit(BATCH),
    )
    .executeTakeFirst();
  const commands = await db
    .deleteFrom("command")
    .where("id", "in", (e) =>
      e
        .selectFrom("command")
        .select("id")
        .where("state", "in", ["answered", "expired"])
        .where("deadline", "<", before)
        .limit(BATCH),
    )
    .executeTakeFirst();
  return facts.numDeletedRows === BigInt(BATCH) || commands.numDeletedRows === BigInt(BATCH);
}

/** Deletes old rows every hour until stopped. */
export function startRetention({ db, clock, log }: { db: Db; clock: Clock; log: Logger }): { stop(): void } {
  let stopped = false;
  let timer = clock.after(EVERY, "old rows", sweep);
  async function sweep(): Promise<void> {
    let more = false;
    try {
      more = await deleteOld(db, clock.now());
    } catch (error) {
      log.error({ err: error }, "old rows were not deleted");
    }
    if (!stopped) timer = clock.after(more ? seconds(1) : EVERY, "old rows", sweep);
  }
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
