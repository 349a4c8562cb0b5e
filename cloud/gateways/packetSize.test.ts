import fc from "fast-check";
import { expect, test } from "vitest";
import { packetSizeGuard } from "./packetSize.ts";

/** A packet of MQTT with a body of `length` bytes. */
function packet(length: number): Buffer {
  const header = [0x30];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

test("packets up to the limit pass however they are cut, the first longer one does not", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 700 }),
      fc.integer({ min: 100, max: 1000 }),
      (lengths, cut, limit) => {
        const accepts = packetSizeGuard(limit);
        const stream = Buffer.concat(lengths.map(packet));
        let passed = true;
        for (let at = 0; at < stream.length; at += cut)
          passed = accepts(stream.subarray(at, at + cut)) && passed;
        expect(passed).toBe(lengths.every((l) => l <= limit));
      },
    ),
  );
});

test("a longer packet is refused by its header alone, and a length of five bytes is no length", () => {
  expect(packetSizeGuard(1000)(packet(300_000).subarray(0, 4))).toBe(false);
  expect(packetSizeGuard(1e9)(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]))).toBe(false);
});
