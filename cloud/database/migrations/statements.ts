import { type Kysely, sql } from "kysely";

/** Carries out SQL that SQLite and PostgreSQL share, statement by statement; a semicolon stands between two and nowhere else. */
export async function statements(db: Kysely<unknown>, text: string): Promise<void> {
  const parts = text.split(";").map((s) => s.trim());
  for (const statement of parts.filter((s) => s !== "")) await sql.raw(statement).execute(db);
}
