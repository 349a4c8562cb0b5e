import { audit, inOneLine } from "../cloud/audit/audit.ts";
import type { Db } from "../cloud/database/database.ts";

/** What of a cloud's books is not in order, after whatever scenario: nothing. */
export async function booksWrong(db: Db): Promise<string[]> {
  return (await audit(db)).map(inOneLine);
}

/** Throws with everything that is not in order. */
export async function expectBooks(db: Db): Promise<void> {
  const wrong = await booksWrong(db);
  if (wrong.length > 0) throw new Error(`the books are not in order:\n${wrong.join("\n")}`);
}
