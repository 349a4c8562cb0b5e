import type { Tx } from "../database/database.ts";

/** Who does it, and when (epoch ms): `who` is an operator's account, `user:PHONE`, `manager:PHONE` or `cloud`. */
export interface By {
  who: string;
  at: number;
}

/** Writes down who did what to which object, in the transaction of the change. `detail` holds no secret. */
export async function audit(
  tx: Tx,
  by: By,
  entry: { what: string; object: string; detail?: string },
): Promise<void> {
  await tx
    .insertInto("audit_log")
    .values({
      who: by.who,
      what: entry.what,
      object: entry.object,
      detail: entry.detail ?? "",
      insertTime: by.at,
    })
    .execute();
}
