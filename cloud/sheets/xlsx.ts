import writeXlsxFile from "write-excel-file/node";
import type { Cell } from "./csv.ts";

/** A sheet is made in memory: more rows are for CSV. */
export const XLSX_MAX_ROWS = 100_000;

/** A sheet as the bytes of a file. Texts stay texts, so nothing in them is carried out as a formula. */
export async function xlsx(
  sheet: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<Buffer> {
  const title = head.map((value) => ({ value, type: String, fontWeight: "bold" as const }));
  const data = [title, ...rows.map((row) => row.map(cellOf))];
  return await writeXlsxFile(data, { sheet, stickyRowsCount: 1 }).toBuffer();
}

function cellOf(cell: Cell) {
  if (cell === null || cell === "") return null;
  if (typeof cell === "string") return { value: writable(cell), type: String };
  if (typeof cell === "number") return { value: cell, type: Number };
  return { value: cell.fen / 100, type: Number, format: "0.00" };
}

/** XML cannot hold most control characters, and a half of a pair is no character. */
const writable = (text: string): string => text.replaceAll(/[^\t\n\r\P{Cc}]|\p{Cs}|[\ufffe\uffff]/gu, "");
