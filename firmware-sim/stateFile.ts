import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, millis, type Timer } from "@bluepower/protocol/clock";
import type { ChipId } from "@bluepower/protocol/units";
import type { SimulatedCharger } from "./charger.ts";
import { readSaved, type SavedCharger } from "./saved.ts";

/** While a port runs, at most this much of its countdown is forgotten by a sudden end. */
const SAVE_EVERY_MS = 10_000;
/** A fast countdown is not saved more often than this. */
const SAVE_PAUSE_MS = 1000;

/** Reads the state of before; undefined when there is no file yet. The problem is a sentence for people. */
export function readStateFile(path: string, chip: ChipId): SavedCharger | undefined | { problem: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    return { problem: `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
  const saved = readSaved(text);
  if ("problem" in saved) return { problem: `${path} holds no state of a charger: ${saved.problem}` };
  if (saved.chip !== chip) return { problem: `${path} belongs to the chip ${saved.chip}, not to ${chip}` };
  return saved;
}

/**
 * Keeps the charger's memory in a file: written before the reply that tells of a change goes out, and from time to
 * time while a port runs. `failed` is called when the file cannot be written.
 */
export function keepStateFile(of: {
  path: string;
  charger: SimulatedCharger;
  clock: Clock;
  failed: (reason: string) => void;
}): { save: () => void } {
  const { charger, clock, path } = of;
  let next: Timer | undefined;
  const save = (): void => {
    next?.cancel();
    next = undefined;
    const snapshot = charger.snapshot();
    try {
      writeWhole(path, `${JSON.stringify(snapshot)}\n`);
    } catch (error) {
      of.failed(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (!charger.view().powered || !snapshot.ports.some((p) => p.state === "running")) return;
    const delay = millis(Math.max(SAVE_PAUSE_MS, SAVE_EVERY_MS / Math.max(1, charger.speed)));
    next = clock.after(delay, "save the countdown", save);
  };
  charger.onEvent((event) => {
    if (event.kind === "port" || event.kind === "power") save();
  });
  save();
  return { save };
}

/** The file holds either the old text or the new one, also after a power cut of the machine. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  const file = openSync(draft, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
