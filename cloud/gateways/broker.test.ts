import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { seconds } from "@bluepower/protocol/clock";
import { gatewayId } from "@bluepower/protocol/units";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { senderOf, startBroker } from "./broker.ts";
import { authenticateGateway, revokeGateway } from "./identity.ts";
import type { Pipe } from "./pipe.ts";
import { BY, type TestSite, testSite } from "./testSite.ts";
import { until } from "./until.ts";

const replyTo = replies("main", "BootBootBootBootBoot22");
const own = gatewayId("gw-1");
const other = gatewayId("gw-2");

let site: TestSite;
let broker: Pipe & { port: number };
let messages: { topic: string; payload: string; sender: string | null }[];
let connections: string[];
let clients: MqttClient[];

beforeEach(async () => {
  site = await testSite();
  // Lists of this test alone: the broker before it may still say that its gateway went.
  const said: typeof messages = [];
  const seen: typeof connections = [];
  messages = said;
  connections = seen;
  clients = [];
  broker = await startBroker({
    host: "127.0.0.1",
    port: 0,
    nodeId: "main",
    replyTo,
    authenticate: (id, token) => authenticateGateway(site.db, id, token),
    listener: {
      message: (topic, payload, sender) => void said.push({ topic, payload, sender }),
      connection: (id, connected) => void seen.push(`${id} ${connected ? "came" : "went"}`),
    },
    log: site.log,
  });
});

afterEach(async () => {
  for (const client of clients) await client.endAsync(true);
  await broker.close();
  await site.close();
});

/** Unlike `once` of the platform, an error before the end is no failure. */
const closed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once("close", () => resolve()));

async function login(options: IClientOptions = {}): Promise<MqttClient | string> {
  const client = connect(`mqtt://127.0.0.1:${broker.port}`, {
    username: "gw-1",
    password: site.tokens.one,
    reconnectPeriod: 0,
    protocolVersion: 4,
    ...options,
  });
  clients.push(client);
  return await new Promise((resolve) => {
    client.once("connect", () => resolve(client));
    client.once("error", (error) => resolve(error.message));
    client.once("close", () => resolve("closed"));
  });
}

async function gateway(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await login(options);
  if (typeof client === "string") throw new Error(client);
  client.on("error", () => undefined);
  return client;
}

describe("login", () => {
  const refused: [string, IClientOptions][] = [
    ["a wrong token", { password: "wrong" }],
    ["an empty token", { password: "" }],
    ["the token of another gateway", { username: "gw-2" }],
    ["an unknown gateway", { username: "gw-3" }],
    ["a wildcard for a name", { username: "+" }],
    ["a session that outlives the connection", { clean: false, clientId: "keeps" }],
    [
      "a will on a topic of another",
      { will: { topic: up.gone(other), payload: Buffer.from("{}"), qos: 1, retain: false } },
    ],
    [
      "a will on another topic of its own",
      { will: { topic: up.events(own), payload: Buffer.from("{}"), qos: 1, retain: false } },
    ],
    ["a retained will", { will: { topic: up.gone(own), payload: Buffer.from("{}"), qos: 1, retain: true } }],
    ["no keepalive", { keepalive: 0 }],
  ];
  for (const [name, options] of refused) {
    test(`with ${name} is refused`, async () => {
      expect(await login(options)).toBeTypeOf("string");
      expect(connections).toEqual([]);
      expect(broker.counts().connections).toBe(0);
    });
  }

  test("without a name is refused", async () => {
    const client = connect(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0, protocolVersion: 4 });
    clients.push(client);
    const error = await new Promise<Error>((resolve) => client.once("error", resolve));
    expect(error.message).toMatch(/Not authorized|Bad username/);
  });

  test("a revoked gateway is refused", async () => {
    await transaction(site.db, (tx) => revokeGateway(tx, "gw-1", BY));
    expect(await login()).toBeTypeOf("string");
  });

  test("with its id and token is taken, and its will says that it went", async () => {
    const client = await gateway({
      will: { topic: up.gone(own), payload: Buffer.from("gone"), qos: 1, retain: false },
    });
    await until(() => connections.length === 1);
    client.stream.destroy();
    await until(() => connections.length === 2 && messages.length === 1);
    expect(connections).toEqual(["gw-1 came", "gw-1 went"]);
    expect(messages).toEqual([{ topic: up.gone(own), payload: "gone", sender: "gw-1" }]);
  });

  test("a newer connection replaces the older one, whose will is not told", async () => {
    const will = { topic: up.gone(own), payload: Buffer.from("gone"), qos: 1 as const, retain: false };
    const older = await gateway({ will });
    const ended = closed(older);
    const newer = await gateway({ will, clientId: "another-name" });
    await ended;
    await newer.publishAsync(up.hello(own), "hi", { qos: 1 });
    await until(() => messages.length > 0);
    expect(messages.map((m) => m.payload)).toEqual(["hi"]);
    expect(connections).toEqual(["gw-1 came", "gw-1 came"]);
    expect(broker.counts().connections).toBe(1);
  });

  test("a client id on the wire pushes nobody out", async () => {
    const first = await gateway({ clientId: "gw-2" });
    const second = await gateway({ username: "gw-2", password: site.tokens.two, clientId: "gw-1" });
    await first.publishAsync(up.hello(own), "1", { qos: 1 });
    await second.publishAsync(up.hello(other), "2", { qos: 1 });
    await until(() => messages.length === 2);
    expect(messages.map((m) => m.sender)).toEqual(["gw-1", "gw-2"]);
  });
});

