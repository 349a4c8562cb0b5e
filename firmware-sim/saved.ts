import { isChipId } from "@bluepower/protocol/units";

/** What of one port outlives a power cut. */
export type SavedPort = { state: "free" } | { state: "damaged" } | { state: "running"; leftMs: number };

/** What outlives a power cut: remaining time and damage, in the order of the ports. The clock does not (spec 1). */
export interface SavedCharger {
  v: 1;
  chip: string;
  ports: SavedPort[];
}

/** Milliseconds of the three digits that STA has for a running port. */
const LEFT_MAX_MS = 998 * 60_000;

/** Reads what was saved as JSON; the problem is a sentence for people. */
export function readSaved(text: string): SavedCharger | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is no JSON" };
  }
  if (value === null || typeof value !== "object") return { problem: "it holds no object" };
  const { v, chip, ports } = value as Record<string, unknown>;
  if (v !== 1) return { problem: `v is ${JSON.stringify(v)}, 1 is known` };
  if (!isChipId(chip)) return { problem: "chip is no chip ID, 12 of 0-9A-Z" };
  if (!Array.isArray(ports)) return { problem: "ports is no list" };
  const read: SavedPort[] = [];
  for (const [i, port] of ports.entries()) {
    const saved = readPort(port);
    if (saved === undefined)
      return { problem: `ports[${i}] is neither free, damaged nor running with leftMs` };
    read.push(saved);
  }
  return { v, chip, ports: read };
}

function readPort(value: unknown): SavedPort | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const { state, leftMs } = value as Record<string, unknown>;
  if (state === "free" || state === "damaged") return { state };
  if (state !== "running" || typeof leftMs !== "number") return undefined;
  return leftMs > 0 && leftMs <= LEFT_MAX_MS ? { state, leftMs } : undefined;
}
