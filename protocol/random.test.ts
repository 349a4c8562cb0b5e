import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BASE62, below, chance, type Random, secureRandom, seededRandom, text } from "./random.ts";

const draws = (random: Random, n: number): number[] => Array.from({ length: n }, () => random.u32());

test("the same seed gives the same draws, another seed others", () => {
  expect(draws(seededRandom(7), 20)).toEqual(draws(seededRandom("7"), 20));
  expect(draws(seededRandom(7), 20)).not.toEqual(draws(seededRandom(8), 20));
});

test("a draw shifts nothing in a fork, and a fork nothing in its source", () => {
  const [a, b] = [seededRandom("world"), seededRandom("world")];
  draws(a, 100);
  const forked = a.fork("radio");
  expect(draws(forked, 20)).toEqual(draws(b.fork("radio"), 20));
  draws(b, 100);
  expect(draws(a, 20)).toEqual(draws(b, 20));
  expect(draws(seededRandom("world").fork("radio"), 5)).not.toEqual(
    draws(seededRandom("world").fork("order"), 5),
  );
});

test("below stays below, and refuses what is no bound", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
      const drawn = below(seededRandom(seed), n);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < n).toBe(true);
    }),
  );
  for (const n of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN])
    expect(() => below(seededRandom(1), n)).toThrow(RangeError);
});

test("draws at the end that would favour small numbers are thrown away", () => {
  const given = [2 ** 32 - 1, 5];
  const random: Random = { u32: () => given.shift() ?? 0, fork: () => random };
  // 2^32 is one more than a multiple of 3.
  expect(below(random, 3)).toBe(2);
  expect(given).toEqual([]);
});

test("chance 0 never, 1 always, a half about half of the time", () => {
  const random = seededRandom("chance");
  const hits = (p: number): number =>
    Array.from({ length: 10_000 }, () => chance(random, p)).filter(Boolean).length;
  expect(hits(0)).toBe(0);
  expect(hits(1)).toBe(10_000);
  expect(hits(0.5)).toBeGreaterThan(4700);
  expect(hits(0.5)).toBeLessThan(5300);
});

test("text uses every character of the alphabet; the secure source fills from the platform", () => {
  const secure = secureRandom((bytes) => randomFillSync(bytes));
  const long = text(secure, 5000, BASE62);
  expect(long).toMatch(/^[0-9A-Za-z]{5000}$/);
  expect(new Set(long).size).toBe(62);
  expect(text(secure, 0, BASE62)).toBe("");
});
