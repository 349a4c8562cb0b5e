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
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A text that a spreadsheet would carry out as a formula is written with an apostrophe before it; full-width signs count, too.
 * What people enter (a name, a bank) is not to run where it is read. Where a spreadsheet takes semicolons or tabs for the
 * borders of fields, quotes in the middle of what it takes for one hold nothing together, so a formula behind them counts, too.
 */
export function guarded(text: string): string {
  const inner = text.replaceAll(
    /(?<=[^\s\p{Cc}\p{Cf}].*[;\t\r\n])(?=[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠])/gsu,
    "'",
  );
  return /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) ? `'${inner}` : inner;
}

export interface CsvRecord {
  /** Line of the file on which it begins, from 1. */
  line: number;
  fields: string[];
}

export interface CsvProblem {
  /** Where what is wrong begins: the line of the quote that opens. */
  line: number;
  problem: string;
}

/** More of them tell nothing new, and each may have been looked for to the end of the text. */
const PROBLEMS_MAX = 100;

/**
 * Reads a whole text; empty lines are left out. Behind a quote that is not where it may be, reading goes on with the next line,
 * so that one of them does not hide what is wrong elsewhere.
 */
export function readCsv(text: string): { records: CsvRecord[]; problems: CsvProblem[] } {
  const records: CsvRecord[] = [];
  const problems: CsvProblem[] = [];
  let line = 1;
  let at = text.startsWith(BOM) ? 1 : 0;
  while (at < text.length && problems.length < PROBLEMS_MAX) {
    const read = readRecord(text, at, line);
    if ("problem" in read) {
      problems.push({ line: read.line, problem: read.problem });
      const end = text.indexOf("\n", read.at);
      at = end === -1 ? text.length : end + 1;
      line = read.line + 1;
      continue;
    }
    const { fields } = read;
    if (fields.length > 1 || fields[0]?.trim() !== "") records.push({ line, fields });
    at = read.next;
    line = read.nextLine;
  }
  return { records, problems };
}

/** One record from `at` on, which stands on `line`; or what is wrong, and where that begins. */
function readRecord(
  text: string,
  from: number,
  first: number,
): { fields: string[]; next: number; nextLine: number } | { problem: string; line: number; at: number } {
  const fields: string[] = [];
  let at = from;
  let line = first;
  for (;;) {
    let field = "";
    if (text[at] === '"') {
      const began = { line, at };
      for (at++; ; ) {
        const quote = text.indexOf('"', at);
        if (quote === -1) return { ...began, problem: "a quote is not closed" };
        const part = text.slice(at, quote);
        line += part.split("\n").length - 1;
        field += part;
        at = quote + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
      if (at < text.length && !",\r\n".includes(text[at] ?? "")) {
        const where = line === began.line ? "" : `; the next one, on line ${line}, closes it`;
        const problem = `behind a closing quote stands a comma or the end of the line${where}`;
        return { ...began, problem };
      }
    } else {
      const end = /[,\r\n]/g;
      end.lastIndex = at;
      const stop = end.exec(text)?.index ?? text.length;
      field = text.slice(at, stop);
      if (field.includes('"'))
        return { line, at, problem: "a quote stands at the beginning of a field only" };
      at = stop;
    }
    fields.push(field);
    if (text[at] !== ",") break;
    at++;
  }
  if (text[at] === "\r") at++;
  if (text[at] === "\n") at++;
  return { fields, next: at, nextLine: line + 1 };
}
