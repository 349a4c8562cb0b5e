import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { planted } from "../planted/plant.ts";
import { plants } from "./plants.ts";
import { runSoak } from "./soak.ts";

/** What never happens proves nothing. */
const atLeast = {
  order: 10,
  charge: 10,
  "purchase of coins": 5,
  "call repeated": 10,
  "kill -9 of the cloud": 3,
};

/** A short run; `npm run soak` is the long one. */
test("people, notifications and kills of the cloud: every invariant holds, and nothing that was acknowledged is lost", {
  timeout: 480_000,
}, async () => {
  const seed = 1;
  const { findings, counts } = await runSoak({
    ...{ seed, seconds: 20, atLeast, users: 10, managers: 3, killEveryMs: 6000 },
  });
  expect(findings, `again: npm run soak -- ${seed}`).toEqual([]);
  for (const [what, n] of Object.entries(atLeast)) {
    expect(counts[what] ?? 0, what).toBeGreaterThanOrEqual(n);
  }
});

test.each(plants)("$name: can be planted, and is found by the soak at night", (plant) => {
  const text = readFileSync(plant.file, "utf8");
  expect(planted(plant, text)).not.toBe(text);
});
