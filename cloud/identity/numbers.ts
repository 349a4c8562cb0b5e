/**
 * Whose a phone number is (spec 2, "Identity"): numbers are given to other people, so what belongs to one stays frozen while it
 * is bound to another openid than the confirmed one.
 */
import type { Phone } from "@bluepower/protocol/units";
import type { Db, Tx } from "../database/database.ts";
import type { Side } from "../database/schema.ts";
import { audit, type By } from "./audit.ts";

/** What is known of a number's person: the openid that is confirmed, empty before the first, and the last rebinding since. */
export interface Binding {
  confirmedOpenId: string;
  /** Epoch ms; null when it was never bound to another openid, or was confirmed since. */
  reboundTime: number | null;
}

/** Undefined when nobody has this number on this side. */
export async function bindingOf(
  db: Db | Tx,
  { side, phone }: { side: Side; phone: string },
): Promise<Binding | undefined> {
  const columns = ["confirmedOpenId", "reboundTime"] as const;
  const person =
    side === "user"
      ? db.selectFrom("user_info").select(columns).where("user", "=", phone)
      : db.selectFrom("manager_info").select(columns).where("manager", "=", phone);
  return await person.executeTakeFirst();
}

export async function setBinding(
  tx: Tx,
  { side, phone }: { side: Side; phone: string },
  set: Partial<Binding>,
): Promise<void> {
  if (side === "user") await tx.updateTable("user_info").set(set).where("user", "=", phone).execute();
  else await tx.updateTable("manager_info").set(set).where("manager", "=", phone).execute();
}

/** Somebody who calls: with which openid for which number. */
interface Caller {
  side: Side;
  phone: string;
  openId: string | null;
}

/**
 * False while the phone number is bound to another openid than the confirmed one: it may be another person's by now. Without an
 * openid nobody else has bound it.
 */
export async function numberIsTheirs(tx: Tx, of: Caller): Promise<boolean> {
  const confirmed = (await bindingOf(tx, of))?.confirmedOpenId ?? "";
  return confirmed === "" || of.openId === null || of.openId === confirmed;
}

/** Up to when, epoch ms, what has come about under the number may be a former person's; null when all of it is theirs. */
export async function formerUntil(tx: Tx, of: Caller): Promise<number | null> {
  if (await numberIsTheirs(tx, of)) return null;
  return (await bindingOf(tx, of))?.reboundTime ?? Number.POSITIVE_INFINITY;
}

/** The operator knows that the openid which the phone number is bound to now is the same person's. */
export async function confirmNumber(
  tx: Tx,
  { side, phone }: { side: Side; phone: Phone },
  by: By,
): Promise<"confirmed" | "already" | "unbound" | "unknown"> {
  const binding = await bindingOf(tx, { side, phone });
  if (binding === undefined) return "unknown";
  const openId = await newestOpenId(tx, side, phone);
  if (openId === null) return "unbound";
  if (binding.reboundTime === null && (await numberIsTheirs(tx, { side, phone, openId }))) return "already";
  await setBinding(tx, { side, phone }, { confirmedOpenId: openId, reboundTime: null });
  await audit(tx, by, { what: `${side}.confirm`, object: phone });
  return "confirmed";
}

/** The openid that logged in last with this phone number; null when none did. */
export async function newestOpenId(db: Db | Tx, side: Side, phone: string): Promise<string | null> {
  const row = await db
    .selectFrom("wx_info")
    .select("openId")
    .where((e) => e.and({ side, phone }))
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined || row.openId === "" ? null : row.openId;
}
