import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createH4Reader, H4, H4_PACKET_MAX } from "./h4.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const RESET = "01030c00";
const RESET_COMPLETE = "040e0401030c00";
const ACL = "02402007000300040012abcd";

describe("the H4 reader", () => {
  const cases = [
    { name: "one packet", chunks: [RESET], packets: [RESET] },
    { name: "every kind", chunks: ["0201200100aa", "0302000155", "05022001c0ff"], packets: 3 },
    { name: "two packets in one chunk", chunks: [RESET + RESET_COMPLETE], packets: [RESET, RESET_COMPLETE] },
    { name: "cut in the header", chunks: ["0240", "2007000300040012abcd"], packets: [ACL] },
    { name: "cut in the payload", chunks: ["040e0401", "030c00"], packets: [RESET_COMPLETE] },
    { name: "cut after the indicator", chunks: ["04", "0e0401030c00"], packets: [RESET_COMPLETE] },
    {
      name: "the rest of one and the beginning of the next",
      chunks: ["0103", "0c0004", "0e0401030c00"],
      packets: 2,
    },
    { name: "an empty chunk", chunks: [""], packets: [] },
    { name: "an incomplete packet", chunks: ["040e0401"], packets: [] },
    {
      name: "flags in the length of ISO data are no length",
      chunks: ["050000018042"],
      packets: ["050000018042"],
    },
  ];
  it.each(cases)("$name", ({ chunks, packets }) => {
    const reader = createH4Reader();
    const read = chunks.flatMap((chunk) => {
      const result = reader.push(bytes(chunk));
      expect(result.problem).toBeUndefined();
      return result.packets.map(hex);
    });
    if (typeof packets === "number") expect(read).toHaveLength(packets);
    else expect(read).toEqual(packets);
  });

  it("gives what came before an unknown indicator, names it, and reads no more", () => {
    const reader = createH4Reader();
    const first = reader.push(bytes(`${RESET}ff${RESET}`));
    expect(first.packets.map(hex)).toEqual([RESET]);
    expect(first.problem).toEqual({ kind: "unknown_indicator", indicator: 0xff });
    expect(reader.push(bytes(RESET))).toEqual({ packets: [], problem: first.problem });
  });

  it("gives packets that a later push does not change", () => {
    const reader = createH4Reader();
    const [packet] = reader.push(bytes(RESET)).packets;
    reader.push(bytes("01ffff00"));
    expect(hex(packet ?? new Uint8Array())).toBe(RESET);
  });

  it("reads the longest packet there is, byte by byte", () => {
    const longest = new Uint8Array(H4_PACKET_MAX).fill(7);
    longest.set([H4.ACL_DATA, 0x40, 0x20, 0xff, 0xff]);
    const reader = createH4Reader();
    const read: Uint8Array[] = [];
    for (let i = 0; i < longest.length; i++) read.push(...reader.push(longest.subarray(i, i + 1)).packets);
    expect(read).toEqual([longest]);
  });

  const packet = fc.oneof(
    fc.tuple(fc.nat(0xffff), fc.uint8Array({ maxLength: 255 })).map(([opcode, payload]) => {
      return [H4.COMMAND, opcode & 255, opcode >> 8, payload.length, ...payload];
    }),
    fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 255 })).map(([code, payload]) => {
      return [H4.EVENT, code, payload.length, ...payload];
    }),
    fc.tuple(fc.nat(0xffff), fc.uint8Array({ maxLength: 600 })).map(([handle, payload]) => {
      return [H4.ACL_DATA, handle & 255, handle >> 8, payload.length & 255, payload.length >> 8, ...payload];
    }),
  );

  it("reads the same packets however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 300 })),
        (packets, cuts) => {
          const stream = Uint8Array.from(packets.flat());
          const reader = createH4Reader();
          const read: number[][] = [];
          let at = 0;
          for (const cut of [...cuts, stream.length]) {
            read.push(...reader.push(stream.subarray(at, at + cut)).packets.map((each) => [...each]));
            at += cut;
          }
          expect(read).toEqual(packets);
        },
      ),
    );
  });

  it("takes any bytes at all without throwing, and invents none", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const reader = createH4Reader();
        const read = chunks.flatMap((chunk) => reader.push(chunk).packets.map((each) => hex(each)));
        expect(
          chunks
            .map((chunk) => hex(chunk))
            .join("")
            .startsWith(read.join("")),
        ).toBe(true);
      }),
    );
  });
});
