import fc from "fast-check";
import { expect, test } from "vitest";
import { base64, equalConstantTime, fromBase64, utf8 } from "./text.ts";

test("utf8 is what the platform writes, lone surrogates too", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ud800", "a\udc00b", "工地😀", "")),
      (text) => {
        expect([...utf8(text)]).toEqual([...new TextEncoder().encode(text)]);
      },
    ),
  );
});

test("base64 is what the platform writes, and is read back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const text = base64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect([...(fromBase64(text) ?? [])]).toEqual([...bytes]);
    }),
  );
});

test("what is no base64 is undefined, never an exception", () => {
  for (const text of ["A", "AA", "AAA", "A===", "====", "AA=A", "AA==AAAA", "AAA-", "AA A", "AB==", "AAB="]) {
    expect(fromBase64(text), text).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      const bytes = fromBase64(text);
      if (bytes !== undefined) expect(base64(bytes)).toBe(text);
    }),
  );
});

test("equalConstantTime is equality", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalConstantTime(a, b) === (a === b)));
  expect(equalConstantTime("工地", "工地")).toBe(true);
  expect(equalConstantTime("a", "a\0")).toBe(false);
  expect(equalConstantTime("abcd", "abce")).toBe(false);
  expect(equalConstantTime("abcd", "abc")).toBe(false);
  expect(equalConstantTime("", "abcd")).toBe(false);
});
