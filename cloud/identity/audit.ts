import type { Instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";

/** Who acts, and when: `who` is an operator's account, `user:PHONE`, `manager:PHONE` or `cloud`. */
export interface Who {
  who: string;
  now: Instant;
}

/** Writes down who did what to which object, in the transaction of the change. `detail` holds no secret. */
export async function audit(
  tx: Tx,
  by: Who,
  entry: { what: string; object: string; detail?: string },
): Promise<void> {
  await tx
    .insertInto("audit_log")
    .values({
      who: by.who,
      what: entry.what,
      object: entry.object,
      detail: entry.detail ?? "",
      insertTime: by.now,
    })
    .execute();
}
