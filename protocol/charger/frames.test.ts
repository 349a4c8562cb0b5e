import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePorts,
  decodeReply,
  decodeRequest,
  encodePorts,
  encodeReply,
  encodeRequest,
  joinPorts,
  type PortReading,
  type Reply,
  type Request,
  SET_NAMES,
  splitPorts,
} from "./frames.ts";
import { chunks, FRAME_MAX, FrameReader, frameBytes } from "./reader.ts";
import { chargerSignature, signRequest } from "./signature.ts";

interface Golden<T> {
  valid: { name: string; text: string; decoded: T }[];
  tolerated: { name: string; text: string; means: string }[];
  invalid: { name: string; text: string; problem: string }[];
}
const golden = <T>(file: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, "golden", file), "utf8")) as T;

const requests = golden<Golden<Request>>("requests.json");
const replies = golden<Golden<Reply>>("replies.json");
const ports = golden<Golden<PortReading[]>>("ports.json");

describe("requests", () => {
  for (const { name, text, decoded } of requests.valid) {
    test(name, () => {
      expect(decodeRequest(text)).toEqual(decoded);
      expect(encodeRequest(decoded)).toBe(text);
      if (decoded.kind === "set") {
        expect(chargerSignature(decoded, "123456")).toBe(decoded.signature);
        expect(signRequest(decoded, "123456")).toEqual(decoded);
      }
    });
  }
  for (const { name, text, problem } of requests.invalid) {
    test(`invalid: ${name}`, () => expect(decodeRequest(text)).toEqual({ problem }));
  }
});

describe("replies", () => {
  for (const { name, text, decoded } of replies.valid) {
    test(name, () => {
      expect(decodeReply(text)).toEqual(decoded);
      expect(encodeReply(decoded)).toBe(text);
    });
  }
  for (const { name, text, means } of replies.tolerated) {
    test(`as printed: ${name}`, () => {
      expect(text).not.toBe(means);
      expect(decodeReply(text)).toEqual(decodeReply(means));
      expect(decodeReply(means)).not.toHaveProperty("problem");
    });
  }
  for (const { name, text, problem } of replies.invalid) {
    test(`invalid: ${name}`, () => expect(decodeReply(text)).toEqual({ problem }));
  }
});

describe("port states", () => {
  for (const { name, text, decoded } of ports.valid) {
    test(name, () => {
      expect(splitPorts(text)).toEqual(decoded);
      expect(joinPorts(decoded)).toBe(text);
      expect(decodePorts(encodePorts(decoded))).toEqual(decoded);
    });
  }
  for (const { name, text } of ports.invalid) {
    test(`invalid: ${name}`, () => expect(splitPorts(text)).toBeUndefined());
  }
});

test("the example of the specification", () => {
  const of = { name: "POWERON", parameters: ["1", "120"], timestamp: "261122103000" } as const;
  expect(chargerSignature(of, "123456")).toBe("7ea26be30659c3c7da2e1b98be196a45");
});

describe("the reader's golden chunks", () => {
  interface Case {
    name: string;
    chunks: string[];
    frames: string[];
    dropped: number;
  }
  for (const { name, chunks: hex, frames, dropped } of golden<{ cases: Case[] }>("reader.json").cases) {
    test(name, () => {
      const reader = new FrameReader();
      expect(hex.flatMap((h) => reader.push(Uint8Array.from(Buffer.from(h, "hex"))))).toEqual(frames);
      expect(reader.dropped).toBe(dropped);
    });
  }

  test("a reset throws half a frame away and nothing of it comes later", () => {
    const reader = new FrameReader();
    expect(reader.push(frameBytes("@STA"))).toEqual([]);
    reader.reset();
    expect(reader.push(frameBytes("&@QTIME&"))).toEqual(["@QTIME&"]);
    expect(reader.dropped).toBe(5);
  });
});

