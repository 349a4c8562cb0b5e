import { createServer, type Server } from "node:net";
import { seededRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { Aedes, type AuthenticateError } from "aedes";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { MqttUplink } from "../../gateway/uplink/mqtt.ts";
import { type Cable, cable } from "./cable.ts";
import { until } from "./until.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A broker that takes one token, and grants subscriptions after `refusals` refused ones. */
async function broker(
  refusals = 0,
): Promise<{ aedes: Aedes; cable: Cable; wills: string[]; logins: string[] }> {
  const wills: string[] = [];
  const logins: string[] = [];
  const aedes = await Aedes.createBroker({
    authenticate(_client, user, password, done) {
      logins.push(`${user}:${password}`);
      if (password?.toString() === "right") done(null, true);
      else done(Object.assign(new Error("no"), { returnCode: 4 }) as AuthenticateError, null);
    },
    authorizeSubscribe(_client, subscription, done) {
      if (refusals > 0 && subscription.topic === "gw/g1/ack") {
        refusals -= 1;
        done(null, null);
      } else done(null, subscription);
    },
  });
  aedes.on("publish", (packet) => {
    if (packet.topic === "up/gone") wills.push(packet.payload.toString());
  });
  const server: Server = createServer({ noDelay: true }, (socket) => void aedes.handle(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const line = await cable({ port: address.port });
  closing.push(
    () => new Promise((resolve) => server.close(() => resolve())),
    () => new Promise((resolve) => aedes.close(() => resolve())),
    () => line.close(),
  );
  return { aedes, cable: line, wills, logins };
}

function uplink(port: number, token: () => string): MqttUplink {
  const made = new MqttUplink({
    clock: systemClock,
    random: seededRandom(1),
    log: pino({ level: "silent" }),
    url: new URL(`mqtt://127.0.0.1:${port}`),
    id: "g1",
    token: async () => token(),
    will: { topic: "up/gone", payload: "gone" },
    subscriptions: ["gw/g1/ack", "gw/g1/down/cmd"],
  });
  closing.push(() => made.close());
  return made;
}

test("logs in with id and token, takes messages, and says goodbye without its will", async () => {
  const b = await broker();
  const up = uplink(b.cable.port, () => "right");
  const heard: string[] = [];
  up.onMessage((topic, payload) => heard.push(`${topic} ${payload}`));
  // What the broker says in the same moment as it grants the subscription must not be lost.
  b.aedes.on("subscribe", () => {
    b.aedes.publish(
      {
        cmd: "publish",
        topic: "gw/g1/down/cmd",
        payload: Buffer.from("early"),
        qos: 1,
        dup: false,
        retain: false,
      },
      () => {},
    );
  });
  await until(
    "the connection",
    () => up.connected,
    (yes) => yes,
  );
  await until(
    "the message",
    () => heard,
    (all) => all.includes("gw/g1/down/cmd early"),
  );
  expect(b.logins).toEqual(["g1:right"]);
  await up.close();
  expect(up.publish("up/x", "1")).toBe("dropped");
  expect(b.wills).toEqual([]);
});

test("a wrong token is tried again, read anew each time", async () => {
  const b = await broker();
  let token = "wrong";
  const up = uplink(b.cable.port, () => token);
  await until(
    "a refused login",
    () => b.logins.length,
    (n) => n > 0,
  );
  expect(up.connected).toBe(false);
  token = "right";
  await until(
    "the connection",
    () => up.connected,
    (yes) => yes,
  );
});

test("a refused subscription is counted and asked for again; before that it is not connected", async () => {
  const b = await broker(1);
  const up = uplink(b.cable.port, () => "right");
  const states: boolean[] = [];
  up.onConnected((connected) => states.push(connected));
  await until(
    "the connection",
    () => up.connected,
    (yes) => yes,
  );
  expect(up.counts.refusedSubscriptions).toBe(1);
  expect(states).toEqual([true]);
});

test("a cut cable: the will is said, and the connection comes back by itself", async () => {
  const b = await broker();
  const up = uplink(b.cable.port, () => "right");
  const states: boolean[] = [];
  up.onConnected((connected) => states.push(connected));
  await until(
    "the connection",
    () => up.connected,
    (yes) => yes,
  );
  b.cable.pull("reset");
  await until(
    "the loss",
    () => up.connected,
    (yes) => !yes,
  );
  await until(
    "the will",
    () => b.wills,
    (all) => all.length === 1,
  );
  expect(up.publish("up/x", "1")).toBe("dropped");
  b.cable.plug();
  await until(
    "the connection",
    () => up.connected,
    (yes) => yes,
  );
  expect(states).toEqual([true, false, true]);
});
