import { instant } from "@bluepower/protocol/clock";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  CommaList_,
  compactTimeIn,
  DeviceCode_,
  EndDate_,
  paged,
  rowsOf,
  StartDate_,
  wireTimeIn,
  Yuan_,
  yuan,
} from "./fields.ts";

const read = <T>(field: z.ZodType<T>, sent: string): T | string => {
  const parsed = field.safeParse(sent);
  return parsed.success ? parsed.data : (parsed.error.issues[0]?.message ?? "");
};

describe("dates", () => {
  const day = { year: 2026, month: 2, day: 28 };
  test.each(["20260228", "2026-02-28"])("%s begins at midnight and ends with its last second", (sent) => {
    expect(read(StartDate_, sent)).toEqual({ ...day, hour: 0, minute: 0, second: 0 });
    expect(read(EndDate_, sent)).toEqual({ ...day, hour: 23, minute: 59, second: 59 });
  });

  test.each(["20260228123456", "2026-02-28 12:34:56"])("%s is that second at both ends", (sent) => {
    const moment = { ...day, hour: 12, minute: 34, second: 56 };
    expect([read(StartDate_, sent), read(EndDate_, sent)]).toEqual([moment, moment]);
  });

  test.each([
    "20260229",
    "2026-13-01",
    "20260228240000",
    "2026-2-28",
    "2026-02-28T12:34:56",
    "202602281234",
    "now",
  ])("%s is no date", (sent) => {
    expect(read(StartDate_, sent)).toContain("yyyyMMddHHmmss");
  });
});

describe("money", () => {
  test("yuan come in as fen and go out as the same yuan, for every amount", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999 }), (amount) => {
        const text = `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
        expect(read(Yuan_, text)).toBe(amount);
        expect(read(Yuan_, String(Number(text)))).toBe(amount);
        expect(JSON.stringify(yuan.parse(amount))).toBe(String(Number(text)));
      }),
    );
  });

  test("a broken number of fen is no answer", () => {
    expect(yuan.safeParse(1.5).success).toBe(false);
  });
});

describe("times", () => {
  const at = instant(Date.UTC(2026, 10, 22, 16, 5, 9));
  test("are the site's wall time; none is empty", () => {
    expect(wireTimeIn("Asia/Shanghai", at)).toBe("2026-11-23 00:05:09");
    expect(wireTimeIn("UTC", at)).toBe("2026-11-22 16:05:09");
    expect(wireTimeIn("UTC", null)).toBe("");
    expect(compactTimeIn("Asia/Shanghai", at)).toBe("20261123000509");
  });
});

describe("pages", () => {
  const input = paged({ orderId: z.string().optional() });
  const says = (sent: Record<string, string>) => {
    const parsed = input.safeParse(sent);
    return parsed.success ? rowsOf(parsed.data) : parsed.error.issues.map((i) => `${i.path}: ${i.message}`);
  };
  test("both page parameters or none, and none beside an order", () => {
    expect(says({ startIndex: "20", pageSize: "10" })).toEqual({ startIndex: 20, pageSize: 10 });
    expect(says({ startIndex: "0", pageSize: "101" })).toEqual({ startIndex: 0, pageSize: 100 });
    expect(says({})).toEqual({ startIndex: 0, pageSize: 10_000 });
    expect(says({ startIndex: "0" })).toEqual(["pageSize: missing, goes with startIndex"]);
    expect(says({ pageSize: "10" })).toEqual(["startIndex: missing, goes with pageSize"]);
    expect(says({ orderId: "x", startIndex: "0", pageSize: "1" })).toEqual([
      "orderId: without startIndex and pageSize",
    ]);
  });
});

describe("lists in one text", () => {
  const codes = CommaList_(DeviceCode_, "8 letters or digits");
  test("each value once and in its form, or nothing is taken", () => {
    expect(read(codes, "DEMO0001,DEMO0002")).toEqual(["DEMO0001", "DEMO0002"]);
    for (const bad of [
      "",
      ",",
      "DEMO0001,",
      "DEMO0001, DEMO0002",
      "DEMO0001,DEMO0001",
      "DEMO0001;DEMO0002",
    ]) {
      expect(read(codes, bad)).toBe("1 to 100 of 8 letters or digits, separated by commas, each once");
    }
    const many = Array.from({ length: 101 }, (_, i) => `DEV${String(i).padStart(5, "0")}`);
    expect(read(codes, many.join(","))).toContain("1 to 100");
    expect(read(codes, many.slice(1).join(","))).toHaveLength(100);
  });
});
