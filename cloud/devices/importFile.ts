/** Many chargers from one table, as whoever delivers them writes it. */

import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import {
  type ChipId,
  type DeviceCode,
  type GatewayId,
  isChipId,
  isDeviceCode,
  isGatewayId,
  isJamCode,
  type JamCode,
} from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import type { By } from "../identity/audit.ts";
import { isPlainText, oneLine } from "../plainText.ts";
import { readCsv } from "../sheets/csv.ts";
import { assignGateway, registerDevice, setDevice } from "./register.ts";

/** A file of more is cut by whoever has it: one transaction is not to hold up the cloud for long. */
export const IMPORT_MAX_BYTES = 2 ** 20;
export const IMPORT_MAX_ROWS = 5000;

export interface ImportRow {
  line: number;
  deviceCode: DeviceCode;
  chip: ChipId;
  version: number;
  jamCode?: JamCode;
  gateway?: GatewayId;
  name?: string;
}

/** Which field of which line, and what is allowed. The field is empty where it is the line itself. */
export interface LineProblem {
  line: number;
  field: string;
  problem: string;
}

const REQUIRED = ["deviceCode", "chip", "version"] as const;
const OPTIONAL = ["jamCode", "gateway", "name"] as const;
type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];
const COLUMNS: readonly Column[] = [...REQUIRED, ...OPTIONAL];

const allowed: Record<Column, { is(text: string): boolean; form: string }> = {
  deviceCode: { is: isDeviceCode, form: "8 of 0-9A-Za-z" },
  chip: { is: isChipId, form: "12 of 0-9A-Z" },
  version: {
    is: (t) => /^[0-9]{1,5}$/.test(t) && chargerProfile(Number(t)) !== undefined,
    form: "the number of a known kind of charger, 1 for the one with four ports",
  },
  jamCode: { is: isJamCode, form: "6 of 0-9A-Z, or empty for the derived one" },
  gateway: { is: isGatewayId, form: "the id of a gateway, or empty" },
  name: { is: (t) => isPlainText(t, 60), form: "at most 60 characters on one line, none of them hidden" },
};

/**
 * Reads a table whose first line names its columns, in any order: deviceCode, chip, version, and if wanted jamCode, gateway
 * and name. Every line that is not right is told; a jam code is never repeated.
 */
export function readDeviceFile(text: string): { rows: ImportRow[] } | { problems: LineProblem[] } {
  const read = readCsv(text);
  const broken = read.problems.map((p) => ({ ...p, field: "" }));
  const [head, ...records] = read.records;
  // Without the names of the columns nothing is known of the other lines.
  if (broken[0] !== undefined && broken[0].line < (head?.line ?? Number.POSITIVE_INFINITY)) {
    return { problems: broken.slice(0, 1) };
  }
  if (head === undefined) return { problems: [{ line: 1, field: "", problem: "the file is empty" }] };
  const names = head.fields.map((f) => f.trim());
  const wrongHead = headProblems(names).map((p) => ({ line: head.line, ...p }));
  if (wrongHead.length > 0) return { problems: wrongHead };
  if (records.length === 0 && broken.length === 0)
    return { problems: [{ line: head.line, field: "", problem: "no charger follows" }] };
  if (records.length > IMPORT_MAX_ROWS) {
    const problem = `at most ${IMPORT_MAX_ROWS} chargers at once, not ${records.length}`;
    return { problems: [{ line: head.line, field: "", problem }] };
  }
  const rows: ImportRow[] = [];
  const problems: LineProblem[] = broken;
  const seen = { deviceCode: new Map<string, number>(), chip: new Map<string, number>() };
  for (const { line, fields } of records) {
    if (fields.length !== names.length) {
      problems.push({ line, field: "", problem: `has ${fields.length} fields, not ${names.length}` });
      continue;
    }
    const row = Object.fromEntries(names.map((name, i) => [name, (fields[i] ?? "").trim()]));
    const wrong = COLUMNS.filter((c) => !fits(c, row[c] ?? ""));
    for (const field of wrong) {
      const shown = field === "jamCode" ? "" : `, not "${quoted(row[field] ?? "")}"`;
      problems.push({ line, field, problem: `is ${allowed[field].form}${shown}` });
    }
    for (const field of ["deviceCode", "chip"] as const) {
      const value = row[field] ?? "";
      const before = seen[field].get(value);
      if (before !== undefined)
        problems.push({ line, field, problem: `"${value}" is on line ${before}, too` });
      else if (value !== "") seen[field].set(value, line);
    }
    if (wrong.length === 0) rows.push(rowOf(line, row));
  }
  return problems.length > 0 ? { problems: problems.toSorted((a, b) => a.line - b.line) } : { rows };
}

