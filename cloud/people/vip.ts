import { instant } from "@bluepower/protocol/clock";
import { instantOf, wallTime } from "@bluepower/protocol/siteTime";
import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

export const VIP_MONTHS_MAX = 36;

/** Until when a user is VIP, epoch ms; null who never was, undefined who is no user. */
export async function vipUntil(db: Db | Tx, user: string): Promise<number | null | undefined> {
  const row = await db.selectFrom("user_info").select("vipUntil").where("user", "=", user).executeTakeFirst();
  return row?.vipUntil;
}

/** Makes a user VIP for months of the calendar, from now or from the end of what there is. */
export async function grantVip(
  tx: Tx,
  grant: { user: string; months: number; reason: string; zone: string },
  by: By,
): Promise<{ kind: "granted"; until: number } | { kind: "user_unknown" }> {
  const { user, months, reason, zone } = grant;
  const before = await vipUntil(tx, user);
  if (before === undefined) return { kind: "user_unknown" };
  const until = monthsAfter(Math.max(by.at, before ?? 0), months, zone);
  await tx.updateTable("user_info").set({ vipUntil: until }).where("user", "=", user).execute();
  await audit(tx, by, { what: "vip.grant", object: user, detail: `${months} months: ${reason}` });
  return { kind: "granted", until };
}

/** The same day and time so many months later; of a month without that day its last one. */
export function monthsAfter(at: number, months: number, zone: string): number {
  const wall = wallTime(instant(at), zone);
  const month = wall.month - 1 + months;
  const year = wall.year + Math.floor(month / 12);
  for (let { day } = wall; day > 0; day--) {
    const found = instantOf({ ...wall, year, month: (month % 12) + 1, day }, zone);
    if (found !== undefined) return found;
  }
  throw new RangeError(`${months} months after ${at} is no time`);
}
