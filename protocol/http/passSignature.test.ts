import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { passSignature, verifyPassSignature } from "./passSignature.ts";

interface Golden {
  valid: {
    name: string;
    method: string;
    parameters: Record<string, string>;
    secretKey: string;
    publicKey: string;
    signature: string;
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "golden/passSignatures.json"), "utf8"),
);
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const mapOf = (o: Record<string, string>): Map<string, string> => new Map(Object.entries(o));

for (const g of golden.valid) {
  test(g.name, () => {
    const parameters = mapOf(g.parameters);
    const key = hex(g.publicKey);
    expect(passSignature(g.method, parameters, hex(g.secretKey))).toBe(g.signature);
    expect(verifyPassSignature(g.method, parameters, g.signature, key)).toBe(true);
    // Neither its own parameter nor the signature of the interface takes part.
    const others = new Map([...parameters, ["passSign", "x"], ["signature", "y"]]);
    expect(verifyPassSignature(g.method, others, g.signature, key)).toBe(true);

    expect(verifyPassSignature(`${g.method}x`, parameters, g.signature, key)).toBe(false);
    expect(verifyPassSignature(g.method, new Map([...parameters, ["z", "1"]]), g.signature, key)).toBe(false);
    const other = golden.valid.find((v) => v.publicKey !== g.publicKey);
    expect(verifyPassSignature(g.method, parameters, g.signature, hex(other?.publicKey ?? ""))).toBe(false);
  });
}

test("what is no signature or no key is refused without an exception", () => {
  const [g] = golden.valid;
  if (g === undefined) throw new Error("no golden case");
  const parameters = mapOf(g.parameters);
  const key = hex(g.publicKey);
  for (const signature of [
    "",
    "AAAA",
    "not base64 at all",
    "=".repeat(88),
    g.signature.slice(0, -4),
    `${g.signature}AAAA`,
  ]) {
    expect(verifyPassSignature(g.method, parameters, signature, key)).toBe(false);
  }
  for (const wrong of [
    new Uint8Array(0),
    new Uint8Array(31),
    new Uint8Array(33),
    new Uint8Array(32).fill(0xff),
  ]) {
    expect(verifyPassSignature(g.method, parameters, g.signature, wrong)).toBe(false);
  }
});

test("a key of small order cannot sign for every text", () => {
  // The neutral point as key and as R, and S = 0: the equation holds for any message.
  const neutral = hex(`01${"00".repeat(31)}`);
  const signature = Buffer.concat([neutral, Buffer.alloc(32)]).toString("base64");
  expect(verifyPassSignature("newPowerOrder", new Map(), signature, neutral)).toBe(false);
});

test("one signature has one text: unused bits of base64 are not ignored", () => {
  const [g] = golden.valid;
  if (g === undefined) throw new Error("no golden case");
  // 64 bytes leave four unused bits in the last character before the padding.
  const twin = `${g.signature.slice(0, 85)}${String.fromCharCode(g.signature.charCodeAt(85) + 1)}==`;
  expect([...Buffer.from(twin, "base64")]).toEqual([...Buffer.from(g.signature, "base64")]);
  expect(verifyPassSignature(g.method, mapOf(g.parameters), twin, hex(g.publicKey))).toBe(false);
});