test("a frame is cut at the link's size, and a size under 1 is refused", () => {
  const bytes = frameBytes(requests.valid.find((v) => v.text.startsWith("@STIME"))?.text ?? "");
  expect(bytes).toHaveLength(66);
  expect(chunks(bytes, 20).map((c) => c.length)).toEqual([20, 20, 20, 6]);
  for (const size of [0, -1, Number.NaN]) expect(() => chunks(bytes, size)).toThrow(RangeError);
});

/** The rule for frames said another way: on the whole stream at once, by patterns instead of states. */
function framesOf(stream: string): string[] {
  return [...stream.matchAll(/@[^@&]*&/g)].map(([frame]) => frame).filter((f) => f.length <= FRAME_MAX);
}

/** Mostly text that is nearly frames, with noise of any byte in it. */
const stream = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("@STA&", "@OK|0|1000&", "@", "&", "|", "POWERON", "@@", "&&") },
      { weight: 2, arbitrary: fc.constantFrom(...requests.valid.map((v) => v.text)) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 140 }).map((n) => `@${"A".repeat(n)}&`) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((b) => String.fromCharCode(...b)) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("whatever comes", () => {
  test("cut anywhere, the reader finds the frames of the whole stream, and accounts for every byte", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(40), { maxLength: 60 }), (text, cuts) => {
        const reader = new FrameReader();
        const frames: string[] = [];
        let at = 0;
        for (const cut of [...cuts, text.length]) {
          frames.push(...reader.push(frameBytes(text.slice(at, at + cut))));
          at += cut;
        }
        expect(frames).toEqual(framesOf(text));
        reader.reset();
        expect(reader.dropped + frames.join("").length).toBe(text.length);
      }),
      { numRuns: 500 },
    );
  });

  test("a byte changed, lost or doubled in a good frame harms no later frame and throws nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...requests.valid.map((v) => v.text)),
        fc.nat(),
        fc.constantFrom("change", "lose", "double"),
        fc.nat(255),
        (text, where, how, byte) => {
          const bytes = [...frameBytes(text)];
          const i = where % bytes.length;
          if (how === "change") bytes[i] = byte;
          else if (how === "lose") bytes.splice(i, 1);
          else bytes.splice(i, 0, bytes[i] ?? 0);
          const reader = new FrameReader();
          const first = reader.push(Uint8Array.from(bytes));
          for (const frame of first) decodeRequest(frame);
          expect(reader.push(frameBytes("@STA&")).at(-1)).toBe("@STA&");
        },
      ),
      { numRuns: 500 },
    );
  });

  test("decoders are total", () => {
    fc.assert(
      fc.property(fc.oneof(stream, fc.string({ unit: "binary" })), (text) => {
        for (const decoded of [decodeRequest(text), decodeReply(text)]) {
          expect("problem" in decoded || "kind" in decoded || "result" in decoded).toBe(true);
        }
        splitPorts(text);
      }),
      { numRuns: 500 },
    );
  });

  const field = fc.stringMatching(/^[0-9A-Za-z]{0,8}$/);
  test("a set command goes there and back", () => {
    const count = { STIME: 1, POWERON: 2, POWEROFF: 1, POWEROFFALL: 0 };
    const command = fc.constantFrom(...SET_NAMES).chain((name) =>
      fc.record({
        name: fc.constant(name),
        parameters: fc.array(field, { minLength: count[name], maxLength: count[name] }),
        timestamp: field,
      }),
    );
    fc.assert(
      fc.property(command, field, (of, jam) => {
        const request = signRequest(of, jam);
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  test("a reply goes there and back", () => {
    const digits = fc.stringMatching(/^[0-9]{0,12}$/);
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2, 3), fc.array(digits, { maxLength: 4 }), (result, payload) => {
        const reply = { result, payload } as Reply;
        expect(decodeReply(encodeReply(reply))).toEqual(reply);
      }),
    );
  });
});
