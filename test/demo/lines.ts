/**
 * What a person at `npm start` sees of a program's log: warnings, errors and lines that carry an `event`; requests
 * and other routine stay in the log level of the program itself.
 */
export function eventLine(program: string, line: string): string | undefined {
  let entry: { level?: number; event?: string; msg?: string; err?: { message?: string } };
  try {
    entry = JSON.parse(line);
  } catch {
    return line.trim() === "" ? undefined : `${program.padEnd(9)} ${line}`;
  }
  if (entry === null || typeof entry !== "object") return undefined;
  const serious = (entry.level ?? 0) >= 40;
  if (!serious && entry.event === undefined) return undefined;
  const problem = entry.err?.message === undefined ? "" : `: ${entry.err.message}`;
  return `${program.padEnd(9)} ${serious ? "! " : ""}${entry.msg ?? entry.event ?? ""}${problem}`;
}
