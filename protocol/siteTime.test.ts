import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instant } from "./clock.ts";
import { chargerTime, instantOf, parseChargerTime, wallTime, wireTime } from "./siteTime.ts";

const at = (iso: string) => instant(Date.parse(iso));
const wall = (iso: string) => wallTime(at(`${iso}Z`), "UTC");

test("Shanghai is eight hours before UTC, also over midnight and the year", () => {
  expect(wireTime(wallTime(at("2026-11-22T02:30:00Z"), "Asia/Shanghai"))).toBe("2026-11-22 10:30:00");
  expect(wireTime(wallTime(at("2026-12-31T16:00:00Z"), "Asia/Shanghai"))).toBe("2027-01-01 00:00:00");
  expect(chargerTime(wallTime(at("2026-11-22T02:30:00.999Z"), "Asia/Shanghai"))).toBe("261122103000");
});

test("midnight is hour 0", () => {
  expect(wallTime(at("2026-01-01T00:00:00Z"), "UTC").hour).toBe(0);
});

test("an unknown zone is a RangeError", () => {
  expect(() => wallTime(instant(0), "Mars/North")).toThrow(RangeError);
});

describe("the charger's time", () => {
  for (const text of ["000101000000", "261122103000", "991231235959", "240229120000"]) {
    test(`${text} goes there and back`, () => {
      const parsed = parseChargerTime(text);
      expect(parsed && chargerTime(parsed)).toBe(text);
    });
  }
  for (const text of [
    ...["", "2611221030", "2611221030000", "26112210300x", " 61122103000", "２61122103000"],
    ...["261322103000", "260022103000", "260230103000", "250229120000", "260100103000"],
    ...["261122240000", "261122106000", "261122100060"],
  ]) {
    test(`${JSON.stringify(text)} is none`, () => expect(parseChargerTime(text)).toBeUndefined());
  }
});

describe("clocks that are set twice a year", () => {
  test("set back: the earlier of two, east and west of Greenwich", () => {
    expect(instantOf(wall("2026-10-25T02:30:00"), "Europe/Berlin")).toBe(at("2026-10-25T00:30:00Z"));
    expect(instantOf(wall("2026-11-01T01:30:00"), "America/New_York")).toBe(at("2026-11-01T05:30:00Z"));
  });
  test("set forward: as if it had not been", () => {
    expect(instantOf(wall("2026-03-29T02:30:00"), "Europe/Berlin")).toBe(at("2026-03-29T01:30:00Z"));
    expect(instantOf(wall("2026-03-08T02:30:00"), "America/New_York")).toBe(at("2026-03-08T07:30:00Z"));
  });
});

test("a date that does not exist has no instant", () => {
  const day = wall("2026-02-28T00:00:00");
  for (const wrong of [
    { day: 30 },
    { month: 13 },
    { month: 0 },
    { day: 0 },
    { hour: 24 },
    { minute: 60 },
    { second: 60 },
  ]) {
    expect(instantOf({ ...day, ...wrong }, "Asia/Shanghai")).toBeUndefined();
  }
});

test("any second of this century is read back, in any of these zones", () => {
  const zones = fc.constantFrom(
    "Asia/Shanghai",
    "UTC",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "America/St_Johns",
  );
  const second = fc.integer({
    min: at("2000-01-02T00:00:00Z") / 1000,
    max: at("2099-12-30T00:00:00Z") / 1000,
  });
  fc.assert(
    fc.property(zones, second, (zone, s) => {
      const shown = wallTime(instant(s * 1000), zone);
      const back = instantOf(shown, zone);
      // Where clocks are set back two instants show the same; the earlier is answered.
      expect(back !== undefined && wireTime(wallTime(back, zone))).toBe(wireTime(shown));
      expect(s * 1000 - (back ?? 0)).toBeOneOf([0, 3_600_000]);
      expect(parseChargerTime(chargerTime(shown))).toEqual(shown);
    }),
    { numRuns: 300 },
  );
});

test("UTC is reckoned as the platform's calendar does, and no time is refused alike", () => {
  for (let ms = -(2 ** 40); ms < 2 ** 42; ms += 86_400_000 * 97 + 12_345_678) {
    expect(wallTime(instant(ms), "UTC")).toEqual(wallTime(instant(ms), "Etc/UTC"));
  }
  for (const zone of ["UTC", "Etc/UTC"])
    expect(() => wallTime(instant(Number.NaN), zone)).toThrow(RangeError);
});
