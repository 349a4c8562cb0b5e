import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Rows of one kind by key. What is set is in the file before `set` returns. */
export interface Table<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  values(): T[];
  readonly size: number;
}

export interface Store {
  table<T>(name: string): Table<T>;
  close(): void;
}

/** Writes a file that holds secrets: readable by its owner only, whole or not at all. */
export function writeWhole(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const half = `${file}.half`;
  writeFileSync(half, content, { mode: 0o600 });
  renameSync(half, file);
}

/**
 * Keeps tables in a file of JSON lines, one per change, so that a change costs one short write however much
 * is kept; opening it writes it anew with the last value of each key. A half line at the end (the program
 * was killed while writing) is left out. Without a file everything is in memory only.
 * Throws when a line before the last one is not readable.
 */
export function openStore(file?: string): Store {
  const rows = new Map<string, Map<string, unknown>>();
  const rowsOf = (name: string): Map<string, unknown> => {
    const found = rows.get(name) ?? new Map<string, unknown>();
    rows.set(name, found);
    return found;
  };
  let descriptor: number | undefined;
  if (file !== undefined) {
    read(file, rowsOf);
    const lines = [...rows].flatMap(([name, kept]) =>
      [...kept].map(([key, value]) => line(name, key, value)),
    );
    writeWhole(file, lines.join(""));
    descriptor = openSync(file, "a", 0o600);
  }
  const append = (text: string): void => {
    if (descriptor !== undefined) writeSync(descriptor, text);
  };
  return {
    table<T>(name: string): Table<T> {
      const kept = rowsOf(name) as Map<string, T>;
      return {
        get: (key) => kept.get(key),
        set(key, value) {
          append(line(name, key, value));
          kept.set(key, value);
        },
        delete(key) {
          if (kept.delete(key)) append(line(name, key, null));
        },
        values: () => [...kept.values()],
        get size() {
          return kept.size;
        },
      };
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

const line = (name: string, key: string, value: unknown): string => `${JSON.stringify([name, key, value])}\n`;

function read(file: string, rowsOf: (name: string) => Map<string, unknown>): void {
  if (!existsSync(file)) return;
  const lines = readFileSync(file, "utf8").split("\n");
  // What follows the last line break is empty, or the half line of a killed program.
  lines.pop();
  for (const [i, text] of lines.entries()) {
    try {
      const [name, key, value] = JSON.parse(text) as [string, string, unknown];
      if (value === null) rowsOf(name).delete(key);
      else rowsOf(name).set(key, value);
    } catch (cause) {
      throw new Error(`${file}, line ${i + 1} is damaged: remove the file to begin with an empty sandbox`, {
        cause,
      });
    }
  }
}
