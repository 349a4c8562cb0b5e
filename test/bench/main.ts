import { cpus } from "node:os";
import { one, startSite } from "../e2e/site.ts";

/**
 * `npm run bench`: figures as ratios to a limit that is measured in the same run, because absolute ones depend on the
 * machine. All programs are real processes; the air is the virtual one with the `instant` timing.
 */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 60);

const site = await startSite({ chargers: [{ code: "BENCH001", chip: "A1B2C3D4E5F6", price: "0.01" }] });
try {
  await site.reachable("BENCH001");
  let who = await site.user("13800000000");
  const http: number[] = [];
  const start: number[] = [];
  const timed = async <T>(into: number[], work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    into.push(performance.now() - began);
    return result;
  };
  for (let round = 0; round < ROUNDS; round++) {
    // A session may make 60 changes of money a minute.
    if (round % 15 === 14) who = await site.user(String(13_800_000_000 + round));
    await timed(http, () => site.call("getSystemTime", {}));
    const opened = one(
      await timed(start, () =>
        site.call("newPowerOrder", {
          ...who,
          deviceCode: "BENCH001",
          port: (round % 4) + 1,
          unitPrice: "0.01",
          unit: 1,
          money: "0.01",
        }),
      ),
    );
    if (opened.state !== "charging") throw new Error(`round ${round}: ${JSON.stringify(opened)}`);
    const orderId = String(opened.orderId);
    one(await site.call("stopPowerOrder", { ...who, orderId }));
    await site.pay(who, orderId, "0.01");
    if (process.stderr.isTTY) process.stderr.write(`\r${round + 1}/${ROUNDS}`);
  }
  const at = (values: number[], q: number): number =>
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
  const row = (name: string, values: number[]): string =>
    `${name.padEnd(44)} p50 ${at(values, 0.5).toFixed(1).padStart(7)} ms   p99 ${at(values, 0.99).toFixed(1).padStart(7)} ms`;
  console.log(`${cpus().length} cores, Node ${process.version}, ${ROUNDS} rounds`);
  console.log(row("HTTP alone (getSystemTime)", http));
  console.log(row("request to confirmed POWERON (newPowerOrder)", start));
  console.log(`${"ratio p50".padEnd(44)} ${(at(start, 0.5) / at(http, 0.5)).toFixed(1)}`);
} finally {
  await site.stop();
}
