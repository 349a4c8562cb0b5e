import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { millis } from "./clock.ts";
import { systemClock } from "./systemClock.ts";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => vi.useRealTimers());

const DAY_MS = 86_400_000;

test("a delay longer than a JavaScript timer can count is still waited out", () => {
  let ran = 0;
  systemClock.after(millis(60 * DAY_MS), "far", () => void ran++);
  vi.advanceTimersByTime(60 * DAY_MS - 1);
  expect(ran).toBe(0);
  vi.advanceTimersByTime(1);
  expect(ran).toBe(1);
});

test("a cancelled timer never runs, also in its second part", () => {
  let ran = 0;
  const timer = systemClock.after(millis(60 * DAY_MS), "far", () => void ran++);
  vi.advanceTimersByTime(30 * DAY_MS);
  timer.cancel();
  vi.advanceTimersByTime(90 * DAY_MS);
  expect(ran).toBe(0);
});

test("a negative delay is none", () => {
  let ran = 0;
  systemClock.after(millis(-5), "now", () => void ran++);
  vi.advanceTimersByTime(0);
  expect(ran).toBe(1);
});
