import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a killed program has written outlives it also in memory; waiting for a disk at each commit would prove nothing more. */
const FOLDER = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export interface WorldFolder {
  path: string;
  remove: () => void;
}

/** A folder of a world, which is gone with it, also when the simulation ends in its middle. */
export function worldFolder(name: string): WorldFolder {
  const path = mkdtempSync(join(FOLDER, `world-${name}-`));
  const erase = (): void => rmSync(path, { recursive: true, force: true });
  process.once("exit", erase);
  return {
    path,
    remove: () => {
      process.off("exit", erase);
      erase();
    },
  };
}
