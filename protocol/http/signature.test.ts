import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { httpSignature, signedText, verifyHttpSignature } from "./signature.ts";

interface Golden {
  valid: {
    name: string;
    body: string;
    parameters: Record<string, string>;
    jamCode: string;
    signedText: string;
    signature: string;
    hexSignature: string;
  }[];
  invalid: { name: string; of: string; signature: string }[];
}
const golden: Golden = JSON.parse(readFileSync(join(import.meta.dirname, "golden/signatures.json"), "utf8"));
const mapOf = (o: Record<string, string>): Map<string, string> => new Map(Object.entries(o));

for (const g of golden.valid) {
  test(g.name, () => {
    const parameters = mapOf(g.parameters);
    // The parameters are what stands in the body, character by character.
    for (const [name, value] of parameters)
      expect(g.body).toMatch(new RegExp(`"${name}":"?${value}"?[,}]`, "u"));
    expect(signedText(parameters)).toBe(g.signedText);
    expect(httpSignature(parameters, g.jamCode)).toBe(g.signature);
    expect(g.signature).toHaveLength(24);
    expect(g.hexSignature).toHaveLength(44);
    expect(verifyHttpSignature(parameters, g.signature, g.jamCode)).toBe(true);
    expect(verifyHttpSignature(parameters, g.hexSignature, g.jamCode)).toBe(true);
    expect(verifyHttpSignature(parameters, g.signature, `${g.jamCode.slice(0, -1)}6`)).toBe(false);
  });
}

describe("refused", () => {
  for (const { name, of, signature } of golden.invalid) {
    test(name, () => {
      const g = golden.valid.find((v) => v.name === of);
      if (g === undefined) throw new Error(`no case ${of}`);
      expect(verifyHttpSignature(mapOf(g.parameters), signature, g.jamCode)).toBe(false);
    });
  }
});

const parameters = fc
  .dictionary(fc.stringMatching(/^[A-Za-z]{1,12}$/), fc.string({ unit: "binary", maxLength: 20 }), {
    maxKeys: 8,
  })
  .map((o) => mapOf(o));

test("any parameters: Node's own MD5 agrees, the order of the map does not matter, nothing throws", () => {
  fc.assert(
    fc.property(parameters, fc.string(), (map, jam) => {
      const text = [...map]
        .filter(([name]) => name !== "signature" && name !== "passSign")
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map(([name, value]) => name + value)
        .join("");
      const expected = createHash("md5")
        .update(text + jam, "utf8")
        .digest("base64");
      expect(httpSignature(map, jam)).toBe(expected);
      expect(httpSignature(new Map([...map].reverse()), jam)).toBe(expected);
    }),
  );
});

test("passSign of a local call takes no part: it is made over the same text, in whichever order", () => {
  const call = mapOf({ pnum: "3", pass: "p", nonce: "n" });
  const signed = new Map([...call, ["passSign", "c2lnbmVk"]]);
  expect(httpSignature(signed, "123456")).toBe(httpSignature(call, "123456"));
  expect(
    verifyHttpSignature(new Map([...signed, ["pass", "q"]]), httpSignature(call, "123456"), "123456"),
  ).toBe(false);
});

test("a parameter that changes, comes or goes is noticed", () => {
  fc.assert(
    fc.property(parameters, fc.string({ minLength: 1 }), (map, jam) => {
      const signature = httpSignature(map, jam);
      const more = new Map([...map, ["zzzzzzzzzzzzz", "1"]]);
      expect(verifyHttpSignature(more, signature, jam)).toBe(false);
      for (const [name, value] of map) {
        if (name === "signature" || name === "passSign") continue;
        expect(verifyHttpSignature(new Map([...map, [name, `${value}0`]]), signature, jam)).toBe(false);
      }
    }),
  );
});
