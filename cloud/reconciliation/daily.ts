import { type Clock, type Instant, type Millis, seconds, type Timer } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";
import { billDayOf, type Day, dayAfter, daysBefore, lastBillDay, written } from "./billDay.ts";
import type { Bills } from "./bills.ts";
import { openDifferences } from "./differences.ts";
import { type Reconciled, reconcileDay } from "./reconcile.ts";

/** Looked at the clock anew, which may have been set. */
const LOOK = seconds(600);
/** WeChat Pay asks for half an hour where a bill is not made yet. */
const AGAIN = seconds(1800);
/** Missed days that are made up for: a machine that was off for longer has somebody who looks into it. */
const CATCH_UP_DAYS = 30;

export interface Reconciliations {
  /** Differences that wait for an operator; undefined before they were counted. */
  open(): number | undefined;
  /** When a day was last compared, epoch ms; undefined while none was. */
  time(): number | undefined;
  /** Waits for the comparison that is under way. */
  stop(): Promise<void>;
}

/**
 * Has every day compared with WeChat Pay's bills once, from the first that a cloud with a merchant served on, when its bill is
 * out: at ten of the day after. A payment whose every trace here is lost is in the bill alone, so none of ours is waited for.
 * Days that were missed are made up for, the oldest first; what fails is tried again, the same day too.
 */
export function startReconciliation(of: {
  db: Db;
  clock: Clock;
  log: Logger;
  bills: Bills;
}): Reconciliations {
  const { db, clock, log } = of;
  let stopped = false;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let open: number | undefined;
  let time: number | undefined;
  let notBefore: Millis | undefined;

  async function round(): Promise<void> {
    if (notBefore === undefined || clock.uptime() >= notBefore) {
      notBefore = undefined;
      await servedFirst(db, clock.now());
      for (const day of await missingDays(db, clock.now())) {
        if (stopped) return;
        const said = await reconcileDay(of, day);
        tell(log, day, said);
        if (said.kind === "compared") time = clock.now();
        else notBefore = (clock.uptime() + AGAIN) as Millis;
        if (said.kind === "unavailable") break;
      }
    }
    open = await openDifferences(db);
  }
  function look(): void {
    if (stopped) return;
    running ??= round()
      .catch((error: unknown) =>
        log.error({ err: error, event: "bill.failed" }, "bills could not be compared"),
      )
      .finally(() => {
        running = undefined;
      });
    timer = clock.after(LOOK, "reconciliation", look);
  }
  look();
  return {
    open: () => open,
    time: () => time,
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

const SETTING = "bill_first_day";

/** Fixes the first day at the first call; later ones change nothing. */
async function servedFirst(db: Db, now: Instant): Promise<void> {
  await db
    .insertInto("setting")
    .values({ name: SETTING, value: String(billDayOf(now)) })
    .onConflict((c) => c.column("name").doNothing())
    .execute();
}

/** The day on which a cloud with a merchant first served, or that of an older payment: one from before that was written down. */
async function firstDay(db: Db): Promise<Day | undefined> {
  const setting = await db
    .selectFrom("setting")
    .select("value")
    .where("name", "=", SETTING)
    .executeTakeFirst();
  const { payTime } = await db
    .selectFrom("wx_payment")
    .select((e) => e.fn.min<number | null>("payTime").as("payTime"))
    .executeTakeFirstOrThrow();
  const days = [
    ...(setting === undefined ? [] : [Number(setting.value)]),
    ...(payTime === null ? [] : [billDayOf(Number(payTime))]),
  ];
  return days.length === 0 ? undefined : Math.min(...days);
}

/** Days whose bill is out and was not compared, the oldest first. */
export async function missingDays(db: Db, now: Instant): Promise<Day[]> {
  const first = await firstDay(db);
  if (first === undefined) return [];
  const last = lastBillDay(now);
  const from = Math.max(first, daysBefore(last, CATCH_UP_DAYS - 1));
  const rows = await db.selectFrom("bill_day").select("day").where("day", ">=", from).execute();
  const done = new Set(rows.map((row) => row.day));
  const missing: Day[] = [];
  for (let day = from; day <= last; day = dayAfter(day)) if (!done.has(day)) missing.push(day);
  return missing;
}

function tell(log: Logger, day: Day, said: Reconciled): void {
  const of = written(day);
  switch (said.kind) {
    case "compared": {
      const { payments, refunds, found, fundFlow } = said;
      const seen = { day: of, payments, refunds, fundFlow };
      if (found.open === 0) log.info({ event: "bill.agrees", ...seen }, `the bill of ${of} says what we say`);
      else {
        log.error(
          { event: "bill.differs", ...seen, open: found.open },
          `the bill of ${of} differs from ours: bluepower-cloud reconcile list --open tells where`,
        );
      }
      return;
    }
    case "not_out":
      return;
    case "unavailable":
      log.warn({ event: "bill.waits", day: of, detail: said.detail }, `the bill of ${of} cannot be had now`);
      return;
    case "refused":
    case "bad":
      log.error(
        { event: "bill.unusable", day: of, kind: said.kind, detail: said.detail },
        `the bill of ${of} cannot be used`,
      );
  }
}
