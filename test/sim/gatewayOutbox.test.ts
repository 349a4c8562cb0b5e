import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant, millis, seconds } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { gatewayId } from "@bluepower/protocol/units";
import type { Ack, Events } from "@bluepower/protocol/uplink/messages";
import { up } from "@bluepower/protocol/uplink/topics";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { KEEP_ACKNOWLEDGED } from "../../gateway/store/journal.ts";
import { Store } from "../../gateway/store/store.ts";
import { Outbox } from "../../gateway/uplink/outbox.ts";
import { ModelCloud } from "./modelCloud.ts";

const log = pino({ level: "silent" });
const id = gatewayId("g1");
const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function parts(seed: number) {
  const dir = mkdtempSync(join(tmpdir(), "outbox-"));
  dirs.push(dir);
  const clock = new SimulatedClock(instant(0), () => new Promise((r) => setImmediate(r)));
  const random = seededRandom(seed);
  const store = new Store({ file: join(dir, "gateway.db"), clock, random });
  const sent: Events[] = [];
  const outbox = new Outbox({
    store,
    clock,
    random,
    log,
    publish: (message) => {
      sent.push(message);
      return "sent";
    },
  });
  const append = (n: number): void => {
    store.write(() => {
      for (let i = 0; i < n; i++) store.journal.append({ kind: "health", body: { detail: i } });
    });
    outbox.grown();
  };
  const ack = (re: number, acked: number): Ack => ({ v: 1, sentAt: 0, stream: store.stream, acked, re });
  return { clock, random, store, outbox, sent, append, ack };
}

describe("the outbox", () => {
  test("sends in order, at most 200 at a time and one batch in flight", async () => {
    const { clock, store, outbox, sent, append, ack } = parts(1);
    append(450);
    outbox.open(0);
    await clock.advance(seconds(1));
    expect(sent.map((m) => m.events.length)).toEqual([200]);
    outbox.acknowledged(ack(sent[0]?.no ?? 0, 200));
    await clock.advance(seconds(1));
    outbox.acknowledged(ack(sent[1]?.no ?? 0, 400));
    await clock.advance(seconds(1));
    expect(sent.flatMap((m) => m.events.map((e) => e.seq))).toEqual(
      Array.from({ length: 450 }, (_, i) => i + 1),
    );
    store.close();
  });

  test("a store that is an older copy of itself goes on behind what the cloud has: nothing new is skipped", async () => {
    const { clock, store, outbox, sent, append, ack } = parts(9);
    append(3);
    outbox.open(0);
    await clock.advance(seconds(1));
    outbox.acknowledged(ack(sent[0]?.no ?? 0, 2));
    // The copy knows of 3 events, 2 acknowledged; before it was put back the cloud had applied 10.
    outbox.close();
    outbox.open(10);
    append(2);
    await clock.advance(seconds(10));
    expect(outbox.mark).toBe(10);
    expect(sent.at(-1)?.events.map((e) => [e.seq, e.body])).toEqual([
      [11, { detail: 2 }],
      [12, { detail: 0 }],
      [13, { detail: 1 }],
    ]);
    outbox.acknowledged(ack(sent.at(-1)?.no ?? 0, 13));
    expect(outbox.waiting).toBe(0);
    append(1);
    expect(store.journal.last()).toBe(14);
    store.close();
  });

  test("sends again by a timer of its own when no answer comes", async () => {
    const { clock, store, outbox, sent, append } = parts(2);
    append(3);
    outbox.open(0);
    await clock.advance(seconds(60));
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sent.map((m) => m.no)).size).toBe(sent.length);
    expect(sent.every((m) => m.events.length === 3)).toBe(true);
    store.close();
  });

  test("an idle gateway asks for the cursor every minute with an empty batch", async () => {
    const { clock, store, outbox, sent, ack } = parts(3);
    outbox.open(0);
    for (let n = 0; n < 300; n++) {
      const before = sent.length;
      await clock.advance(seconds(1));
      if (sent.length > before) outbox.acknowledged(ack(sent.at(-1)?.no ?? 0, 0));
    }
    expect(sent.length).toBeGreaterThanOrEqual(5);
    expect(sent.length).toBeLessThanOrEqual(6);
    store.close();
  });

  test("a stale answer does not lower the mark, one to a newer message does", async () => {
    const { clock, store, outbox, sent, append, ack } = parts(4);
    append(10);
    outbox.open(0);
    await clock.advance(seconds(1));
    const first = sent[0]?.no ?? 0;
    outbox.acknowledged(ack(first, 10));
    expect(outbox.mark).toBe(10);
    outbox.acknowledged(ack(first, 4));
    expect(outbox.mark).toBe(10);
    await clock.advance(seconds(61));
    outbox.acknowledged(ack(sent.at(-1)?.no ?? 0, 4));
    expect(outbox.mark).toBe(4);
    await clock.advance(seconds(1));
    expect(sent.at(-1)?.events.map((e) => e.seq)).toEqual([5, 6, 7, 8, 9, 10]);
    store.close();
  });

  test("an answer for another stream, or beyond what was ever written, moves nothing", async () => {
    const { clock, store, outbox, sent, append, ack } = parts(5);
    append(2);
    outbox.open(0);
    await clock.advance(seconds(1));
    const no = sent[0]?.no ?? 0;
    outbox.acknowledged({ ...ack(no, 2), stream: "another" });
    outbox.acknowledged(ack(no, 3));
    expect(outbox.mark).toBe(0);
    store.close();
  });

  test("acknowledged entries stay 72 hours of running; others for ever; numbers are never used again", async () => {
    const { clock, store, append } = parts(6);
    append(5);
    store.write(() => store.journal.acknowledge(3));
    await clock.advance(millis(KEEP_ACKNOWLEDGED - 1000));
    store.keep();
    expect(store.journal.first()).toBe(1);
    await clock.advance(millis(2000));
    store.keep();
    expect(store.journal.first()).toBe(4);
    store.write(() => store.journal.acknowledge(5));
    store.keep();
    expect(store.journal.after(0)).toEqual([]);
    append(1);
    expect(store.journal.after(0).map((e) => e.seq)).toEqual([6]);
    store.close();
  });
});

