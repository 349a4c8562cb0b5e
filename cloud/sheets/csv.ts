/** Comma-separated values as spreadsheets and online banking read them (RFC 4180). */

/** A text, a number, an amount of money in fen, or nothing. */
export type Cell = string | number | { fen: number } | null;

/** Without it spreadsheets take Chinese for Latin. */
export const BOM = "\ufeff";
const LINE_END = "\r\n";

export const csvLine = (cells: readonly Cell[]): string => cells.map(written).join(",") + LINE_END;

/** Fen as yuan with two decimals, exact. */
export function yuanText(fen: number): string {
  const all = String(Math.abs(fen)).padStart(3, "0");
  return `${fen < 0 ? "-" : ""}${all.slice(0, -2)}.${all.slice(-2)}`;
}

function written(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  if (typeof cell === "object") return yuanText(cell.fen);
  const text = guarded(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A text that a spreadsheet would carry out as a formula is written with an apostrophe before it; full-width signs count, too.
 * What people enter (a name, a bank) is not to run where it is read.
 */
export const guarded = (text: string): string =>
  /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) ? `'${text}` : text;

export interface CsvRecord {
  /** Line of the file on which it begins, from 1. */
  line: number;
  fields: string[];
}

/** Reads a whole text; empty lines are left out. `problem` names the line of a quote that is not where it may be. */
export function readCsv(text: string): CsvRecord[] | { line: number; problem: string } {
  const records: CsvRecord[] = [];
  let line = 1;
  let at = text.startsWith(BOM) ? 1 : 0;
  while (at < text.length) {
    const record: CsvRecord = { line, fields: [] };
    for (;;) {
      let field = "";
      if (text[at] === '"') {
        const began = line;
        for (at++; ; ) {
          const quote = text.indexOf('"', at);
          if (quote === -1) return { line: began, problem: "a quote is not closed" };
          const part = text.slice(at, quote);
          line += part.split("\n").length - 1;
          field += part;
          at = quote + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        if (at < text.length && !",\r\n".includes(text[at] ?? "")) {
          return { line, problem: "behind a closing quote stands a comma or the end of the line" };
        }
      } else {
        const end = /[,\r\n]/g;
        end.lastIndex = at;
        const stop = end.exec(text)?.index ?? text.length;
        field = text.slice(at, stop);
        if (field.includes('"')) return { line, problem: "a quote stands at the beginning of a field only" };
        at = stop;
      }
      record.fields.push(field);
      if (text[at] !== ",") break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    line++;
    if (record.fields.length > 1 || record.fields[0]?.trim() !== "") records.push(record);
  }
  return records;
}
