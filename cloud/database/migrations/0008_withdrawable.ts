import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/** What a manager can withdraw is found without going through all that was withdrawn before. */
export const withdrawable: Migration = { up: (db) => statements(db, tables) };

const tables = `
create index order_info_withdrawable on order_info (manager, "cashOutFlag", "payState", "orderTime", id)
`;
