import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";
import { dayOf } from "../orders/orderDay.ts";
import { BOM, csvLine } from "../sheets/csv.ts";
import type { BankCards } from "./bankCards.ts";
import { type CashOut, steps } from "./process.ts";

/** Cash-outs for a batch for the bank: all that are approved, and on purpose those that a batch has already; oldest first. */
export async function exportable(db: Db, { again }: { again: boolean }): Promise<CashOut[]> {
  const from = (Object.keys(steps) as CashOut["step"][]).filter(
    (step) => "export" in steps[step] && (again || step !== "exported"),
  );
  return await db.selectFrom("cashout_info").selectAll().where("step", "in", from).orderBy("id").execute();
}

const HEAD = ["收款户名", "收款账号", "开户银行", "金额(元)", "附言"];

/**
 * The batch as online banking takes it. It opens the card numbers, so whoever keeps it keeps a secret. The same cash-outs give
 * the same bytes: an export that was interrupted is repeated without a second file. Throws, with the cash-out's name, where a
 * number cannot be opened.
 */
export function batchFile(cashOuts: readonly CashOut[], cards: BankCards): string {
  const lines = cashOuts.map((c) =>
    csvLine([c.bankUser, opened(c, cards), c.bankName, { fen: c.cash }, c.cashOutId]),
  );
  return BOM + csvLine(HEAD) + lines.join("");
}

function opened({ cashOutId, bankCode }: CashOut, cards: BankCards): string {
  try {
    return cards.open(bankCode);
  } catch (cause) {
    throw new Error(`cash-out ${cashOutId} holds up the batch until its card can be read or it has failed`, {
      cause,
    });
  }
}

/**
 * Marks the cash-outs of a file that is written as exported. `changed`: one of them was moved on meanwhile, so the file is not
 * what is approved; nothing is marked.
 */
export async function markExported(
  tx: Tx,
  batch: { cashOuts: readonly CashOut[]; sha256: string; zone: string },
  by: By,
): Promise<{ kind: "exported"; batchId: string } | { kind: "changed" }> {
  const { cashOuts, sha256 } = batch;
  const now = await tx
    .selectFrom("cashout_info")
    .select(["cashOutId", "step"])
    .where("step", "in", ["approved", "exported"])
    .execute();
  const step = new Map(now.map((c) => [c.cashOutId, c.step]));
  if (!cashOuts.every((c) => step.get(c.cashOutId) === c.step)) return { kind: "changed" };
  const cash = cashOuts.reduce((sum, c) => sum + c.cash, 0);
  const row = { sha256, count: cashOuts.length, cash, who: by.who, insertTime: by.at };
  const batchId = await insert(tx, row, dayOf(by.at, batch.zone));
  for (const { cashOutId, step: from } of cashOuts) {
    const moved = await tx
      .updateTable("cashout_info")
      .set({ step: "exported", batchId })
      .where("cashOutId", "=", cashOutId)
      .where("step", "=", from)
      .executeTakeFirst();
    if (moved.numUpdatedRows !== 1n) throw new Error(`cash-out ${cashOutId} was moved on meanwhile`);
    await audit(tx, by, { what: "cashout.export", object: cashOutId, detail: batchId });
  }
  const detail = `${row.count} cash-outs, ${cash} fen, SHA-256 ${sha256}`;
  await audit(tx, by, { what: "cashout.batch", object: batchId, detail });
  return { kind: "exported", batchId };
}

interface Batch {
  sha256: string;
  count: number;
  cash: number;
  who: string;
  insertTime: number;
}

/** `B`, the day, and the first number that is free on it. */
async function insert(tx: Tx, row: Batch, day: number): Promise<string> {
  for (let n = 1; ; n++) {
    const id = `B${day}-${n}`;
    const inserted = await tx
      .insertInto("cashout_batch")
      .values({ id, ...row })
      .onConflict((c) => c.column("id").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return id;
  }
}
