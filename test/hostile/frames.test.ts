import { decodePorts, decodeReply, decodeRequest } from "@bluepower/protocol/charger/frames";
import { FRAME_MAX, FrameReader } from "@bluepower/protocol/charger/reader";
import { millis } from "@bluepower/protocol/clock";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { bytesOf, later, linked, NOW, signed, textOf } from "../../firmware-sim/conversation.ts";
import { mutated, mutation, pieces } from "./mutations.ts";

/** The charger's firmware, and the reader and decoders of both sides, against whatever may come over the air. */

const RUNS = 1000;
let frames = 0;
/** Fewer would be thousands no more. */
const FRAMES_AT_LEAST = 8000;
afterAll(() => {
  console.log(`hostile frames: ${frames} random or mutated frames, nothing thrown`);
  expect(frames).toBeGreaterThan(FRAMES_AT_LEAST);
});

/** Everything a central says in a good conversation, with timestamps that the charger takes. */
const GOOD = [
  "@QTIME&",
  "@STA&",
  "@LEDBLINK&",
  signed("STIME", [NOW], NOW),
  ...[1, 2, 3, 4].map((port) => signed("POWERON", [String(port), "360"], later(NOW, port))),
  ...[1, 2, 3, 4].map((port) => signed("POWEROFF", [String(port)], later(NOW, 10 + port))),
  signed("POWEROFFALL", [], later(NOW, 20)),
  "@OK|0&",
  "@OK|0|1000|2003|3045|4999&",
  "@OK|0|261122103000&",
];

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));
const cuts = fc.array(fc.nat(40), { maxLength: 20 });
/** A conversation gone bad, or noise. */
const noise = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.array(fc.constantFrom(...GOOD), { minLength: 1, maxLength: 6 }),
        fc.array(mutation, { maxLength: 4 }),
      )
      .map(([good, mutations]) => joined(mutated(good.map(bytesOf), mutations))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
);

test("the firmware answers each frame once and in form, and its ports stay within what there is", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("bytes" as const), bytes: noise, cuts }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(400 * 60_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("link", "unlink", "cut", "power" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("damage" as const),
        port: fc.nat(6),
        damaged: fc.boolean(),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const { charger, clock } = linked();
      for (const s of steps) {
        if (s.kind === "bytes") {
          for (const piece of pieces(s.bytes, s.cuts)) {
            const ends = piece.filter((b) => b === 0x26).length;
            frames += ends;
            const replies = charger.receive(piece).map(textOf);
            const wrong = replies.filter((r) => r.length > FRAME_MAX || !("result" in decodeReply(r)));
            if (replies.length > ends || wrong.length > 0) throw new Error(`answered ${replies}`);
          }
        } else if (s.kind === "wait") await clock.advance(millis(s.ms));
        else if (s.kind === "damage") charger.setDamaged(s.port, s.damaged);
        else if (s.kind === "link") charger.connected();
        else if (s.kind === "unlink") charger.disconnected();
        else if (s.kind === "cut") charger.powerCut();
        else charger.powerUp();
        const { ports } = charger.view();
        const sound = ports.every(
          (p, i) => p.port === i + 1 && p.minutesLeft <= 360 && p.minutesLeft > 0 === (p.state === "running"),
        );
        if (ports.length !== 4 || !sound) throw new Error(JSON.stringify(ports));
      }
      // It is still the charger it was: whoever comes now is served.
      charger.powerUp();
      charger.disconnected();
      expect(charger.connected()).toBe(true);
      const reply = decodeReply(textOf(charger.receive(bytesOf("@STA&"))[0] ?? new Uint8Array()));
      expect("result" in reply && reply.result === 0 && decodePorts(reply.payload)).toHaveLength(4);
    }),
    { numRuns: RUNS },
  );
});

test("nothing but the frame that was signed switches a port on", () => {
  const clockSet = bytesOf(signed("STIME", [NOW], NOW));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(mutation, { maxLength: 3 }),
      cuts,
      (port, bad, cut) => {
        const good = signed("POWERON", [String(port), "120"], later(NOW, 5));
        const { charger } = linked();
        charger.receive(clockSet);
        const stream = joined(mutated([bytesOf(good)], bad));
        for (const piece of pieces(stream, cut)) charger.receive(piece);
        frames += 1;
        // The hexadecimal digits of a signature may be written in either case.
        const same = (found: string): boolean =>
          found.slice(0, -33) === good.slice(0, -33) && found.toLowerCase() === good.toLowerCase();
        const arrived = [...textOf(stream).matchAll(/@[^@&]*&/g)].some(([found]) => same(found));
        expect(
          charger
            .view()
            .ports.filter((p) => p.state === "running")
            .map((p) => p.port),
        ).toEqual(arrived ? [port] : []);
      },
    ),
    { numRuns: RUNS },
  );
});

test("the reader finds what is whole, holds nothing that is too long, and goes on; decoders are total", () => {
  fc.assert(
    fc.property(noise, cuts, (bytes, cut) => {
      const reader = new FrameReader();
      for (const piece of pieces(bytes, cut)) {
        for (const frame of reader.push(piece)) {
          frames += 1;
          expect(frame.length).toBeLessThanOrEqual(FRAME_MAX);
          const [request, reply] = [decodeRequest(frame), decodeReply(frame)];
          expect("problem" in request || "kind" in request).toBe(true);
          expect("problem" in reply || "result" in reply).toBe(true);
          if ("payload" in reply) decodePorts(reply.payload);
        }
      }
      expect(reader.push(bytesOf("@STA&"))).toEqual(["@STA&"]);
    }),
    { numRuns: RUNS },
  );
});
