import { instant, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Violation } from "./audit.ts";
import { startAudits } from "./nightly.ts";

/** 2026-11-22 22:00 in Shanghai. */
const EVENING = instant(1_795_356_000_000);
const HOUR = 60;
const minutes = (n: number) => seconds(n * 60);

function begin(of: { found: () => Violation[] }) {
  const clock = new SimulatedClock(EVENING);
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  let times = 0;
  const audits = startAudits({
    ...{ clock, log, zone: "Asia/Shanghai" },
    audit: async () => {
      times += 1;
      return of.found();
    },
  });
  return { clock, lines, audits, times: () => times };
}

test("the books are proven at the start and at half past three by the site's clock, once a night", async () => {
  const { clock, audits, times } = begin({ found: () => [] });
  await clock.advance(minutes(1));
  expect([times(), audits.broken(), audits.time()]).toEqual([1, 0, EVENING]);
  await clock.advance(minutes(5 * HOUR + 20));
  expect(times()).toBe(1);
  await clock.advance(minutes(20));
  expect(times()).toBe(2);
  await clock.advance(minutes(23 * HOUR));
  expect(times()).toBe(2);
  await clock.advance(minutes(HOUR));
  expect(times()).toBe(3);
  await audits.stop();
  await clock.advance(minutes(48 * HOUR));
  expect(times()).toBe(3);
});

test("what is not in order is an error line with names, and a number; one that fails is tried again", async () => {
  const many = Array.from({ length: 30 }, (_, i) => ({
    rule: "whole_coins",
    subject: `t${i}`,
    detail: "50 fen",
  }));
  const answers: (() => Violation[])[] = [
    () => {
      throw new Error("the disk is gone");
    },
    () => many,
  ];
  const { clock, lines, audits } = begin({ found: () => answers.shift()?.() ?? [] });
  await clock.advance(minutes(1));
  expect(audits.broken()).toBeUndefined();
  await clock.advance(minutes(10));
  expect(audits.broken()).toBe(30);
  const [failed, broken] = lines.map((l) => JSON.parse(l));
  expect(failed).toMatchObject({ level: 50, event: "audit.failed" });
  expect(broken).toMatchObject({ level: 50, event: "audit.broken", count: 30 });
  expect(broken.violations).toHaveLength(10);
  expect(broken.violations[0]).toBe("whole_coins t0: 50 fen");
  await audits.stop();
});