test("whatever the pipe does, every event is applied once and in order", async () => {
  const outcome = await fc.check(
    fc.asyncProperty(
      fc.integer(),
      fc.record({
        lose: fc.double({ min: 0, max: 0.4, noNaN: true }),
        double: fc.double({ min: 0, max: 0.4, noNaN: true }),
        delayMs: fc.integer({ min: 0, max: 8000 }),
      }),
      fc.array(
        fc.oneof(
          fc.record({ do: fc.constant("append" as const), n: fc.integer({ min: 1, max: 300 }) }),
          fc.record({ do: fc.constant("reconnect" as const), n: fc.integer({ min: 0, max: 20 }) }),
          fc.record({ do: fc.constant("rewind" as const), n: fc.integer({ min: 1, max: 100 }) }),
          fc.record({ do: fc.constant("wait" as const), n: fc.integer({ min: 1, max: 90 }) }),
        ),
        { maxLength: 12 },
      ),
      async (seed, faults, steps) => {
        const dir = mkdtempSync(join(tmpdir(), "outbox-"));
        dirs.push(dir);
        const clock = new SimulatedClock(instant(0), () => new Promise((r) => setImmediate(r)));
        const random = seededRandom(seed);
        const store = new Store({ file: join(dir, "gateway.db"), clock, random });
        const cloud = new ModelCloud({ clock, random: random.fork("cloud"), id });
        cloud.stream = store.stream;
        const pipe = cloud.uplink();
        const outbox = new Outbox({
          ...{ store, clock, random, log },
          publish: (message) => pipe.publish(up.events(id), JSON.stringify(message)),
        });
        pipe.onMessage((_, payload) => void outbox.acknowledged(JSON.parse(payload)));
        const connect = (): void => {
          pipe.connect();
          outbox.open(cloud.cursor);
        };
        connect();
        cloud.faults = faults;
        for (const step of steps) {
          if (step.do === "append") {
            store.write(() => {
              for (let i = 0; i < step.n; i++) store.journal.append({ kind: "health", body: { detail: i } });
            });
            outbox.grown();
          } else if (step.do === "reconnect") {
            pipe.disconnect();
            outbox.close();
            await clock.advance(seconds(step.n));
            connect();
          } else if (step.do === "rewind") {
            cloud.cursor = Math.max(0, cloud.cursor - step.n);
          } else await clock.advance(seconds(step.n));
        }
        cloud.faults = { lose: 0, double: 0, delayMs: 0 };
        await clock.advance(seconds(400));
        const total = store.journal.last();
        expect(cloud.cursor).toBe(total);
        expect(outbox.mark).toBe(total);
        expect(cloud.applied.map((e) => e.seq)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
        outbox.close();
        store.close();
      },
    ),
    { numRuns: 40 },
  );
  expect(outcome.failed, fc.defaultReportMessage(outcome) ?? "").toBe(false);
});
