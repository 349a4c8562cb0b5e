import { describe, expect, test } from "vitest";
import { runWorld } from "./world.ts";
import type { Plant } from "./worldPlant.ts";

/** A world takes some seconds of a core; the machine may be busy. */
const TIME = 240_000;
const CHARGES = 125;
/** Three in the daily tests; `npm run nightly` says more. */
const seeds = Array.from({ length: Number(process.env.WORLD_SEEDS ?? 3) }, (_, i) => i + 1);

/** What a failure prints: everything that is wrong, and how to see it again. */
const again = (seed: number): string => `again: npm run sim -- ${seed}`;

describe("the world: cloud, gateway, chargers and people on simulated time, with faults from a seed", () => {
  const hashes = new Set<string>();

  test.each(seeds)(
    "seed %i: nothing unsafe at any moment, and everything comes together",
    { timeout: TIME },
    async (seed) => {
      const result = await runWorld({ seed, charges: CHARGES });
      expect(result.violations, again(seed)).toEqual([]);
      expect(result.charges).toBeGreaterThanOrEqual(CHARGES);
      hashes.add(result.hash);
    },
  );

  test("the same seed gives the same history, another one another", { timeout: TIME }, async () => {
    const lines: [string[], string[]] = [[], []];
    const [first, second] = [
      await runWorld({ seed: 9, charges: 40, trace: (line) => lines[0].push(line) }),
      await runWorld({ seed: 9, charges: 40, trace: (line) => lines[1].push(line) }),
    ];
    expect(lines[1].find((line, i) => line !== lines[0][i])).toBe(undefined);
    expect(second.hash).toBe(first.hash);
    expect(hashes).not.toContain(first.hash);
  });
});

describe("a bug that the world itself plays is seen", () => {
  const plants: [Plant, RegExp][] = [
    ["told cancelled is billed", /told to be cancelled and is billed/],
    ["coins from nothing", /pmoney_is_coins/],
    ["port without an order", /runs without an order that the gateway has stored/],
    ["minutes made up", /not settled: order [0-9]+: cloud finished/],
  ];
  test.each(plants)("%s", { timeout: TIME }, async (plant, seen) => {
    const { violations } = await runWorld({ seed: 1, charges: 40, plant });
    expect(violations.join("\n")).toMatch(seen);
  });
});
