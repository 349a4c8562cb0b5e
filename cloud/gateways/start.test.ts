import { millis, seconds } from "@bluepower/protocol/clock";
import { systemClock } from "@bluepower/protocol/systemClock";
import { gatewayId, orderId } from "@bluepower/protocol/units";
import { down, up } from "@bluepower/protocol/uplink/topics";
import { connect, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { gatewayOrders } from "../orders/gatewayOrders.ts";
import type { Gateways } from "./gateways.ts";
import { acceptStream, authenticateGateway, listGateways, renewToken, revokeGateway } from "./identity.ts";
import type { PipeListener } from "./pipe.ts";
import { deleteOld } from "./retention.ts";
import { type GatewayOrders, type RunningGateways, startGateways } from "./start.ts";
import { BY, START, type TestSite, testSite } from "./testSite.ts";
import { until } from "./until.ts";

const own = gatewayId("gw-1");
const noOrders = (_gateways: Gateways): GatewayOrders => ({
  applyOrderEvent: async () => ({ commands: [] }),
  desiredOrders: async () => [],
});
const config = { host: "127.0.0.1", mqttPort: 0, mqttUrl: null, tls: null };

interface Sent {
  topic: string;
  body: Record<string, unknown>;
}

let site: TestSite;
let gateways: RunningGateways;
beforeEach(async () => {
  site = await testSite();
});
afterEach(async () => {
  await gateways.close();
  await site.close();
});

const hello = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    v: 1,
    program: "gateway 0.1.0",
    speaks: { min: 1, max: 1 },
    stream: "s1",
    re: "conn-1",
    desired: null,
    ...fields,
  });
const events = (list: unknown[], no = 1, stream = "s1"): string =>
  JSON.stringify({ v: 1, stream, no, events: list });
const health = (seq: number) => ({ seq, kind: "health", at: START, quality: "synced", body: { detail: 1 } });

