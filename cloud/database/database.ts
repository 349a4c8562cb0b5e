import type { Kysely, Transaction } from "kysely";
import type { Schema } from "./schema.ts";

/**
 * The database for reads outside a transaction. On SQLite it is one connection behind a mutex: using it inside a
 * transaction hangs for ever, so domain functions take `tx`.
 */
export type Db = Kysely<Schema>;

/** An open transaction. Nothing but the database is awaited while it is open. */
export type Tx = Transaction<Schema>;
