import { mkdir, mkdtemp, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gatewayId } from "@bluepower/protocol/units";
import type {
  Command,
  CommandBody,
  Desired,
  Events,
  Hello,
  Reply,
} from "@bluepower/protocol/uplink/messages";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";
import { Aedes } from "aedes";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { cable } from "./cable.ts";
import { freePorts } from "./ports.ts";
import { Site } from "./site.ts";
import { until } from "./until.ts";

/** The real gateway and a real charger; the test itself is the cloud, so that it can say what a cloud never would. */

const id = gatewayId("gateway-1");
const REPLY = replies("node", "boot");
const CHARGER = { code: "CHARGE01", chip: "A1B2C3D4E5F6" };

let site: Site;
let broker: Aedes;
let server: Server;
const answers: Reply[] = [];
const facts: Events["events"] = [];
let hellos = 0;

const publish = (topic: string, message: object): Promise<void> =>
  new Promise((done, fail) =>
    broker.publish(
      { cmd: "publish", topic, payload: JSON.stringify(message), qos: 1, dup: false, retain: false },
      (error) => (error ? fail(error) : done()),
    ),
  );

function command(of: { id: string; body: CommandBody; deadline?: number }): Promise<void> {
  const message: Command = {
    v: 1,
    sentAt: Date.now(),
    id: of.id,
    deadline: of.deadline ?? Date.now() + 60_000,
    replyTo: REPLY,
    command: of.body,
  };
  return publish(down.command(id), message);
}

const portOf = async (port: number) => (await site.charger(CHARGER.code)).ports.find((p) => p.port === port);
const answered = (commandId: string) =>
  until(
    `an answer to ${commandId}`,
    () => answers.filter((a) => a.id === commandId),
    (a) => a.length > 0,
  );

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), "bluepower-e2e-"));
  const [mqtt = 0, local = 0, air = 0, control = 0] = await freePorts(4);
  broker = await Aedes.createBroker();
  server = createServer({ noDelay: true }, broker.handle);
  await new Promise<void>((done) => server.listen(mqtt, "127.0.0.1", () => done()));
  broker.on("publish", (packet, client) => {
    if (client === null) return;
    const say = JSON.parse(String(packet.payload));
    if (packet.topic === up.hello(id)) {
      const hello = say as Hello;
      hellos += 1;
      void publish(down.welcome(id), {
        v: 1,
        sentAt: Date.now(),
        re: hello.re,
        result: "ok",
        message: "",
        acked: 0,
      });
    } else if (packet.topic === up.want(id)) {
      const desired: Desired = {
        v: 1,
        sentAt: Date.now(),
        version: 1,
        timeZone: "Asia/Shanghai",
        foreignPorts: "report",
        chargers: [
          {
            deviceCode: CHARGER.code,
            chipId: CHARGER.chip,
            jamCode: "123456",
            profile: 1,
            unitPrice: 150,
            maxUnit: 12,
            enabled: true,
          },
        ] as unknown as Desired["chargers"],
        orders: [],
        blackList: [],
      };
      void publish(down.desired(id), desired);
    } else if (packet.topic === up.events(id)) {
      const batch = say as Events;
      facts.push(...batch.events.filter((e) => e.seq > (facts.at(-1)?.seq ?? 0)));
      const acked = facts.at(-1)?.seq ?? 0;
      void publish(down.ack(id), { v: 1, sentAt: Date.now(), stream: batch.stream, acked, re: batch.no });
    } else if (packet.topic === REPLY) answers.push(say as Reply);
  });

  site = new Site({
    dir,
    dataDir: dir,
    port: 0,
    control: 0,
    local,
    air,
    broker: await cable({ port: mqtt }),
    chargers: [CHARGER],
    controls: [control],
  });
  const dist = resolve(import.meta.dirname, "../../dist");
  const socket = join(dir, "air");
  const ok = async (url: string) => (await fetch(url)).ok;
  site.define("air", {
    args: [join(dist, "demo/virtual-air.js"), "--socket", socket, "--control", String(air)],
    env: {},
    ready: async () => (await stat(socket)).isSocket(),
  });
  site.define(CHARGER.code, {
    args: [
      join(dist, "firmware-sim/main.js"),
      ...["--chip", CHARGER.chip, "--radio", `virtual:${socket}`, "--control", String(control)],
    ],
    env: {},
    ready: () => ok(`http://127.0.0.1:${control}/state`),
  });
  await writeFile(join(dir, "token"), "any\n", { mode: 0o600 });
  await mkdir(join(dir, "gateway"));
  site.define("gateway", {
    args: [join(dist, "gateway/main.js"), "run"],
    env: {
      GATEWAY_ID: id,
      GATEWAY_TOKEN_FILE: join(dir, "token"),
      GATEWAY_PORT: String(local),
      BROKER_URL: `mqtt://127.0.0.1:${site.broker.port}`,
      DATA_DIR: join(dir, "gateway"),
      RADIO: `virtual:${socket}`,
    },
    ready: () => ok(`http://127.0.0.1:${local}/healthz`),
  });
  for (const name of ["air", CHARGER.code, "gateway"]) await site.start(name);
  await until(
    "the charger is seen",
    () => facts,
    (all) => all.some((f) => f.kind === "port.changed"),
    30_000,
  );
}, 90_000);

