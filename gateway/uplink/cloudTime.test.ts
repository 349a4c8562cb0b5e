import { instant, millis } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { expect, test } from "vitest";
import { CloudTime } from "./cloudTime.ts";

/** The cloud's clock is `ahead` of the gateway's uptime. */
const ahead = 1_800_000_000_000;

function at(): { clock: SimulatedClock; time: CloudTime; cloud: () => number } {
  const clock = new SimulatedClock(instant(0));
  return { clock, time: new CloudTime(clock), cloud: () => ahead + clock.uptime() };
}

test("what the cloud says unasked makes no estimate: it may have lain in a queue", () => {
  const { time, cloud } = at();
  time.heard(cloud());
  expect(time.known).toBe(false);
  expect(time.judge(cloud() + 60_000)).toBe("unknown");
  expect(time.offset()).toBeUndefined();
});

test("an answer that took longer than ten seconds makes no estimate", async () => {
  const { clock, time, cloud } = at();
  const asked = clock.uptime();
  const sentAt = cloud();
  await clock.advance(millis(10_001));
  time.answered(sentAt, asked);
  expect(time.known).toBe(false);
});

test("the true time lies within the round trip, and a deadline is past as soon as it may be", async () => {
  const { clock, time, cloud } = at();
  const asked = clock.uptime();
  await clock.advance(millis(300));
  const sentAt = cloud();
  await clock.advance(millis(700));
  time.answered(sentAt, asked);
  const offset = time.offset() ?? Number.NaN;
  expect(Math.abs(offset - ahead)).toBeLessThanOrEqual(500);
  expect(time.judge(cloud() + 301)).toBe("open");
  expect(time.judge(cloud() + 299)).toBe("past");
  expect(time.judge(cloud() - 1)).toBe("past");
});

test("a jump of the wall clock moves no deadline", async () => {
  const { clock, time, cloud } = at();
  time.answered(cloud(), clock.uptime());
  const deadline = cloud() + 60_000;
  clock.jump(millis(-40 * 365 * 86_400_000));
  expect(time.judge(deadline)).toBe("open");
  clock.jump(millis(80 * 365 * 86_400_000));
  expect(time.judge(deadline)).toBe("open");
  await clock.advance(millis(60_000));
  expect(time.judge(deadline)).toBe("past");
});

test("a late message never turns the estimate back, a newer one of a cloud clock that was set is believed", async () => {
  const { clock, time, cloud } = at();
  time.answered(cloud(), clock.uptime());
  time.heard(cloud() - 3_600_000);
  expect(time.offset()).toBeCloseTo(ahead, -1);
  await clock.advance(millis(1000));
  time.answered(cloud() - 7_200_000, clock.uptime());
  expect(time.offset()).toBeCloseTo(ahead - 7_200_000, -1);
});

test("without answers the estimate grows uncertain slowly, towards late", async () => {
  const { clock, time, cloud } = at();
  time.answered(cloud(), clock.uptime());
  await clock.advance(millis(3_600_000));
  expect(time.judge(cloud() + 500)).toBe("past");
  expect(time.judge(cloud() + 1000)).toBe("open");
});
