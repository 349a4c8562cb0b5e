import { randomInt } from "node:crypto";
import { runSoak } from "./soak.ts";

/** Of the longest bar of the table. */
const BAR = 40;
const MINUTES = 3;

/**
 * `npm run soak -- [SEED] [--minutes N]`: users, managers and an operator against a cloud that is killed again and again. Prints
 * what happened, and ends with 1 when anything was found.
 */
const args = process.argv.slice(2);
const at = args.indexOf("--minutes");
const minutes = at < 0 ? MINUTES : Number(args[at + 1]);
const rest = at < 0 ? args : args.toSpliced(at, 2);
if (!(minutes > 0) || rest.length > 1) {
  console.error("usage: npm run soak -- [SEED] [--minutes N]");
  process.exit(2);
}
const seed = rest[0] ?? String(randomInt(1_000_000_000));
const again = `again: npm run soak -- ${seed} --minutes ${minutes}`;
console.log(`seed ${seed}, ${minutes} minutes; ${again}`);

const began = performance.now();
const { counts, findings, seconds } = await runSoak({
  ...{ seed, seconds: minutes * 60, users: 24, managers: 4, killEveryMs: 8000 },
  progress(now, found) {
    if (!process.stderr.isTTY) return;
    const passed = ((performance.now() - began) / 1000).toFixed(0);
    const n = (what: string): number => now.get(what) ?? 0;
    const line = `${passed} s: ${n("call")} calls, ${n("order")} orders, ${n("kill -9 of the cloud")} kills, ${found.length} findings`;
    process.stderr.write(`\r\x1b[K${line}`);
  },
});
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const rows = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
const width = Math.max(...rows.map(([what]) => what.length));
const most = Math.log1p(rows[0]?.[1] ?? 1);
for (const [what, n] of rows) {
  // By magnitude: there are a thousand calls to a kill.
  const bar = "█".repeat(Math.max(1, Math.round((Math.log1p(n) / most) * BAR)));
  console.log(`  ${what.padEnd(width)} ${String(n).padStart(7)} ${bar}`);
}
const n = (what: string): number => counts[what] ?? 0;
const payments = ["payment in coins", "payment in cash", "payment in both", "purchase of coins"];
console.log(
  `seed ${seed}: ${n("order")} orders, ${payments.reduce((sum, p) => sum + n(p), 0)} payments, ` +
    `${n("kill -9 of the cloud")} kills, ${findings.length} findings in ${seconds.toFixed(0)} s`,
);
for (const finding of findings) console.log(`  ${finding}`);
if (findings.length > 0) {
  console.log(again);
  process.exitCode = 1;
}
