import fc from "fast-check";
import { expect, test } from "vitest";
import { begin, type Countdown, nextReading, observe, provenLeft, ranOut } from "./countdown.ts";

const MINUTE = 60_000;
const INTERVAL = 30_000;

/** Reads a charger that counts `speed` times as fast, each reading late by a jitter, until the port is free. */
function follow(of: { minutes: number; speed: number; offset: number; jitter: () => number }): {
  countdown: Countdown;
  at: number;
  readings: number;
} {
  const left = (at: number): number => of.minutes - of.offset - (at / MINUTE) * of.speed;
  let countdown = begin(Math.ceil(left(0)), 0);
  for (let readings = 1; ; readings++) {
    const at = nextReading(countdown, INTERVAL) + of.jitter();
    if (left(at) <= 0) return { countdown, at, readings };
    const seen = observe(countdown, Math.ceil(left(at)), at);
    if (seen === "meddled")
      throw new Error(`called meddled at ${at} ms with ${left(at)} left: ${JSON.stringify(countdown)}`);
    countdown = seen;
  }
}

test("an undisturbed countdown of any pace is followed to its end, and the end is one by time", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5, max: 360 }),
      fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 600 })),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 50 }),
      (minutes, speed, offset, jitters) => {
        // Whoever counts down within a second or two is read too seldom to be followed.
        fc.pre((minutes / speed) * 60 > 3);
        let n = 0;
        const { countdown, at } = follow({
          minutes,
          speed,
          offset,
          jitter: () => jitters[n++ % jitters.length] ?? 0,
        });
        expect(ranOut(countdown, at)).toBe(true);
      },
    ),
    { numRuns: 3000 },
  );
});

test("the end is found within seconds, and a charge of two hours takes few readings", () => {
  const { at, readings } = follow({ minutes: 120, speed: 1, offset: 0, jitter: () => 100 });
  expect(at).toBeLessThan(120 * MINUTE + 5000);
  expect(readings).toBeLessThan(260);
});

test("a port that is free early has not run out", () => {
  let countdown = begin(120, 0);
  for (let at = INTERVAL; at <= 20 * MINUTE; at += INTERVAL) {
    const seen = observe(countdown, Math.ceil(120 - at / MINUTE), at);
    if (seen === "meddled") throw new Error("meddled");
    countdown = seen;
  }
  expect(ranOut(countdown, 20 * MINUTE + INTERVAL)).toBe(false);
  expect(provenLeft(countdown)).toBe(100);
});

test("a switch to fewer minutes is no quicker pace: nothing is proven by it", () => {
  const first = observe(begin(120, 0), 10, INTERVAL);
  if (first === "meddled") throw new Error("too early to tell");
  expect(provenLeft(first)).toBe(120);
  expect(observe(first, 10, INTERVAL + 4000)).toBe("meddled");
});

test("a switch to more minutes, or to fewer when the pace is known, is seen at once", () => {
  expect(observe(begin(50, 0), 51, 1000)).toBe("meddled");
  const known = observe(begin(50, 0), 45, 5 * MINUTE);
  if (known === "meddled") throw new Error("meddled");
  expect(known.pace).toBe(1);
  expect(observe(known, 20, 5 * MINUTE + INTERVAL)).toBe("meddled");
});

test("a power cut moves the end away", () => {
  const before = observe(begin(50, 0), 45, 5 * MINUTE);
  if (before === "meddled") throw new Error("meddled");
  const after = observe(before, 45, 65 * MINUTE);
  if (after === "meddled") throw new Error("meddled");
  expect(after.end).toBe(110 * MINUTE);
});