describe("on a simulated pipe", () => {
  let listener: PipeListener;
  let sent: Sent[];
  let disconnected: string[];
  let replyTo: string;

  async function begin(reportsConnections = true, orders = noOrders): Promise<void> {
    sent = [];
    disconnected = [];
    gateways = await startGateways({
      ...site,
      config,
      orders,
      openPipe: async (l, at) => {
        listener = l;
        replyTo = at.replyTo;
        return {
          reportsConnections,
          publish: (topic, payload) => void sent.push({ topic, body: JSON.parse(payload) }),
          disconnect: (id) => void disconnected.push(id),
          counts: () => ({ connections: 0, denied: 0, dropped: 0 }),
          close: async () => undefined,
        };
      },
    });
  }
  const say = async (topic: string, payload: string, sender: string | null = "gw-1"): Promise<Sent[]> => {
    const before = sent.length;
    listener.message(topic, payload, sender);
    await site.clock.advance(millis(100));
    return sent.slice(before);
  };
  const on = (list: Sent[], topic: string) => list.filter((s) => s.topic === topic).map((s) => s.body);

  test("hello is welcomed with what is applied, and gets the desired state when it has another", async () => {
    await begin();
    listener.connection("gw-1", true);
    expect(gateways.online("gw-1")).toBe(false);
    const first = await say(up.hello(own), hello());
    expect(on(first, down.welcome(own))).toMatchObject([
      { v: 1, re: "conn-1", result: "ok", message: "", acked: 0 },
    ]);
    expect(on(first, down.desired(own))).toMatchObject([{ version: 1, timeZone: "Asia/Shanghai" }]);
    expect(gateways.online("gw-1")).toBe(true);
    expect(gateways.online("gw-2")).toBe(false);

    const acked = await say(up.events(own), events([health(1), health(2)], 3));
    expect(on(acked, down.ack(own))).toMatchObject([{ acked: 2, re: 3, stream: "s1" }]);
    const again = await say(up.hello(own), hello({ desired: 1, re: "conn-2" }));
    expect(on(again, down.welcome(own))).toMatchObject([{ re: "conn-2", acked: 2 }]);
    expect(on(again, down.desired(own))).toEqual([]);
    expect(on(await say(up.want(own), JSON.stringify({ v: 1, have: null })), down.desired(own)).length).toBe(
      1,
    );
  });

  test("a version that is not served is refused by its name and nothing is taken", async () => {
    await begin();
    listener.connection("gw-1", true);
    const answer = await say(
      up.hello(own),
      hello({ v: 9, speaks: { min: 8, max: 9 }, stream: 5, desired: "new" }),
    );
    expect(on(answer, down.welcome(own))).toMatchObject([
      { re: "conn-1", result: "version_unsupported", acked: 0 },
    ]);
    expect(answer[0]?.body.message).toBe(
      "program gateway 0.1.0 speaks uplink versions 8 to 9, this cloud 1 to 1: update the cloud",
    );
    expect(gateways.online("gw-1")).toBe(false);
    expect(await say(up.events(own), events([health(1)]))).toEqual([]);
    expect(await say(up.events(own), events([health(1)]).replace('"v":1', '"v":9'))).toEqual([]);
    expect(await site.db.selectFrom("gateway_fact").selectAll().execute()).toEqual([]);
  });

  test("another stream is refused until the operator accepts it, and the former one is refused from then on", async () => {
    await begin();
    listener.connection("gw-1", true);
    await say(up.hello(own), hello());
    await say(up.events(own), events([health(1), health(2)]));
    listener.connection("gw-1", true);
    const refused = await say(up.hello(own), hello({ stream: "s2" }));
    expect(on(refused, down.welcome(own))).toMatchObject([{ result: "stream_unknown", acked: 0 }]);
    expect(refused[0]?.body.message).toContain("gateway accept-stream gw-1");
    expect(on(refused, down.desired(own))).toEqual([]);
    expect(on(await say(up.want(own), JSON.stringify({ v: 1, have: null })), down.desired(own))).toEqual([]);
    expect(gateways.online("gw-1")).toBe(false);
    await say(up.hello(own), hello({ stream: "s2", re: "again" }));
    expect(site.warnings.filter((w) => w.includes("gateway.refused")).length).toBe(1);
    expect(await say(up.events(own), events([health(1)], 1, "s2"))).toEqual([]);
    expect((await listGateways(site.db))[0]).toMatchObject({
      id: "gw-1",
      applied: 2,
      streamWaits: true,
      devices: 1,
    });

    const accept = () => transaction(site.db, (tx) => acceptStream(tx, "gw-1", BY));
    expect(await accept()).toEqual({ kind: "accepted", stream: "s2" });
    expect(await accept()).toEqual({ kind: "nothing_waits" });
    const welcome = await say(up.hello(own), hello({ stream: "s2" }));
    expect(on(welcome, down.welcome(own))).toMatchObject([{ result: "ok", acked: 0 }]);
    expect(on(await say(up.events(own), events([health(1)], 1, "s2")), down.ack(own))).toMatchObject([
      { acked: 1 },
    ]);
    expect(await say(up.events(own), events([health(3)], 1, "s1"))).toEqual([]);
    expect((await site.db.selectFrom("audit_log").select("what").execute()).at(-1)?.what).toBe(
      "gateway.accept_stream",
    );
  });

  test("online ends after 150 s of silence and with the connection", async () => {
    await begin();
    listener.connection("gw-1", true);
    await say(up.hello(own), hello());
    await site.clock.advance(seconds(149));
    expect(gateways.online("gw-1")).toBe(true);
    await site.clock.advance(seconds(2));
    expect(gateways.online("gw-1")).toBe(false);
    await say(up.events(own), events([]));
    expect(gateways.online("gw-1")).toBe(true);
    listener.connection("gw-1", false);
    expect(gateways.online("gw-1")).toBe(false);
    // What it had sent before arrives after: that is no connection.
    await say(up.events(own), events([health(1)]));
    expect(gateways.online("gw-1")).toBe(false);
    await site.clock.advance(seconds(31));
    expect((await listGateways(site.db))[0]?.seenTime).toBe(START + 151_100);
  });

  test("behind an external broker the first word is the connection and the will its end", async () => {
    await begin(false);
    await say(up.hello(own), hello(), null);
    expect(gateways.online("gw-1")).toBe(true);
    await say(up.gone(own), JSON.stringify({ v: 1, stream: "s1" }), null);
    expect(gateways.online("gw-1")).toBe(false);
    await say(up.events(own), events([]), null);
    expect(gateways.online("gw-1")).toBe(true);
  });

  test("a gateway speaks for itself only", async () => {
    await begin();
    listener.connection("gw-2", true);
    listener.connection("gw-1", true);
    expect(await say(up.hello(own), hello(), "gw-2")).toEqual([]);
    expect(gateways.online("gw-1")).toBe(false);

    const id = await transaction(site.db, (tx) =>
      gateways.insertCommand(tx, {
        gatewayId: "gw-1",
        orderId: null,
        deadline: site.clock.now() + 60_000,
        body: { kind: "blink", deviceCode: "CHARGER1" as never },
      }),
    );
    const answer = gateways.send(id, 5000);
    await site.clock.advance(millis(10));
    const done = (gateway: string) => JSON.stringify({ v: 1, id, gateway, outcome: { kind: "done" } });
    await say(replyTo, done("gw-1"), "gw-2");
    await say(replyTo, done("gw-2"), "gw-2");
    expect(gateways.metrics().gateway_replies_refused_total).toBe(2);
    expect(gateways.metrics().gateway_commands_open).toBe(1);
    await say(replyTo, done("gw-1"), "gw-1");
    expect(await answer).toEqual({ kind: "done" });
  });

  test("an order's events change the order, and the desired state says so", async () => {
    await begin(true, gatewayOrders(site.clock));
    const order = orderId("90001800000000");
    await placeOrder(order);
    listener.connection("gw-1", true);
    await say(up.hello(own), hello());
    const body = { orderId: order, deviceCode: "CHARGER1", port: 1, minutes: 60, evidence: "reply" };
    const started = { seq: 1, kind: "order.started", at: START + 5, quality: "synced", body };
    const answers = await say(up.events(own), events([started]));
    expect(on(answers, down.ack(own))).toMatchObject([{ acked: 1 }]);
    expect(on(answers, down.desired(own))).toMatchObject([
      { orders: [{ orderId: order, deviceCode: "CHARGER1", port: 1, minutes: 60, startedAt: START + 5 }] },
    ]);
    const row = await site.db.selectFrom("order_info").select(["state", "startTime"]).executeTakeFirst();
    expect(row).toEqual({ state: "charging", startTime: START + 5 });
  });

  async function placeOrder(order: string): Promise<void> {
    await site.db
      .insertInto("order_info")
      .values({
        orderId: order,
        user: "13800000001",
        deviceCode: "CHARGER1",
        deviceName: "",
        port: 1,
        unitPrice: 150,
        unit: 2,
        money: 300,
        agreedUnit: 2,
        agreedMoney: 300,
        orderTime: START,
        payTime: null,
        cashOutId: null,
        state: "starting",
        payState: "unpaid",
        manager: "13900000001",
        gatewayId: "gw-1",
        startTime: null,
        endTime: null,
        minutes: null,
        endReason: null,
        evidence: null,
        cancelReason: null,
        updateTime: START,
      })
      .execute();
    await site.db
      .insertInto("live_order")
      .values({ deviceCode: "CHARGER1", port: 1, orderId: order })
      .execute();
  }

  test("what cannot be read is counted and answered with nothing", async () => {
    await begin();
    listener.connection("gw-1", true);
    for (const payload of ["", "null", "[]", "{}", '{"v":1}', "\u0000", hello({ stream: 7 })]) {
      for (const topic of [up.hello(own), up.events(own), up.want(own)]) {
        if (topic === up.want(own) && payload.length > 10) continue;
        expect(await say(topic, payload)).toEqual([]);
      }
    }
    expect(gateways.metrics().gateway_messages_malformed_total).toBe(20);
    expect(gateways.online("gw-1")).toBe(false);
  });

  test("a gateway that floods loses messages of its own, not those of another", async () => {
    await begin();
    listener.connection("gw-1", true);
    listener.connection("gw-2", true);
    await say(up.hello(gatewayId("gw-2")), hello(), "gw-2");
    for (let i = 0; i < 100; i++) listener.message(up.events(own), events([]), "gw-1");
    const answer = await say(up.events(gatewayId("gw-2")), events([health(1)]), "gw-2");
    expect(on(answer, down.ack(gatewayId("gw-2")))).toMatchObject([{ acked: 1 }]);
    expect(gateways.metrics().gateway_messages_dropped_total).toBe(84);
    expect(gateways.metrics().gateway_messages_waiting).toBe(0);
  });

  test("facts and ended commands go after thirty days, open commands and dead events stay", async () => {
    await begin();
    await say(up.hello(own), hello());
    await say(up.events(own), events([health(1)]));
    const command = (id: string, state: "open" | "answered") => ({
      id,
      gatewayId: "gw-1",
      orderId: null,
      body: "{}",
      deadline: START,
      state,
      outcome: null,
      insertTime: START,
      answerTime: null,
    });
    await site.db
      .insertInto("command")
      .values([command("a", "answered"), command("b", "open")])
      .execute();
    const left = async () => [
      (await site.db.selectFrom("gateway_fact").select("id").execute()).length,
      (await site.db.selectFrom("command").select("id").execute()).map((c) => c.id).join(),
    ];
    await deleteOld(site.db, START + 29 * 86_400_000);
    expect(await left()).toEqual([1, "a,b"]);
    await deleteOld(site.db, START + 31 * 86_400_000);
    expect(await left()).toEqual([0, "b"]);
  });
});

