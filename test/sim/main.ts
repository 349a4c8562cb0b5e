import { randomInt } from "node:crypto";
import { runWorld, type WorldResult } from "./world.ts";

/** Charges of one world. */
const CHARGES = 1000;
/** Of the longest bar of the table. */
const BAR = 40;

/**
 * `npm run sim -- SEED [CHARGES]` runs one world, `npm run sim -- --minutes N` new ones for so long. Ends with 1 at the first
 * violation. TRACE=1 prints the whole history.
 */
const [first, second] = process.argv.slice(2);
const minutes = first === "--minutes" ? Number(second) : undefined;
const charges = minutes === undefined ? Number(second ?? CHARGES) : CHARGES;
if (first === undefined || (minutes !== undefined && !(minutes > 0)) || !(charges > 0)) {
  console.error("usage: npm run sim -- SEED [CHARGES] | npm run sim -- --minutes N");
  process.exit(2);
}

// Worlds remove their folders at the exit of the process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const began = performance.now();
const seconds = (): number => (performance.now() - began) / 1000;
const faults: Record<string, number> = {};
const looks: Record<string, number> = {};
const all = { worlds: 0, charges: 0, simulated: 0 };
do {
  const seed = minutes === undefined ? first : String(randomInt(1_000_000_000));
  // A world that throws has said nothing else.
  console.log(
    `seed ${seed}: begins; again: npm run sim -- ${seed}${charges === CHARGES ? "" : ` ${charges}`}`,
  );
  const result = await runWorld({
    ...{ seed, charges },
    ...(process.env.TRACE === undefined ? {} : { trace: (line) => console.log(line) }),
    progress: (now) => progress(`seed ${seed}: ${now} of ${charges} charges, ${seconds().toFixed(0)} s`),
  });
  progress("");
  tell(seed, result);
  if (result.violations.length > 0) process.exit(1);
  all.worlds += 1;
  all.charges += result.charges;
  all.simulated += result.minutes;
  add(faults, result.faults);
  add(looks, result.looks);
} while (minutes !== undefined && seconds() < minutes * 60);

const rate = (all.charges / seconds()).toFixed(0);
const days = (all.simulated / 1440).toFixed(1);
console.log(
  `${all.worlds} worlds, ${all.charges} charges (${rate} a second), ${days} simulated days, 0 violations; faults:`,
);
table(faults);
console.log("looked for something unsafe after each:");
table(looks);

/** One line that is written over, where somebody looks. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

function add(all: Record<string, number>, more: Record<string, number>): void {
  for (const [kind, n] of Object.entries(more)) all[kind] = (all[kind] ?? 0) + n;
}

function table(counts: Record<string, number>): void {
  const rows = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  const most = rows[0]?.[1] ?? 1;
  const width = Math.max(...rows.map(([kind]) => kind.length));
  for (const [kind, n] of rows) {
    const bar = "█".repeat(Math.max(1, Math.round((n / most) * BAR)));
    console.log(`  ${kind.padEnd(width)} ${String(n).padStart(6)} ${bar}`);
  }
}

function tell(seed: string, result: WorldResult): void {
  const { violations, hash } = result;
  console.log(
    `seed ${seed}: ${result.charges} charges, ${result.orders} orders, ${result.minutes} simulated minutes, history ${hash.slice(0, 16)}`,
  );
  if (violations.length === 0) return;
  for (const violation of violations) console.log(`  ${violation}`);
  const command = `npm run sim -- ${seed}${charges === CHARGES ? "" : ` ${charges}`}`;
  console.log(`again: ${command}`);
  console.log(`with its history: TRACE=1 ${command} > history.txt`);
}
