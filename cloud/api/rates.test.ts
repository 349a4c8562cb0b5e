import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { expect, test } from "vitest";
import { KEYS_MAX, rates } from "./rates.ts";

test("a flood of keys is counted in bounded memory, the oldest are forgotten and not the newest", () => {
  const limits = rates(new SimulatedClock(instant(0)));
  expect(limits.take("first", 1)).toBeNull();
  for (let i = 0; i < KEYS_MAX + 10; i++) limits.take(`flood ${i}`, 1);
  expect(limits.size()).toBe(KEYS_MAX);
  expect(limits.take(`flood ${KEYS_MAX + 9}`, 1)).toBe(60);
  expect(limits.take("first", 1)).toBeNull();
});

test("the seconds to wait are those to the end of the minute, after which calls are free again", async () => {
  const clock = new SimulatedClock(instant(0));
  const limits = rates(clock);
  expect([limits.take("a", 1), limits.take("a", 1)]).toEqual([null, 60]);
  await clock.advance(seconds(50.5));
  expect(limits.take("a", 1)).toBe(10);
  await clock.advance(seconds(9.5));
  expect(limits.take("a", 1)).toBeNull();
});
