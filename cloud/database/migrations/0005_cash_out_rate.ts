import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/**
 * A cash-out keeps the rate at which it was asked for, so that its price can be proven when the rate has changed; of earlier
 * ones nobody knows it.
 */
export const cashOutRate: Migration = {
  up: (db) => statements(db, "alter table cashout_info add column ppm bigint"),
};
