import { type SqlBool, sql } from "kysely";
import type { Db } from "../database/database.ts";

/** What of the log; `what` is a whole deed (`cashout.pay`) or what comes before its dot. A span is up to, without, `to`. */
export interface AuditFilter {
  who?: string | undefined;
  what?: string | undefined;
  object?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export interface AuditEntry {
  who: string;
  what: string;
  object: string;
  detail: string;
  insertTime: number;
}

/** Who did what, the newest first. */
export async function auditLog(db: Db, filter: AuditFilter, limit: number): Promise<AuditEntry[]> {
  const { who, what, object, from, to } = filter;
  let log = db.selectFrom("audit_log").select(["who", "what", "object", "detail", "insertTime"]);
  if (who !== undefined) {
    const ends = [who, `operator:${who}`, `user:${who}`, `manager:${who}`];
    log = log.where("who", "in", ends);
  }
  if (what !== undefined) {
    const group = `${what}.`;
    log = log.where((e) =>
      e.or([e("what", "=", what), sql<SqlBool>`substr(what, 1, ${group.length}) = ${group}`]),
    );
  }
  if (object !== undefined) log = log.where("object", "=", object);
  if (from !== undefined) log = log.where("insertTime", ">=", from);
  if (to !== undefined) log = log.where("insertTime", "<", to);
  return await log.orderBy("id", "desc").limit(limit).execute();
}
