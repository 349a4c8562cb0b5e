import type { Migration } from "kysely";
import { statements } from "./statements.ts";

/** The moves of one account are found without going through those of all. */
export const ledgerMoves: Migration = { up: (db) => statements(db, tables) };

const tables = `
create index ledger_transfer_from on ledger_transfer ("fromAccount", "insertTime");
create index ledger_transfer_to on ledger_transfer ("toAccount", "insertTime")
`;