function headProblems(names: readonly string[]): Omit<LineProblem, "line">[] {
  const known = COLUMNS.join(", ");
  const unknown = names
    .filter((name) => !COLUMNS.some((c) => c === name))
    .map((name) => ({ field: quoted(name), problem: `is no column; they are ${known}` }));
  const twice = names
    .filter((name, i) => names.indexOf(name) !== i)
    .map((field) => ({ field: quoted(field), problem: "is named twice" }));
  const missing = REQUIRED.filter((name) => !names.includes(name));
  return [
    ...unknown,
    ...twice,
    ...missing.map((field) => ({ field, problem: "is missing in the first line" })),
  ];
}

/** What a file holds, for a message. */
const quoted = (text: string): string => oneLine(text).slice(0, 40);

const fits = (column: Column, text: string): boolean =>
  text === "" ? OPTIONAL.some((c) => c === column) : allowed[column].is(text);

function rowOf(line: number, row: Record<string, string>): ImportRow {
  const { deviceCode = "", chip = "", version, jamCode = "", gateway = "", name = "" } = row;
  return {
    line,
    // `allowed` has checked each.
    deviceCode: deviceCode as DeviceCode,
    chip: chip as ChipId,
    version: Number(version),
    ...(jamCode !== "" && { jamCode: jamCode as JamCode }),
    ...(gateway !== "" && { gateway: gateway as GatewayId }),
    ...(name !== "" && { name }),
  };
}

/**
 * Registers all of them, or says of each line why not; the caller rolls back then. Each is as `registerDevice` makes it, behind
 * its gateway where one is named.
 */
export async function importDevices(
  tx: Tx,
  { rows, touchDesired }: { rows: readonly ImportRow[]; touchDesired: Gateways["touchDesired"] },
  by: By,
): Promise<LineProblem[]> {
  const problems: LineProblem[] = [];
  for (const row of rows) {
    const refused = await importOne(tx, { row, touchDesired }, by);
    if (refused !== undefined) problems.push({ line: row.line, ...refused });
  }
  return problems;
}

async function importOne(
  tx: Tx,
  { row, touchDesired }: { row: ImportRow; touchDesired: Gateways["touchDesired"] },
  by: By,
): Promise<Omit<LineProblem, "line"> | undefined> {
  const { deviceCode, chip, gateway, name } = row;
  switch (await registerDevice(tx, row, by)) {
    case "code_exists":
      return { field: "deviceCode", problem: `there is a charger "${deviceCode}" already` };
    case "chip_exists":
      return { field: "chip", problem: `there is a charger with the chip ID "${chip}" already` };
    case "profile_unknown":
      return { field: "version", problem: `is ${allowed.version.form}` };
    case "registered":
  }
  if (name !== undefined) await setDevice(tx, { deviceCode, deviceName: name, touchDesired }, by);
  if (gateway === undefined) return undefined;
  const assigned = await assignGateway(tx, { deviceCode, gatewayId: gateway, touchDesired }, by);
  return assigned === "assigned"
    ? undefined
    : { field: "gateway", problem: `there is no gateway "${gateway}", or it is revoked` };
}
