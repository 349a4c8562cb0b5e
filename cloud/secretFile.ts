import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";

/** Bits of whoever is not the owner. */
const OTHERS = 0o077;

/**
 * Reads a file that holds a secret. One that others may read is refused: what they have read already is no secret any more,
 * so it has to be seen. No problem repeats what is in it; `missing` where there is no such file.
 */
export function readSecret(file: string): { text: string } | { problem: string; missing: boolean } {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { problem: `${file} cannot be read: ${code}`, missing: code === "ENOENT" };
  }
  try {
    const stat = fstatSync(handle);
    // What a shell puts in place of a file (a pipe, the terminal) has no owner that matters.
    if (stat.isFile() && (stat.mode & OTHERS) !== 0) {
      return { problem: `${file} can be read or written by others: chmod 600 ${file}`, missing: false };
    }
    return { text: readFileSync(handle, "utf8"), missing: false };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { problem: `${file} cannot be read: ${code}`, missing: false };
  } finally {
    closeSync(handle);
  }
}
