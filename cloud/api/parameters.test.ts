import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Read, readForm, readJson } from "./parameters.ts";

const plain = (read: Read): unknown =>
  "problem" in read ? read.problem : Object.fromEntries(read.parameters);

describe("a JSON body", () => {
  test("a number is the literal as written, escapes are resolved, null is absent, an empty text is there", () => {
    const body =
      ' {"money":1.50,\n"unit": 3 , "e":1E+2,"userName":"\\u738b\\t\\"","x":null,"empty":"","b":true}\r\n';
    expect(plain(readJson(body))).toEqual({
      money: "1.50",
      unit: "3",
      e: "1E+2",
      userName: '王\t"',
      empty: "",
      b: "true",
    });
    expect(readJson(body)).toMatchObject({ booleans: new Set(["b"]) });
    expect(plain(readJson("{}"))).toEqual({});
    expect(plain(readJson('{"__proto__":"x"}'))).toEqual(JSON.parse('{"__proto__":"x"}'));
  });

  test.each([
    ['{"a":1,"a":1}', "a is given twice"],
    ['{"a":"x","\\u0061":"x"}', "a is given twice"],
    ['{"a":null,"a":"x"}', "a is given twice"],
    ['{"a":{}}', "a is one text or number"],
    ['{"a":["x"]}', "a is one text or number"],
    ['{"\\u0000":[]}', "a parameter is one text or number"],
  ])("%s: %s", (body, problem) => {
    expect(plain(readJson(body))).toBe(problem);
  });

  test.each([
    "",
    "null",
    "[]",
    '"a"',
    "1",
    "{",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":01}',
    '{"a":.5}',
    '{"a":1.}',
    '{"a":+1}',
    '{"a":NaN}',
    '{"a":tru}',
    '{"a":1}{"b":1}',
    "{'a':1}",
    '{"a":"\n"}',
    '{"a":"\\x"}',
    '{"a":"\\u12"}',
    '{"a":1 "b":2}',
    "{a:1}",
    '{"a":1',
  ])("%j is no JSON object", (body) => {
    expect(plain(readJson(body))).toBe("the body is no JSON object");
  });

  test("agrees with JSON.parse on every object of texts and numbers", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const object = fc.dictionary(fc.string({ unit: "binary" }), value);
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, "\t"), (given, indent) => {
        const body = JSON.stringify(given, undefined, indent);
        const read = readJson(body);
        if ("problem" in read) throw new Error(read.problem);
        const parsed = JSON.parse(body) as Record<string, string | number>;
        expect(new Set(read.parameters.keys())).toEqual(new Set(Object.keys(parsed)));
        for (const [name, text] of read.parameters) {
          const expected = parsed[name];
          expect(typeof expected === "number" ? Number(text) : text).toBe(expected);
        }
      }),
    );
  });

  test("never throws, and takes nothing that JSON.parse does not take", () => {
    const noise = fc.string({
      unit: fc.constantFrom(...'{}[]:,"\\ua01.-eE+ tn\n'.split(""), "true", "null"),
    });
    fc.assert(
      fc.property(noise, (body) => {
        if ("parameters" in readJson(body)) JSON.parse(body);
      }),
      { numRuns: 2000 },
    );
  });

  test("a long text of escapes is read without trouble", () => {
    const long = "\\n".repeat(32_000);
    expect(plain(readJson(`{"a":"${long}"}`))).toEqual({ a: "\n".repeat(32_000) });
    expect(plain(readJson(`{"a":"${long}`))).toBe("the body is no JSON object");
  });
});

describe("a form body", () => {
  test("names and values are decoded, an empty value stays", () => {
    expect(plain(readForm("userName=%E7%8E%8B+a&unit=3&x="))).toEqual({ userName: "王 a", unit: "3", x: "" });
    expect(plain(readForm(""))).toEqual({});
  });

  test("a name that is given twice is named", () => {
    expect(plain(readForm("a=1&b=2&a=1"))).toBe("a is given twice");
  });
});