describe("publish", () => {
  for (const topic of [...Object.values(up).map((t) => t(own)), replyTo]) {
    test(`on ${topic} is its right`, async () => {
      const client = await gateway();
      await client.publishAsync(topic, "x", { qos: 1 });
      await until(() => messages.length === 1);
      expect(messages).toEqual([{ topic, payload: "x", sender: "gw-1" }]);
      expect(broker.counts().denied).toBe(0);
    });
  }

  const foreign: [string, string, IClientOptions?][] = [
    ...Object.values(up).map((t): [string, string] => ["of another", t(other)]),
    ...Object.values(down).map((t): [string, string] => ["of the cloud to itself", t(own)]),
    ...Object.values(down).map((t): [string, string] => ["of the cloud to another", t(other)]),
    ["of its own in the wrong shard", `up/99/${own}/ev`],
    ["of its own with a level more", `${up.events(own)}/x`],
    ["of the broker", "$SYS/x/heartbeat"],
    ["of the answers in a wrong form", "cloud/main/a/b/r"],
    ["of the answers of another node", replies("other", "BootBootBootBootBoot22")],
  ];
  for (const [name, topic] of foreign) {
    test(`on a topic ${name} (${topic}) ends the connection`, async () => {
      const client = await gateway();
      client.publish(topic, "x", { qos: 0 });
      await closed(client);
      expect(messages).toEqual([]);
      expect(broker.counts().denied).toBe(1);
    });
  }

  test("retained, or with QoS 2, ends the connection", async () => {
    for (const options of [{ retain: true }, { qos: 2 as const }]) {
      const client = await gateway();
      client.publish(up.events(own), "x", options);
      await closed(client);
    }
    expect(messages).toEqual([]);
  });

  test("an answer to a boot that is over is swallowed and ends nothing", async () => {
    const client = await gateway();
    await client.publishAsync(replies("main", "FormerFormerFormer2222"), "late", { qos: 1 });
    await client.publishAsync(up.events(own), "next", { qos: 1 });
    await until(() => messages.length > 0);
    expect(messages.map((m) => m.payload)).toEqual(["next"]);
  });

  test("a packet beyond the limit ends the connection before it is collected", async () => {
    const client = await gateway();
    client.publish(up.events(own), Buffer.alloc(300_000), { qos: 1 });
    await closed(client);
    expect(messages).toEqual([]);
  });
});

describe("subscribe", () => {
  test("to its own topics, and to nothing else, is granted; a refusal ends nothing", async () => {
    const client = await gateway();
    const mine = Object.values(down).map((t) => t(own));
    const refused = [
      ...Object.values(down).map((t) => t(other)),
      ...Object.values(up).flatMap((t) => [t(own), t(other)]),
      ...["#", "+/gw-2/ack", "gw/+/down/cmd", "gw/gw-1/#", "gw/gw-1/+", "gw/#", "up/#", "cloud/#", "$SYS/#"],
      replyTo,
    ];
    const granted = new Map<string, number>();
    for (const topic of [...mine, ...refused]) {
      const result = await new Promise<number>((resolve) => {
        client.subscribe(topic, { qos: 1 }, (error, grants) =>
          resolve(error ? 128 : (grants?.[0]?.qos ?? 128)),
        );
      });
      granted.set(topic, result);
    }
    expect(mine.map((t) => granted.get(t))).toEqual(mine.map(() => 1));
    expect(refused.map((t) => granted.get(t))).toEqual(refused.map(() => 128));

    const got: string[] = [];
    client.on("message", (topic) => void got.push(topic));
    broker.publish(down.ack(other), "not for you", 1);
    broker.publish(down.ack(own), "for you", 1);
    await until(() => got.length > 0);
    expect(got).toEqual([down.ack(own)]);
  });
});