afterAll(async () => {
  await site?.stop();
  await new Promise<void>((done) => broker.close(() => done()));
  await new Promise((done) => server.close(done));
});

const start = (orderId: string, port: number) =>
  ({ kind: "start", orderId, deviceCode: CHARGER.code, port, minutes: 30 }) as unknown as CommandBody;

test("the same start delivered three times switches on once and is answered the same each time", async () => {
  onTestFailed(() => console.log(site.log()));
  const orderId = "90001000000001";
  const before = site.lines(CHARGER.code, /POWERON/).length;
  await Promise.all([1, 2].map(() => command({ id: "start-1", body: start(orderId, 1) })));
  const first = (await answered("start-1")).length;
  await command({ id: "start-1", body: start(orderId, 1) });
  const all = await until(
    "an answer to the repeat",
    () => answers.filter((a) => a.id === "start-1"),
    (a) => a.length > first,
  );
  expect(new Set(all.map((a) => JSON.stringify(a.outcome)))).toEqual(
    new Set([JSON.stringify(all[0]!.outcome)]),
  );
  expect(all[0]!.outcome).toMatchObject({ kind: "started", minutes: 30 });
  expect(site.lines(CHARGER.code, /POWERON/).length - before).toBe(1);
  const begun = await until(
    "the start is a fact",
    () => facts.filter((f) => f.kind === "order.started"),
    (f) => f.length > 0,
  );
  expect(begun).toHaveLength(1);
});

test("the order under another command id does not start it again", async () => {
  onTestFailed(() => console.log(site.log()));
  const before = site.lines(CHARGER.code, /POWERON/).length;
  await command({ id: "start-1b", body: start("90001000000001", 1) });
  expect((await answered("start-1b"))[0]!.outcome.kind).not.toBe("failed");
  expect(site.lines(CHARGER.code, /POWERON/).length - before).toBe(0);
  expect(await portOf(1)).toMatchObject({ state: "running" });
});

test("a start past its deadline is refused and switches nothing on", async () => {
  onTestFailed(() => console.log(site.log()));
  await command({ id: "late", body: start("90001000000002", 2), deadline: Date.now() - 1 });
  expect((await answered("late"))[0]!.outcome).toMatchObject({ kind: "failed", reason: "late" });
  expect(await portOf(2)).toMatchObject({ state: "free" });
});

test("a start of an order that was cancelled before it arrived never begins", async () => {
  onTestFailed(() => console.log(site.log()));
  const orderId = "90001000000003";
  await command({ id: "cancel-3", body: { kind: "cancel", orderId } as unknown as CommandBody });
  expect((await answered("cancel-3"))[0]!.outcome).toMatchObject({ kind: "cancelled" });
  await command({ id: "start-3", body: start(orderId, 3) });
  expect((await answered("start-3"))[0]!.outcome).toMatchObject({ kind: "failed", reason: "cancelled" });
  expect(await portOf(3)).toMatchObject({ state: "free" });
});

test("a second order for a port that runs is refused, the first runs on", async () => {
  onTestFailed(() => console.log(site.log()));
  await command({ id: "start-4", body: start("90001000000004", 1) });
  expect((await answered("start-4"))[0]!.outcome).toMatchObject({ kind: "failed", reason: "port_busy" });
  expect(await portOf(1)).toMatchObject({ state: "running" });
});

test("a killed gateway knows its order again: the port is never switched on twice, stop still works", async () => {
  onTestFailed(() => console.log(site.log()));
  const before = site.lines(CHARGER.code, /POWERON/).length;
  await site.kill("gateway", "SIGKILL");
  const heard = hellos;
  await site.start("gateway");
  // What is said before it has subscribed nobody hears: the broker keeps nothing, a cloud says it again.
  await until(
    "the gateway listens",
    () => hellos,
    (n) => n > heard,
  );
  await command({
    id: "stop-1",
    body: { kind: "stop", orderId: "90001000000001", endReason: "user" } as unknown as CommandBody,
  });
  expect((await answered("stop-1"))[0]!.outcome).toMatchObject({ kind: "stopped" });
  expect(await portOf(1)).toMatchObject({ state: "free" });
  expect(site.lines(CHARGER.code, /POWERON/).length - before).toBe(0);
  const ended = await until(
    "the end is a fact",
    () => facts.filter((f) => f.kind === "order.finished"),
    (f) => f.length > 0,
  );
  expect(ended).toHaveLength(1);
});
