import { seededRandom } from "@bluepower/protocol/random";
import type { WireEvent } from "@bluepower/protocol/uplink/messages";
import fc from "fast-check";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import type { OrderEvent } from "./chargerEvents.ts";
import { Commands } from "./commands.ts";
import { greet } from "./hello.ts";
import { type ApplyOrderEvent, Intake } from "./intake.ts";
import { START, type TestSite, testSite } from "./testSite.ts";

let site: TestSite;
let acks: { stream: string; acked: number; re: number }[];
let intake: Intake;
/** Order events in the order of their commits. */
let applied: OrderEvent[];
let commands: Commands;
let sent: string[];

/** An orders' domain that counts: a row per event, in the event's transaction. */
const countOrders: ApplyOrderEvent = async (tx, { event, gatewayId }) => {
  await tx
    .insertInto("audit_log")
    .values({ who: gatewayId, what: event.kind, object: event.body.orderId, detail: "", insertTime: 0 })
    .execute();
  return { commands: [] };
};

function made(applyOrderEvent: ApplyOrderEvent = countOrders): Intake {
  return new Intake({
    ...site,
    applyOrderEvent,
    commands,
    publish: (_topic, payload) => void acks.push(JSON.parse(payload)),
    ordersChanged: (id) => void sent.push(id),
  });
}

beforeEach(async () => {
  site = await testSite();
  acks = [];
  applied = [];
  sent = [];
  commands = new Commands({ ...site, replyTo: "cloud/main/boot/r", publish: () => undefined });
  intake = made();
  await transaction(site.db, (tx) =>
    greet(tx, { gatewayId: "gw-1", stream: "s1", program: "test", at: START }),
  );
});
afterEach(async () => {
  commands.stop();
  await site.close();
});

const idOf = (seq: number): string => `9${String(seq).padStart(13, "0")}`;
const finished = (seq: number): WireEvent => ({
  seq,
  kind: "order.finished",
  at: START,
  quality: "synced",
  body: { orderId: idOf(seq), minutes: 60, endReason: "time", evidence: "sta" },
});
const of = (seq: number, kind: string, body: unknown): WireEvent => ({
  seq,
  kind,
  at: START,
  quality: "synced",
  body,
});
const send = (events: WireEvent[], stream = "s1") =>
  intake.take("gw-1", { v: 1, stream, no: acks.length + 1, events });
const cursor = async (): Promise<number> =>
  (await site.db.selectFrom("gateway_cursor").select("lastSeq").executeTakeFirstOrThrow()).lastSeq;
const effects = async (): Promise<string[]> =>
  (
    await site.db
      .selectFrom("audit_log")
      .select("object")
      .where("what", "like", "order.%")
      .orderBy("id")
      .execute()
  ).map((r) => r.object);

