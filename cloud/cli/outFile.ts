import { createHash } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** `made`: false when the same bytes were there. */
export type Written = { sha256: string; made: boolean } | { problem: string };

/**
 * Writes a file as a whole or not at all, for its owner only: beside its place first, on the disk, then under its name. A file
 * that is there is never written over; one of the same bytes is what an interrupted command has left, and is taken.
 */
export function writeWhole(path: string, parts: Iterable<string | Uint8Array>): Written {
  const out = openPart(path);
  if ("problem" in out) return out;
  try {
    for (const part of parts) out.write(part);
  } catch (error) {
    out.drop();
    throw error;
  }
  return out.keep();
}

export interface Part {
  write(part: string | Uint8Array): void;
  /** Puts the file under its name. */
  keep(): Written;
  drop(): void;
}

/** A file that grows beside its place; see writeWhole. */
export function openPart(path: string): Part | { problem: string } {
  const part = `${path}.part`;
  let file: number;
  try {
    rmSync(part, { force: true });
    file = openSync(part, "wx", 0o600);
    fchmodSync(file, 0o600);
  } catch (error) {
    return { problem: `--file ${path} cannot be written: ${codeOf(error)}` };
  }
  const hash = createHash("sha256");
  const drop = (): void => {
    closeSync(file);
    rmSync(part, { force: true });
  };
  return {
    write(bytes) {
      const all = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
      for (let at = 0; at < all.length; ) at += writeSync(file, all, at);
      hash.update(all);
    },
    keep(): Written {
      const sha256 = hash.digest("hex");
      const before = hashOf(path);
      if (before !== undefined) {
        drop();
        return before === sha256
          ? { sha256, made: false }
          : { problem: `--file ${path} is there already; remove it first` };
      }
      try {
        fsyncSync(file);
        renameSync(part, path);
        closeSync(file);
        syncFolder(dirname(path));
      } catch (error) {
        drop();
        return { problem: `--file ${path} cannot be written: ${codeOf(error)}` };
      }
      return { sha256, made: true };
    },
    drop,
  };
}

/** Undefined where there is no file. */
function hashOf(path: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    // A folder, or one that is not to be read: it is there, and is no file of ours.
    return "";
  }
}

/** The name is on the disk, too. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
