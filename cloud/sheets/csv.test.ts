import fc from "fast-check";
import { expect, test } from "vitest";
import { BOM, csvLine, guarded, readCsv, yuanText } from "./csv.ts";

test("what is written is read again, whatever it is, but for the guard", () => {
  const field = fc.string({ unit: "grapheme", maxLength: 12 }).map((s) => s.replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), (rows) => {
      const read = readCsv(BOM + rows.map(csvLine).join(""));
      expect(read.problems).toEqual([]);
      expect(read.records.map((r) => r.fields)).toEqual(rows.map((r) => r.map(guarded)));
    }),
  );
});

test("any text is read or refused, and never hangs", () => {
  const noise = fc.array(fc.constantFrom('"', ",", "\n", "\r", "a", " ", BOM), { maxLength: 30 });
  fc.assert(fc.property(noise, (parts) => void readCsv(parts.join(""))));
});

test("lines are counted inside quotes and over empty lines", () => {
  expect(readCsv('a,b\r\n\n"x\ny",z\nlast,')).toEqual({
    records: [
      { line: 1, fields: ["a", "b"] },
      { line: 3, fields: ["x\ny", "z"] },
      { line: 5, fields: ["last", ""] },
    ],
    problems: [],
  });
});

test("a quote that is not closed is told with the line where it opens, and hides no other line", () => {
  expect(readCsv('a\nb,"c\nd\n"e",f\ng"h\n"i\n')).toEqual({
    records: [
      { line: 1, fields: ["a"] },
      { line: 3, fields: ["d"] },
      { line: 4, fields: ["e", "f"] },
    ],
    problems: [
      {
        line: 2,
        problem:
          "behind a closing quote stands a comma or the end of the line; the next one, on line 4, closes it",
      },
      { line: 5, problem: "a quote stands at the beginning of a field only" },
      { line: 6, problem: "a quote is not closed" },
    ],
  });
  expect(readCsv('"a""b\n'.repeat(5000)).problems).toHaveLength(100);
});

test("what another separator would cut out is a field of its own, and no formula", () => {
  expect(csvLine(["某", "a;=cmd|' /C calc'!A0", "1\t=1+1", "x; ＝1", "a;b"])).toBe(
    `某,"a;'=cmd|' /C calc'!A0","1\t'=1+1","x;' ＝1","a;b"\r\n`,
  );
});

test("formulas are guarded in any disguise, and amounts are exact", () => {
  for (const text of ["=1", "+1", "-1", "@a", "＝1", "－1", " =1", "\t=1", "\tx", "\u200b=1"]) {
    expect(guarded(text)).toBe(`'${text}`);
  }
  for (const text of ["1-2", "Li", "138****0001", "某=", ""]) expect(guarded(text)).toBe(text);
  expect([0, 1, 10, 298, -5, 123_456_789].map(yuanText)).toEqual([
    ...["0.00", "0.01", "0.10", "2.98", "-0.05", "1234567.89"],
  ]);
  expect(csvLine([{ fen: -5 }, -5, null, "a,b"])).toBe('-0.05,-5,,"a,b"\r\n');
});
