import type { Instant } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { Phone } from "@bluepower/protocol/units";
import type { Selectable } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { Side, WxInfo } from "../database/schema.ts";
import { audit } from "./audit.ts";
import { bindingOf, setBinding } from "./numbers.ts";

/** A session lives this long from its last use (spec 2). */
export const SESSION_LIFE_MS = 30 * 24 * 3600_000;
/** Use is noted once an hour: a read is not to cost a write each time. A life is therefore up to an hour short. */
const NOTE_USE_MS = 3600_000;
const SESSION_LENGTH = 14;
/** Sessions of one openid; when there are more, those used longest ago end. Each start of a mini-program may log in anew. */
export const SESSIONS_MAX = 100;

/**
 * Opens a session for an openid that has logged in, and answers it with the phone number that the openid is bound to.
 * It is random, so that nobody can work it out from openid and time.
 */
export async function openSession(
  tx: Tx,
  login: { side: Side; openId: string; sessionKey: string; random: Random; now: Instant },
): Promise<{ session: string; phone: string | null }> {
  const { side, openId, now } = login;
  const bound = await tx
    .selectFrom("wx_info")
    .select("phone")
    .where((e) => e.and({ side, openId }))
    .where("phone", "is not", null)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  await tx
    .deleteFrom("wx_info")
    .where((e) => e.and({ side, openId }))
    .where("updateTime", "<", now - SESSION_LIFE_MS)
    .execute();
  const session = text(login.random, SESSION_LENGTH, BASE62);
  const phone = bound?.phone ?? null;
  await tx
    .insertInto("wx_info")
    .values({ side, openId, sessionKey: login.sessionKey, session, phone, insertTime: now, updateTime: now })
    .execute();
  const newest = tx
    .selectFrom("wx_info")
    .select("id")
    .where((e) => e.and({ side, openId }))
    .orderBy("updateTime", "desc")
    .orderBy("id", "desc")
    .limit(SESSIONS_MAX);
  await tx
    .deleteFrom("wx_info")
    .where((e) => e.and({ side, openId }))
    .where("id", "not in", newest)
    .execute();
  return { session, phone };
}

/** The row of a session of this side that lives, its use noted; undefined for any other. */
export async function findSession(
  db: Db,
  asked: { side: Side; session: string; now: Instant },
): Promise<Selectable<WxInfo> | undefined> {
  const row = await db
    .selectFrom("wx_info")
    .selectAll()
    .where((e) => e.and({ side: asked.side, session: asked.session }))
    .executeTakeFirst();
  if (row === undefined || asked.now - row.updateTime > SESSION_LIFE_MS) return undefined;
  if (asked.now - row.updateTime > NOTE_USE_MS) {
    await db.updateTable("wx_info").set({ updateTime: asked.now }).where("id", "=", row.id).execute();
  }
  return row;
}

/**
 * Binds a phone number that WeChat has vouched for to an openid: one phone number has one openid on a side, one openid
 * one phone number. The former openid's sessions end, which is audited. The person's record is made at the first time;
 * a manager's waits for approval. What is theirs stays with the openid that it was confirmed for (`numberIsTheirs`).
 */
export async function bindPhone(
  tx: Tx,
  binding: { side: Side; openId: string; phone: Phone; now: Instant },
): Promise<{ moved: boolean; sessions: number }> {
  const { side, openId, phone, now } = binding;
  const before = await tx
    .selectFrom("wx_info")
    .select("id")
    .where((e) => e.and({ side, openId, phone }))
    .executeTakeFirst();
  const ended = await tx
    .deleteFrom("wx_info")
    .where((e) => e.and({ side, phone }))
    .where("openId", "!=", openId)
    .executeTakeFirstOrThrow();
  const sessions = Number(ended.numDeletedRows);
  const confirmed = (await bindingOf(tx, binding))?.confirmedOpenId ?? "";
  // The former openid may have left no session: it went to another number, or has not been seen for a month.
  const moved = sessions > 0 || (before === undefined && confirmed !== "" && confirmed !== openId);
  if (moved) {
    const by = { who: `${side}:${phone}`, at: now };
    const detail = `bound to another openid, ${sessions} sessions of the former one ended`;
    await audit(tx, by, { what: "phone.rebound", object: phone, detail });
  }
  await tx
    .updateTable("wx_info")
    .set({ phone })
    .where((e) => e.and({ side, openId }))
    .execute();
  await makePerson(tx, binding);
  if (moved) await setBinding(tx, binding, { reboundTime: now });
  return { moved, sessions };
}

async function makePerson(
  tx: Tx,
  of: { side: Side; openId: string; phone: Phone; now: Instant },
): Promise<void> {
  if (of.side === "user") {
    await tx
      .insertInto("user_info")
      .values({ user: of.phone, setupTime: of.now, professionId: null })
      .onConflict((c) => c.doNothing())
      .execute();
  } else {
    await tx
      .insertInto("manager_info")
      .values({ manager: of.phone, setupTime: of.now })
      .onConflict((c) => c.doNothing())
      .execute();
  }
  if ((await bindingOf(tx, of))?.confirmedOpenId === "")
    await setBinding(tx, of, { confirmedOpenId: of.openId });
}
