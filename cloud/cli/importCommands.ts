import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import {
  IMPORT_MAX_BYTES,
  IMPORT_MAX_ROWS,
  importDevices,
  type LineProblem,
  readDeviceFile,
} from "../devices/importFile.ts";
import { touchDesired } from "../gateways/desired.ts";
import { command, toggle } from "./command.ts";
import { fileValue } from "./values.ts";

/** More lines tell nothing new. */
const SHOWN_MAX = 100;

/** Undoes the transaction, because a line was refused or nothing was to be kept. */
class Undone extends Error {}

const deviceImport = command({
  name: "device import",
  summary: `Register many chargers from a CSV file, all of them or none: at most ${IMPORT_MAX_ROWS}, with the columns deviceCode, chip, version and if wanted jamCode, gateway, name.`,
  argument: { name: "FILE.csv", parse: fileValue },
  flags: { "dry-run": toggle("check everything and register none") },
  examples: ["device import chargers.csv --dry-run", "device import chargers.csv"],
  async run({ argument: path, flags }, { change }) {
    const file = readBounded(path);
    if ("problem" in file) return file;
    const read = readDeviceFile(file.text);
    if ("problems" in read) return refused(path, read.problems);
    const dryRun = flags["dry-run"] === true;
    const { rows } = read;
    let problems: LineProblem[] = [];
    await change(async (tx, by) => {
      problems = await importDevices(tx, { rows, touchDesired }, by);
      if (problems.length > 0 || dryRun) throw new Undone();
    }).catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
    if (problems.length > 0) return refused(path, problems);
    const text = dryRun ? "can be registered; none is yet" : "registered";
    return {
      text: `${rows.length} chargers ${text}`,
      json: { count: rows.length, dryRun, deviceCodes: rows.map((r) => r.deviceCode) },
    };
  },
});

function refused(path: string, problems: readonly LineProblem[]) {
  const details = problems
    .slice(0, SHOWN_MAX)
    .map((p) => `line ${p.line}: ${p.field === "" ? "" : `${p.field} `}${p.problem}`);
  if (problems.length > SHOWN_MAX) details.push(`and ${problems.length - SHOWN_MAX} more`);
  const what = problems.length === 1 ? "one mistake" : `${problems.length} mistakes`;
  return { problem: `${path} has ${what}; no charger is registered`, details };
}

function readBounded(path: string): { text: string } | { problem: string } {
  let bytes: Buffer;
  try {
    const file = openSync(path, "r");
    try {
      if (fstatSync(file).size > IMPORT_MAX_BYTES) {
        return { problem: `${path} is larger than ${IMPORT_MAX_BYTES} bytes; cut it in parts` };
      }
      bytes = readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}` };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { problem: `${path} is not UTF-8: save it as "CSV UTF-8"` };
  }
}

export const importCommands = [deviceImport];
