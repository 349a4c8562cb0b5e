import { giveWay } from "./turn.ts";

/** What is wrong with a file, in words for the operator. */
export type Read<T> = { kind: "read"; value: T } | { kind: "bad"; detail: string };

export const bad = (detail: string): { kind: "bad"; detail: string } => ({ kind: "bad", detail });

/** A row's value by its column's name; empty where the table lacks the column. */
export type Row = (column: string) => string;

const SHOWN = 40;
/** At a stretch: some milliseconds. */
const ROWS = 500;

/**
 * Reads the table of a bill of WeChat Pay: a row of names, rows of values with a back-tick before each, a row of the totals'
 * names, one of their values. Columns are found by name, others than the `needed` are passed over. Names and notes that
 * people have written may hold commas and back-ticks: what is too much in a row belongs to the column `free`. Others have
 * their turn between the rows.
 */
export async function readBillTable(
  text: string,
  of: {
    needed: readonly string[];
    totals: readonly string[];
    free: string;
    /** Takes a row; a text is what is wrong with it. */
    each(row: Row): string | undefined;
  },
): Promise<Read<Row>> {
  const lines = linesOf(text);
  const head = namesOf(lines.next().value);
  const first = of.totals[0] ?? "";
  const missing = of.needed.find((name) => head.filter((h) => h === name).length !== 1);
  if (missing !== undefined) return bad(`the column ${missing} is not there once`);
  const free = head.indexOf(of.free);
  const at = new Map(head.map((name, n) => [name, n]));
  let n = 1;
  for (const line of lines) {
    n++;
    if (n % ROWS === 0) await giveWay();
    if (!line.startsWith("`")) {
      if (!line.startsWith(first)) return bad(`line ${n} is neither a row nor the totals' names`);
      const values = lines.next();
      const rest = lines.next();
      if (values.done === true) return bad("it ends before its totals");
      if (rest.done !== true) return bad("something stands behind the totals");
      return totalsOf(namesOf(line), values.value, of.totals);
    }
    const values = line.slice(1).split(",`");
    const excess = values.length - head.length;
    if (excess < 0 || (excess > 0 && free < 0)) return bad(`line ${n} has ${values.length} values`);
    if (excess > 0) values.splice(free, excess + 1, values.slice(free, free + excess + 1).join(",`"));
    const wrong = of.each((column) => values[at.get(column) ?? -1] ?? "");
    if (wrong !== undefined) return bad(`line ${n}: ${wrong}`);
  }
  return bad("it ends before its totals");
}

function totalsOf(names: readonly string[], line: string, needed: readonly string[]): Read<Row> {
  const values = line.replace(/^`/, "").split(",`");
  if (!line.startsWith("`") || values.length !== names.length) return bad("its totals have another form");
  const missing = needed.find((name) => !names.includes(name));
  if (missing !== undefined) return bad(`the total ${missing} is not there`);
  return { kind: "read", value: (name) => values[names.indexOf(name)] ?? "" };
}

/** Brackets come in both widths. */
const namesOf = (line: string | undefined): string[] =>
  (line ?? "")
    .replaceAll("（", "(")
    .replaceAll("）", ")")
    .split(",")
    .map((name) => name.trim());

/** Lines without their ends; empty ones are left out. */
function* linesOf(text: string): Generator<string, undefined> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf("\n", from);
    const line = text.slice(from, end < 0 ? undefined : end).replace(/\r$/, "");
    from = end < 0 ? text.length : end + 1;
    if (line !== "") yield line;
  }
  return undefined;
}

/** Yuan as fen, half a fen rounded up; fees are written with five decimals. Undefined for what is no amount. */
export function fenOf(text: string): number | undefined {
  const found = /^(-?)(\d{1,9})(?:\.(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const [, sign, yuan, parts = ""] = found;
  const fen = Math.round((Number(yuan) * 100_000 + Number(parts.padEnd(5, "0"))) / 1000);
  return sign === "-" && fen > 0 ? -fen : fen;
}

/** For messages: not longer than what a line can show. */
export const shown = (text: string): string => JSON.stringify(text.slice(0, SHOWN));
