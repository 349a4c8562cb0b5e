import writeXlsxFile from "write-excel-file/node";
import type { Cell } from "./csv.ts";

/** A sheet is made in memory, six kilobytes a row of orders: more rows are for CSV. */
export const XLSX_MAX_ROWS = 50_000;

export interface Sheet {
  title: string;
  head: readonly string[];
  /** Rows in batches, so that a long table costs time and not memory where it is written as it comes. */
  batches: AsyncIterable<Cell[][]>;
}

/**
 * A sheet as the bytes of a file, and how many rows it has. Texts stay texts, so nothing in them is carried out as a formula.
 * `too_many_rows`: reading has stopped at `XLSX_MAX_ROWS`.
 */
export async function xlsx(sheet: Sheet): Promise<{ bytes: Buffer; rows: number } | "too_many_rows"> {
  const rows: Cell[][] = [];
  for await (const batch of sheet.batches) {
    rows.push(...batch);
    if (rows.length > XLSX_MAX_ROWS) return "too_many_rows";
  }
  const title = sheet.head.map((value) => ({ value, type: String, fontWeight: "bold" as const }));
  const data = [title, ...rows.map((row) => row.map(cellOf))];
  const bytes = await writeXlsxFile(data, { sheet: sheet.title, stickyRowsCount: 1 }).toBuffer();
  return { bytes, rows: rows.length };
}

function cellOf(cell: Cell) {
  if (cell === null || cell === "") return null;
  if (typeof cell === "string") return { value: writable(cell), type: String };
  if (typeof cell === "number") return { value: cell, type: Number };
  return { value: cell.fen / 100, type: Number, format: "0.00" };
}

/** XML cannot hold most control characters, and a half of a pair is no character. */
const writable = (text: string): string => text.replaceAll(/[^\t\n\r\P{Cc}]|\p{Cs}|[\ufffe\uffff]/gu, "");