test("what the cloud sends is not kept for who comes later", async () => {
  broker.publish(down.command(own), "start", 1);
  const client = await gateway();
  const got: string[] = [];
  client.on("message", (_topic, payload) => void got.push(payload.toString()));
  await client.subscribeAsync(down.command(own), { qos: 1 });
  broker.publish(down.command(own), "stop", 1);
  await until(() => got.length > 0);
  expect(got).toEqual(["stop"]);
});

test("a topic tells its gateway only when it is exactly that gateway's", () => {
  expect(senderOf(up.events(own))).toEqual({ gatewayId: "gw-1", what: "ev" });
  expect(senderOf(`up/00/gw-1/ev/x`)).toBeUndefined();
  expect(senderOf(down.ack(own))).toBeUndefined();
});

test("a port that is taken is an error that names the variable", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const started = startBroker({
    host: "127.0.0.1",
    port,
    nodeId: "main",
    replyTo,
    authenticate: async () => true,
    listener: { message: () => undefined, connection: () => undefined },
    log: site.log,
  });
  await expect(started).rejects.toThrow(`port ${port} is taken: set MQTT_PORT to a free one`);
  server.close();
});

test("a thousand gateways with 64 messages in flight each: all arrive, each is answered, nothing breaks", {
  timeout: 120_000,
}, async () => {
  await broker.close();
  const seen = new Map<string, number>();
  broker = await startBroker({
    host: "127.0.0.1",
    port: 0,
    nodeId: "main",
    replyTo,
    authenticate: async () => true,
    listener: {
      message(_topic, _payload, sender) {
        const id = gatewayId(sender);
        seen.set(id, (seen.get(id) ?? 0) + 1);
        broker.publish(down.ack(id), "{}", 1);
      },
      connection: () => undefined,
    },
    log: site.log,
  });
  const sockets: Socket[] = [];
  let answered = 0;
  const connected = Array.from({ length: 1000 }, async (_, i) => {
    const id = gatewayId(`mass-${String(i).padStart(3, "0")}`);
    const socket = connectSocket(broker.port, "127.0.0.1");
    sockets.push(socket);
    socket.write(rawConnect(id));
    await once(socket, "data");
    socket.write(rawSubscribe(down.ack(id)));
    await once(socket, "data");
    return { id, socket };
  });
  const ready = await Promise.all(connected);
  const answer = rawPublish(down.ack(gatewayId("mass-000")), 1).length;
  const receipt = 4;
  for (const { socket } of ready) {
    socket.on("data", (chunk) => {
      answered += chunk.length;
    });
  }
  for (const { id, socket } of ready) {
    socket.write(Buffer.concat(Array.from({ length: 64 }, (_, n) => rawPublish(up.events(id), n + 1))));
  }
  await until(() => answered >= 64_000 * (answer + receipt), seconds(90));
  expect(answered).toBe(64_000 * (answer + receipt));
  expect([...seen.values()].filter((n) => n === 64).length).toBe(1000);
  for (const socket of sockets) socket.destroy();
});

function field(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]);
}

function rawConnect(id: string): Buffer {
  const body = Buffer.concat([
    field("MQTT"),
    Buffer.from([4, 0xc2, 0, 60]),
    field(id),
    field(id),
    field("t"),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

function rawPublish(topic: string, id: number): Buffer {
  const body = Buffer.concat([field(topic), Buffer.from([id >> 8, id & 255]), Buffer.from("{}")]);
  return Buffer.concat([Buffer.from([0x32, body.length]), body]);
}

function rawSubscribe(topic: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, 1]), field(topic), Buffer.from([1])]);
  return Buffer.concat([Buffer.from([0x82, body.length]), body]);
}
