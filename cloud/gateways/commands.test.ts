import { millis, seconds } from "@bluepower/protocol/clock";
import { chargeMinutes, deviceCode, minutes, orderId, portNo, units } from "@bluepower/protocol/units";
import type { CommandOutcome } from "@bluepower/protocol/uplink/messages";
import { afterEach, beforeEach, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { Commands } from "./commands.ts";
import { type TestSite, testSite } from "./testSite.ts";

const ORDER = orderId("90001800000000");
const start = {
  kind: "start" as const,
  orderId: ORDER,
  deviceCode: deviceCode("CHARGER1"),
  port: portNo(1),
  minutes: chargeMinutes(units(2)),
};

let site: TestSite;
let commands: Commands;
let published: { topic: string; at: number; id: string; sentAt: number; replyTo: string }[];

const made = (): Commands =>
  new Commands({
    ...site,
    replyTo: "cloud/main/boot/r",
    publish(topic, payload) {
      const { id, sentAt, replyTo } = JSON.parse(payload);
      published.push({ topic, at: site.clock.uptime(), id, sentAt, replyTo });
    },
  });

beforeEach(async () => {
  site = await testSite();
  published = [];
  commands = made();
});
afterEach(async () => {
  commands.stop();
  await site.close();
});

const insert = (deadline = site.clock.now() + 60_000): Promise<string> =>
  transaction(site.db, (tx) =>
    commands.insert(tx, { gatewayId: "gw-1", orderId: ORDER, deadline, body: start }),
  );
const reply = (id: string, outcome: CommandOutcome, gateway = "gw-1"): string =>
  JSON.stringify({ v: 1, id, gateway, outcome });
const row = (id: string) =>
  site.db.selectFrom("command").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
const started: CommandOutcome = { kind: "started", minutes: minutes(60) };

test("a command is published again and again until it is answered, and then no more", async () => {
  const id = await insert();
  expect(published).toEqual([]);
  const answer = commands.send(id, 10_000);
  await site.clock.advance(seconds(7));
  expect(published.map((p) => p.at)).toEqual([0, 400, 1200, 2700, 5700]);
  expect(new Set(published.map((p) => p.topic))).toEqual(new Set(["gw/gw-1/down/cmd"]));
  expect(published.at(-1)).toMatchObject({
    id,
    sentAt: site.clock.now() - 1300,
    replyTo: "cloud/main/boot/r",
  });

  expect(await commands.reply(reply(id, started), "gw-1")).toBe("taken");
  expect(await answer).toEqual(started);
  expect(await row(id)).toMatchObject({ state: "answered", outcome: JSON.stringify(started) });
  const before = published.length;
  await site.clock.advance(seconds(60));
  expect(published.length).toBe(before);
  expect(await commands.send(id, 1000)).toEqual(started);
});

test("who waits gets no_answer in time; the command goes on until its deadline and is then marked expired", async () => {
  await commands.start();
  const id = await insert();
  const answer = commands.send(id, 10_000);
  await site.clock.advance(seconds(10));
  expect(await answer).toEqual({ kind: "no_answer" });
  expect((await row(id)).state).toBe("open");
  await site.clock.advance(seconds(60));
  expect(published.every((p) => p.at < 60_000)).toBe(true);
  expect(published.at(-1)?.at).toBeGreaterThan(55_000);
  expect(await row(id)).toMatchObject({ state: "expired", outcome: null });
  expect(await commands.send(id, 1000)).toEqual({ kind: "no_answer" });
});

test("a command whose deadline has passed is never published", async () => {
  const id = await insert(site.clock.now());
  const answer = commands.send(id, 10_000);
  await site.clock.advance(seconds(10));
  expect(published).toEqual([]);
  expect(await answer).toEqual({ kind: "no_answer" });
});

test("a restart takes open commands up again, and none that was answered", async () => {
  const open = await insert();
  const answered = await insert();
  const first = commands.send(answered, 10_000);
  await site.clock.advance(millis(0));
  await commands.reply(reply(answered, started), "gw-1");
  await first;
  commands.stop();

  published = [];
  commands = made();
  await commands.start();
  expect(published.map((p) => p.id)).toEqual([open]);
  const answer = commands.send(open, 10_000);
  await site.clock.advance(millis(0));
  await commands.reply(reply(open, { kind: "failed", reason: "late", detail: "" }), "gw-1");
  expect(await answer).toEqual({ kind: "failed", reason: "late", detail: "" });
});

test("a command that another process inserted is found", async () => {
  await commands.start();
  const id = await insert();
  await site.clock.advance(seconds(6));
  expect(published[0]).toMatchObject({ id, at: 5000 });
});

test("an answer by another gateway is refused, by its connection and by its words", async () => {
  const id = await insert();
  const answer = commands.send(id, 10_000);
  await site.clock.advance(millis(0));
  expect(await commands.reply(reply(id, started, "gw-2"), "gw-2")).toBe("refused");
  expect(await commands.reply(reply(id, started, "gw-1"), "gw-2")).toBe("refused");
  expect(await commands.reply(reply(id, started, "gw-2"), null)).toBe("refused");
  expect(await commands.reply("{}", "gw-1")).toBe("refused");
  expect((await row(id)).state).toBe("open");
  expect(commands.counts()).toMatchObject({ open: 1, refused: 4 });
  await site.clock.advance(seconds(10));
  expect(await answer).toEqual({ kind: "no_answer" });
});

test("an answer to what nobody has asked changes nothing", async () => {
  expect(await commands.reply(reply("unknown", started), "gw-1")).toBe("unknown");
});

test("the event of an order answers its command, and only the fitting one", async () => {
  const id = await insert();
  const cancel = await transaction(site.db, (tx) =>
    commands.insert(tx, {
      gatewayId: "gw-1",
      orderId: ORDER,
      deadline: site.clock.now() + 60_000,
      body: { kind: "cancel", orderId: ORDER },
    }),
  );
  const answer = commands.send(id, 10_000);
  void commands.publish(cancel);
  await site.clock.advance(millis(0));
  const event = {
    kind: "order.started" as const,
    body: { ...start, minutes: minutes(60), evidence: "reply" as const },
  };
  const foreign = await transaction(site.db, (tx) => commands.settleByEvent(tx, "gw-2", event));
  expect(foreign).toEqual([]);
  const settled = await transaction(site.db, (tx) => commands.settleByEvent(tx, "gw-1", event));
  commands.wake(settled);
  expect(await answer).toEqual(started);
  expect((await row(id)).state).toBe("answered");
  expect((await row(cancel)).state).toBe("open");
});

test.each([
  ["user", { kind: "stopped", minutes: 7 }],
  ["charger_lost", { kind: "already", state: "finished" }],
  ["time", { kind: "already", state: "finished" }],
] as const)("a stop is answered by an end (%s) as what it was", async (endReason, outcome) => {
  const id = await transaction(site.db, (tx) =>
    commands.insert(tx, {
      gatewayId: "gw-1",
      orderId: ORDER,
      deadline: site.clock.now() + 60_000,
      body: { kind: "stop", orderId: ORDER, endReason: "user" },
    }),
  );
  const event = {
    kind: "order.finished" as const,
    body: { orderId: ORDER, minutes: minutes(7), endReason, evidence: "sta" as const },
  };
  expect(await transaction(site.db, (tx) => commands.settleByEvent(tx, "gw-1", event))).toEqual([
    { id, outcome },
  ]);
});

test("a gateway that comes back gets what waits for it at once", async () => {
  const id = await insert();
  await commands.publish(id);
  await site.clock.advance(seconds(5));
  const before = published.length;
  commands.gatewayReady("gw-2");
  expect(published.length).toBe(before);
  commands.gatewayReady("gw-1");
  expect(published.length).toBe(before + 1);
});

test("a command of a transaction that is rolled back is never sent", async () => {
  await commands.start();
  await transaction(site.db, async (tx) => {
    await commands.insert(tx, {
      gatewayId: "gw-1",
      orderId: ORDER,
      deadline: site.clock.now() + 60_000,
      body: start,
    });
    throw new Error("no");
  }).catch(() => undefined);
  await site.clock.advance(seconds(20));
  expect(published).toEqual([]);
});