test("every event is applied once and in order, whatever is lost, doubled, reordered or crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed);
      await site.close();
      site = await testSite();
      acks = [];
      await transaction(site.db, (tx) =>
        greet(tx, { gatewayId: "gw-1", stream: "s1", program: "test", at: START }),
      );
      let crash = false;
      intake = made(async (tx, fact) => {
        const result = await countOrders(tx, fact);
        // The program dies after the effect and before the commit.
        if (crash && random.u32() % 4 === 0) throw new Error("crash");
        return result;
      });
      const total = 40;
      let mark = 0;
      let produced = 0;
      let wire: WireEvent[][] = [];
      const step = async (faults: boolean): Promise<void> => {
        produced = Math.min(total, produced + (random.u32() % 6));
        const batch = Array.from({ length: Math.min(produced - mark, 1 + (random.u32() % 8)) }, (_, i) =>
          finished(mark + i + 1),
        );
        wire.push(batch);
        if (faults && random.u32() % 8 === 0) wire.push(batch);
        if (faults && random.u32() % 3 === 0) wire.reverse();
        if (faults && random.u32() % 6 === 0) wire.shift();
        const now = faults ? wire.splice(0, random.u32() % 3) : wire.splice(0);
        for (const events of now) {
          crash = faults && random.u32() % 3 === 0;
          const answers = acks.length;
          // Who dies says nothing.
          await send(events).catch(() => undefined);
          const answer = acks[answers];
          // The answer may be lost, too.
          if (answer !== undefined && !(faults && random.u32() % 3 === 0))
            mark = Math.max(mark, answer.acked);
        }
      };
      for (let i = 0; i < 40; i++) await step(true);
      wire = [];
      for (let i = 0; i < 60 && mark < total; i++) await step(false);
      expect(mark).toBe(total);
      expect(await effects()).toEqual(Array.from({ length: total }, (_, i) => idOf(i + 1)));
      expect(await site.db.selectFrom("dead_event").selectAll().execute()).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

test("the acknowledgement names the message, the stream and what is applied, and comes after the commit", async () => {
  /** What the database answers to whoever asks at the moment of the acknowledgement. */
  const committed: Promise<unknown>[] = [];
  intake = new Intake({
    ...site,
    applyOrderEvent: countOrders,
    commands,
    publish(topic, payload) {
      expect(topic).toBe("gw/gw-1/ack");
      acks.push(JSON.parse(payload));
      committed.push(cursor().catch(String));
    },
    ordersChanged: () => undefined,
  });
  await intake.take("gw-1", { v: 1, stream: "s1", no: 7, events: [finished(1), finished(2)] });
  expect(acks).toEqual([{ v: 1, sentAt: START, stream: "s1", acked: 2, re: 7 }]);
  expect(await Promise.all(committed)).toEqual([2]);
});

test("effects and cursor are one transaction: where the cursor cannot be written nothing has happened", async () => {
  await sql`create trigger full before update on gateway_cursor begin select raise(abort, 'disk full'); end`.execute(
    site.db,
  );
  await expect(send([finished(1)])).rejects.toThrow("disk full");
  expect([await effects(), acks]).toEqual([[], []]);
  await sql`drop trigger full`.execute(site.db);
  await send([finished(1)]);
  expect([await effects(), await cursor()]).toEqual([[idOf(1)], 1]);
});

test("after a gap nothing is applied; the answer says where to go on", async () => {
  await send([finished(1), finished(3), finished(4)]);
  expect(acks.at(-1)?.acked).toBe(1);
  expect(await effects()).toEqual([idOf(1)]);
  await send([finished(2), finished(3), finished(4)]);
  expect(acks.at(-1)?.acked).toBe(4);
});

test("an empty batch asks for the cursor, also when it has gone back with an older database", async () => {
  await send([finished(1), finished(2), finished(3)]);
  await send([]);
  expect(acks.at(-1)?.acked).toBe(3);
  await site.db.updateTable("gateway_cursor").set({ lastSeq: 1 }).execute();
  await send([]);
  expect(acks.at(-1)?.acked).toBe(1);
  await send([finished(2), finished(3), finished(4)]);
  expect(acks.at(-1)?.acked).toBe(4);
});

test("another stream, a gateway without a cursor and a revoked gateway are not answered, and nothing is written", async () => {
  expect(await send([finished(1)], "s2")).toBe("refused");
  expect(await intake.take("gw-2", { v: 1, stream: "s1", no: 1, events: [finished(1)] })).toBe("refused");
  await site.db.updateTable("gateway").set({ revoked: 1 }).execute();
  expect(await send([finished(1)])).toBe("refused");
  expect(acks).toEqual([]);
  expect(await effects()).toEqual([]);
});

test("an event of a kind that is not known yet is stored and acknowledged", async () => {
  await send([of(1, "battery.swelled", { n: [1, null] }), of(2, "constructor", 3), finished(3)]);
  expect(acks.at(-1)?.acked).toBe(3);
  const facts = await site.db.selectFrom("gateway_fact").selectAll().execute();
  expect(facts.map((f) => [f.seq, f.kind, f.body])).toEqual([
    [1, "battery.swelled", '{"n":[1,null]}'],
    [2, "constructor", "3"],
  ]);
});

describe("an event that fails", () => {
  const broken = (seq: number): WireEvent => of(seq, "charger.seen", { deviceCode: "short" });

  test("holds up what follows, lets through what came before, and is put aside in the end", async () => {
    for (let i = 1; i <= 4; i++) {
      await send([finished(1), broken(2), finished(3)]);
      expect(acks.at(-1)?.acked).toBe(1);
    }
    expect(await site.db.selectFrom("dead_event").selectAll().execute()).toEqual([]);
    await send([broken(2), finished(3)]);
    expect(acks.at(-1)?.acked).toBe(2);
    await send([finished(3)]);
    expect(acks.at(-1)?.acked).toBe(3);
    expect(await effects()).toEqual([idOf(1), idOf(3)]);
    const dead = await site.db.selectFrom("dead_event").selectAll().execute();
    expect(dead).toMatchObject([{ gatewayId: "gw-1", streamId: "s1", seq: 2, kind: "charger.seen" }]);
    expect(dead[0]?.problem).toContain("deviceCode: a device code");
    expect(intake.counts()).toEqual({ applied: 3, putAside: 1, blocked: 0 });
  });

  test("is put aside also when it is an order's that cannot be read: the ends of other orders are not held up", async () => {
    const unreadable = of(1, "order.finished", { orderId: idOf(1), minutes: -1 });
    for (let i = 0; i < 6; i++) await send([unreadable, finished(2)]);
    expect(acks.at(-1)?.acked).toBe(2);
    expect(await effects()).toEqual([idOf(2)]);
    const dead = await site.db.selectFrom("dead_event").select(["seq", "kind", "problem"]).execute();
    expect(dead).toMatchObject([{ seq: 1, kind: "order.finished" }]);
    expect(dead[0]?.problem).toContain("minutes: whole minutes");
    expect(site.warnings.some((w) => w.includes("put aside"))).toBe(true);
  });

  test("is put aside also when the next one fails, too", async () => {
    for (let i = 0; i < 12; i++) await send([broken(1), broken(2), finished(3)]);
    expect(acks.at(-1)?.acked).toBe(3);
    expect(await effects()).toEqual([idOf(3)]);
  });

  test("is never put aside when it is an order's: it blocks, and says so", async () => {
    let fixed = false;
    intake = made(async (tx, fact) => {
      if (!fixed) throw new Error("bug");
      return await countOrders(tx, fact);
    });
    for (let i = 0; i < 12; i++) await send([finished(1), finished(2)]);
    expect(acks.at(-1)?.acked).toBe(0);
    expect(await site.db.selectFrom("dead_event").selectAll().execute()).toEqual([]);
    expect(intake.counts()).toEqual({ applied: 0, putAside: 0, blocked: 1 });
    expect(site.warnings.some((w) => w.includes("blocks its gateway"))).toBe(true);
    fixed = true;
    await send([finished(1), finished(2)]);
    expect(await effects()).toEqual([idOf(1), idOf(2)]);
    expect(intake.counts().blocked).toBe(0);
  });
});

describe("chargers", () => {
  const device = () =>
    site.db
      .selectFrom("device_info")
      .selectAll()
      .where("deviceCode", "=", "CHARGER1")
      .executeTakeFirstOrThrow();
  const body = { deviceCode: "CHARGER1", rssi: -60, reason: "silent", ports: "1020201030004999" };

  test("presence, ports and a wrong jam code are written to the device; the later word holds", async () => {
    await send([of(1, "charger.seen", body)]);
    expect(await device()).toMatchObject({ chargerSeenTime: START, chargerLostTime: null });
    await send([of(2, "charger.lost", body)]);
    expect((await device()).chargerLostTime).toBeGreaterThan(START);
    await send([{ ...of(3, "charger.seen", body), at: 5, quality: "unknown" }]);
    const seen = await device();
    expect(seen.chargerSeenTime).toBeGreaterThan(seen.chargerLostTime ?? 0);
    await send([of(4, "charger.misconfigured", { ...body, reason: "jam code" })]);
    expect((await device()).misconfigured).toBe("jam code");
    await send([of(5, "port.changed", body)]);
    expect(await device()).toMatchObject({ portState: body.ports, portTime: START, misconfigured: "" });
    expect(await site.db.selectFrom("gateway_fact").selectAll().execute()).toEqual([]);
  });

  test("a word about a charger behind another gateway is kept and changes nothing", async () => {
    const before = await site.db.selectFrom("device_info").selectAll().execute();
    for (const [i, kind] of [
      "charger.seen",
      "charger.lost",
      "charger.misconfigured",
      "port.changed",
    ].entries()) {
      await send([of(i + 1, kind, { ...body, deviceCode: "CHARGER2" })]);
    }
    expect(acks.at(-1)?.acked).toBe(4);
    expect(await site.db.selectFrom("device_info").selectAll().execute()).toEqual(before);
    expect((await site.db.selectFrom("gateway_fact").select("seq").execute()).length).toBe(4);
  });

  test("a foreign port and health are kept as facts", async () => {
    await send([
      of(1, "port.foreign", { deviceCode: "CHARGER1", port: 2, minutes: 30, switchedOff: false }),
      of(2, "health", { detail: { disk: 90 } }),
    ]);
    const facts = await site.db.selectFrom("gateway_fact").select("kind").execute();
    expect(facts.map((f) => f.kind)).toEqual(["port.foreign", "health"]);
  });
});

test("after the commit commands of the orders' domain are sent, callers are woken, the desired state is renewed", async () => {
  const order = idOf(1);
  const startBody = { kind: "start", orderId: order, deviceCode: "CHARGER1", port: 1, minutes: 60 };
  await site.db
    .insertInto("command")
    .values({
      id: "waiting",
      gatewayId: "gw-1",
      orderId: order,
      body: JSON.stringify(startBody),
      deadline: START + 60_000,
      state: "open",
      outcome: null,
      insertTime: START,
      answerTime: null,
    })
    .execute();
  const published: string[] = [];
  commands = new Commands({
    ...site,
    replyTo: "r",
    publish: (_topic, payload) => void published.push(JSON.parse(payload).command.kind),
  });
  intake = made(async (tx, fact) => {
    expect(fact).toMatchObject({ gatewayId: "gw-1", at: START, quality: "synced" });
    applied.push(fact.event);
    const stop = { kind: "stop" as const, orderId: fact.event.body.orderId, endReason: "user" as const };
    const command = { gatewayId: "gw-1", orderId: null, deadline: START + 60_000, body: stop };
    return { commands: [await commands.insert(tx, command)] };
  });
  const answer = commands.send("waiting", 10_000);
  await send([of(1, "order.started", { ...startBody, evidence: "reply" })]);
  expect(await answer).toEqual({ kind: "started", minutes: 60 });
  expect(applied.map((e) => e.kind)).toEqual(["order.started"]);
  expect(published).toEqual(["start", "stop"]);
  expect(sent).toEqual(["gw-1"]);
});
