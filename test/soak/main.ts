import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { plantedCloud, plants } from "./plants.ts";
import { runSoak } from "./soak.ts";

/** Of the longest bar of the table. */
const BAR = 40;
const MINUTES = "3";
/** Long enough for each mistake, each time. */
const PLANTED_SECONDS = 30;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: MINUTES }, plants: { type: "boolean", default: false } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0) || positionals.length > 1) {
  console.error("usage: npm run soak -- [SEED] [--minutes N] [--plants]");
  process.exit(2);
}
const seed = positionals[0] ?? String(randomInt(1_000_000_000));

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
const size = { users: 24, managers: 4, killEveryMs: 8000, signal: stop.signal };
// Who is in the middle of a call waits for nothing any more.
process.exit(values.plants ? await tryPlants() : await soak());

/**
 * `npm run soak -- [SEED] [--minutes N]`: users, managers and an operator against a cloud that is killed again and again. Prints
 * what happened; 1 when anything was found.
 */
async function soak(): Promise<number> {
  const again = `again: npm run soak -- ${seed} --minutes ${minutes}`;
  console.log(`seed ${seed}, ${minutes} minutes; ${again}`);
  const result = await runSoak({ ...size, seed, seconds: minutes * 60, progress });
  progressEnd();
  table(result.counts);
  console.log(`seed ${seed}: ${figures(result)}`);
  for (const finding of result.findings) console.log(`  ${finding}`);
  if (result.findings.length === 0) return 0;
  console.log(again);
  return 1;
}

/** `npm run soak -- --plants`: writes one mistake after another into the cloud; 1 when the soak does not find one. */
async function tryPlants(): Promise<number> {
  let missed = 0;
  for (const plant of plants) {
    const { bundle, remove } = await plantedCloud(plant);
    const result = await runSoak({
      ...size,
      ...{ seed, seconds: PLANTED_SECONDS, cloudBundle: bundle, progress },
    });
    progressEnd();
    remove();
    if (result.findings.length === 0) missed += 1;
    console.log(`${plant.name}: ${result.findings[0]?.slice(0, 160) ?? "NOT FOUND"} (${figures(result)})`);
  }
  console.log(`${plants.length} planted, ${plants.length - missed} found`);
  return missed === 0 ? 0 : 1;
}

/** One line that is written over, where somebody looks. */
function progress(counts: ReadonlyMap<string, number>, findings: readonly string[]): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${figures({ counts: Object.fromEntries(counts), findings })}`);
  }
}
function progressEnd(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

function figures(of: {
  counts: Record<string, number>;
  findings: readonly string[];
  seconds?: number;
}): string {
  const { counts, findings, seconds } = of;
  const n = (...whats: string[]): number => whats.reduce((sum, what) => sum + (counts[what] ?? 0), 0);
  const payments = n("payment in coins", "payment in cash", "payment in both", "purchase of coins");
  const time = seconds === undefined ? "" : ` in ${seconds.toFixed(0)} s`;
  return `${n("call")} calls, ${n("order")} orders, ${payments} payments, ${n("kill -9 of the cloud")} kills, ${findings.length} findings${time}`;
}

function table(counts: Record<string, number>): void {
  const rows = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  const width = Math.max(...rows.map(([what]) => what.length));
  // By magnitude: there are a thousand calls to a kill.
  const most = Math.log1p(rows[0]?.[1] ?? 1);
  for (const [what, n] of rows) {
    const bar = "█".repeat(Math.max(1, Math.round((Math.log1p(n) / most) * BAR)));
    console.log(`  ${what.padEnd(width)} ${String(n).padStart(7)} ${bar}`);
  }
}
