import { closeSync, fchmodSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";

export interface TokenFile {
  write(token: string): void;
  /** Removes the file when nothing was written that has to be kept. */
  close(keep: boolean): void;
}

/**
 * Makes the file before the token, so that no token is made that cannot be written. A file that is there is never
 * written over: it may hold the token of another gateway.
 */
export function openTokenFile(path: string): TokenFile | { problem: string } {
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
    fchmodSync(file, 0o600);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return { problem: `--token-file ${path} is there already; remove it first` };
    return { problem: `--token-file ${path} cannot be written: ${code ?? String(error)}` };
  }
  return {
    write(token) {
      writeSync(file, `${token}\n`);
      fsyncSync(file);
    },
    close(keep) {
      closeSync(file);
      if (!keep) rmSync(path, { force: true });
    },
  };
}