describe("on the embedded broker", () => {
  let client: MqttClient;
  let got: Sent[];

  async function login(): Promise<void> {
    got = [];
    client = connect(`mqtt://127.0.0.1:${gateways.port}`, {
      username: "gw-1",
      password: site.tokens.one,
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    client.on("message", (topic, payload) => void got.push({ topic, body: JSON.parse(payload.toString()) }));
    client.on("error", () => undefined);
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    for (const topic of Object.values(down)) await client.subscribeAsync(topic(own), { qos: 1 });
  }
  beforeEach(async () => {
    gateways = await startGateways({ ...site, clock: systemClock, config, orders: noOrders });
    await login();
  });
  afterEach(async () => {
    await client.endAsync(true);
  });

  test("a command reaches the gateway and its answer the caller", async () => {
    await client.publishAsync(up.hello(own), hello(), { qos: 1 });
    await until(() => gateways.online("gw-1"));
    client.on("message", (topic, payload) => {
      if (topic !== down.command(own)) return;
      const { id, replyTo } = JSON.parse(payload.toString());
      const answer = { v: 1, id, gateway: "gw-1", outcome: { kind: "done" } };
      client.publish(replyTo, JSON.stringify(answer), { qos: 1 });
    });
    const id = await transaction(site.db, (tx) =>
      gateways.insertCommand(tx, {
        gatewayId: "gw-1",
        orderId: null,
        deadline: systemClock.now() + 60_000,
        body: { kind: "blink", deviceCode: "CHARGER1" as never },
      }),
    );
    expect(await gateways.send(id, 10_000)).toEqual({ kind: "done" });
    client.stream.destroy();
    await until(() => !gateways.online("gw-1"));
  });

  for (const [name, change] of [
    ["revoking", (site: TestSite) => transaction(site.db, (tx) => revokeGateway(tx, "gw-1", BY))],
    [
      "a new token",
      (site: TestSite) =>
        transaction(site.db, (tx) => renewToken(tx, { gatewayId: "gw-1", random: site.random }, BY)),
    ],
  ] as const) {
    test(`${name} ends the live connection, and the former token opens no other`, async () => {
      await client.publishAsync(up.hello(own), hello(), { qos: 1 });
      await until(() => gateways.online("gw-1"));
      const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
      await change(site);
      await closed;
      expect(gateways.online("gw-1")).toBe(false);
      expect(await authenticateGateway(site.db, "gw-1", site.tokens.one)).toBe(false);
    });
  }
});
