import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { planted } from "../planted/plant.ts";
import { plants } from "./plants.ts";
import { runSoak } from "./soak.ts";

/** A short run; `npm run soak` is the long one. */
test("people, notifications and kills of the cloud: every invariant holds, and nothing that was acknowledged is lost", {
  timeout: 300_000,
}, async () => {
  const seed = 1;
  const { findings, counts } = await runSoak({
    seed,
    seconds: 20,
    users: 10,
    managers: 3,
    killEveryMs: 6000,
  });
  expect(findings, `again: npm run soak -- ${seed}`).toEqual([]);
  // What never happens proves nothing.
  for (const what of ["order", "charge", "purchase of coins", "call repeated", "login"]) {
    expect(counts[what] ?? 0, what).toBeGreaterThan(0);
  }
  expect(counts["kill -9 of the cloud"]).toBeGreaterThan(2);
});

test.each(plants)("$name: can be planted, and is found by the soak at night", (plant) => {
  const text = readFileSync(plant.file, "utf8");
  expect(planted(plant, text)).not.toBe(text);
});
