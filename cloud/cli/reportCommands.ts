import { dayZone } from "../orders/orderDay.ts";
import { ordersReport, type ReportSpan, sumsReport } from "../reports/reports.ts";
import { BOM, csvLine } from "../sheets/csv.ts";
import { type Sheet, XLSX_MAX_ROWS, xlsx } from "../sheets/xlsx.ts";
import { maySee } from "./actor.ts";
import { command, optional, type Result, required, type Tools, toggle } from "./command.ts";
import { openPart, type Part } from "./outFile.ts";
import { masked } from "./output.ts";
import { dateValue, wholeSpan } from "./span.ts";
import { phoneValue, sheetFileValue } from "./values.ts";

const flags = {
  from: required("DATE", dateValue, "the first day"),
  to: required("DATE", dateValue, "the last day, included"),
  manager: optional("PHONE", phoneValue, "one manager's alone"),
  file: required("OUT.csv|OUT.xlsx", sheetFileValue, "where it is written, readable by this account only"),
  phones: toggle("write whole phone numbers; their middle is left out otherwise"),
};

interface Input {
  from: number;
  to: number;
  manager: string | undefined;
  file: string;
  phones: true | undefined;
}

async function write(
  { db, actor }: Tools,
  input: Input,
  make: (of: ReportSpan, shown: { zone: string; phone(p: string): string }) => Sheet,
): Promise<Result> {
  const { from: fromDay, to: toDay, manager, file, phones } = input;
  const hidden = maySee(actor, "phones", phones === true);
  if (hidden !== undefined) return hidden;
  // The sums are of its days.
  const days = await dayZone(db);
  const moments = wholeSpan({ from: fromDay, to: toDay }, days);
  if ("problem" in moments) return moments;
  const { from: start, to: end } = moments;
  const phone = (p: string) => (phones === true ? p : masked(p));
  const report = make({ fromDay, toDay, start, end, manager }, { zone: days, phone });
  const out = openPart(file);
  if ("problem" in out) return out;
  let rows: number | undefined;
  try {
    rows = await (file.endsWith(".csv") ? writeCsv(report, out) : writeXlsx(report, out));
  } catch (error) {
    out.drop();
    throw error;
  }
  if (rows === undefined) {
    out.drop();
    return {
      problem: `an XLSX holds at most ${XLSX_MAX_ROWS} rows here: take fewer days, or --file OUT.csv`,
    };
  }
  const kept = out.keep();
  if ("problem" in kept) return kept;
  return { text: `${rows} rows written to ${file}`, json: { file, rows, sha256: kept.sha256 } };
}

async function writeCsv({ head, batches }: Sheet, out: Part): Promise<number> {
  let rows = 0;
  out.write(BOM + csvLine(head));
  for await (const batch of batches) {
    rows += batch.length;
    out.write(batch.map(csvLine).join(""));
  }
  return rows;
}

/** Undefined when there are too many rows. */
async function writeXlsx(report: Sheet, out: Part): Promise<number | undefined> {
  const made = await xlsx(report);
  if (made === "too_many_rows") return undefined;
  out.write(made.bytes);
  return made.rows;
}

const reportOrders = command({
  name: "report orders",
  role: "viewer",
  summary: "Write all orders of some days, one a row.",
  argument: null,
  flags,
  examples: [
    "report orders --from 2026-11-01 --to 2026-11-30 --file orders.xlsx",
    "report orders --from 20261101 --to 20261130 --manager 13900000001 --file orders.csv",
  ],
  run: ({ flags: input }, tools) => write(tools, input, (of, shown) => ordersReport(tools.db, of, shown)),
});

const sumsBy = (by: "days" | "managers" | "devices", summary: string) =>
  command({
    name: `report ${by}`,
    role: "viewer",
    summary,
    argument: null,
    flags,
    examples: [`report ${by} --from 2026-11-01 --to 2026-11-30 --file ${by}.xlsx`],
    run: ({ flags: input }, tools) =>
      write(tools, input, (of, { phone }) => sumsReport(tools.db, of, { by, phone })),
  });

export const reportCommands = [
  reportOrders,
  sumsBy("days", "Write the sums of each day and manager."),
  sumsBy("managers", "Write the sums of each manager."),
  sumsBy("devices", "Write the sums of each charger."),
];
