import fc from "fast-check";
import { expect, test } from "vitest";
import { BOM, csvLine, guarded, readCsv, yuanText } from "./csv.ts";

test("what is written is read again, whatever it is, but for the guard", () => {
  const field = fc.string({ unit: "grapheme", maxLength: 12 }).map((s) => s.replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), (rows) => {
      const read = readCsv(BOM + rows.map(csvLine).join(""));
      if (!Array.isArray(read)) throw new Error(read.problem);
      expect(read.map((r) => r.fields)).toEqual(rows.map((r) => r.map(guarded)));
    }),
  );
});

test("any text is read or refused, and never hangs", () => {
  const noise = fc.array(fc.constantFrom('"', ",", "\n", "\r", "a", " ", BOM), { maxLength: 30 });
  fc.assert(fc.property(noise, (parts) => void readCsv(parts.join(""))));
});

test("lines are counted inside quotes and over empty lines", () => {
  expect(readCsv('a,b\r\n\n"x\ny",z\nlast,')).toEqual([
    { line: 1, fields: ["a", "b"] },
    { line: 3, fields: ["x\ny", "z"] },
    { line: 5, fields: ["last", ""] },
  ]);
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
