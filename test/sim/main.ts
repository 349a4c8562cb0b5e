import { randomInt } from "node:crypto";
import { runWorld, type WorldResult } from "./world.ts";

/** Charges of one world. */
const CHARGES = 150;

/** `npm run sim -- SEED` runs one world, `npm run sim -- --minutes N` new ones for so long. Ends with 1 at the first violation. */
const [first, second] = process.argv.slice(2);
const minutes = first === "--minutes" ? Number(second) : undefined;
if (first === undefined || (minutes !== undefined && !(minutes > 0))) {
  console.error("usage: npm run sim -- SEED | npm run sim -- --minutes N");
  process.exit(2);
}

const began = performance.now();
const passed = (): number => (performance.now() - began) / 60_000;
const faults: Record<string, number> = {};
let worlds = 0;
let charges = 0;
let simulated = 0;
do {
  const seed = minutes === undefined ? first : String(randomInt(1_000_000_000));
  const result = await runWorld({
    ...{ seed, charges: CHARGES },
    ...(process.env.TRACE === undefined ? {} : { trace: (line) => console.log(line) }),
  });
  tell(seed, result);
  if (result.violations.length > 0) process.exit(1);
  worlds += 1;
  charges += result.charges;
  simulated += result.minutes;
  for (const [kind, n] of Object.entries(result.faults)) faults[kind] = (faults[kind] ?? 0) + n;
} while (minutes !== undefined && passed() < minutes);

console.log(`${worlds} worlds, ${charges} charges, ${(simulated / 1440).toFixed(1)} simulated days`);
for (const [kind, n] of Object.entries(faults).toSorted()) console.log(`  ${kind.padEnd(24)} ${n}`);

function tell(seed: string, result: WorldResult): void {
  const { violations, hash } = result;
  console.log(
    `seed ${seed}: ${result.charges} charges, ${result.orders} orders, ${result.minutes} min, ${hash.slice(0, 16)}`,
  );
  if (violations.length === 0) return;
  for (const violation of violations) console.log(`  ${violation}`);
  console.log(`again: npm run sim -- ${seed}`);
}
