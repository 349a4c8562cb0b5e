import { once } from "node:events";
import { createServer } from "node:net";
import { seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { gatewayId } from "@bluepower/protocol/units";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";
import { Aedes } from "aedes";
import { connect } from "mqtt";
import { pino } from "pino";
import { expect, test } from "vitest";
import { connectBroker } from "./externalBroker.ts";
import { START } from "./testSite.ts";
import { until } from "./until.ts";

const own = gatewayId("gw-1");
const replyTo = replies("main", "BootBootBootBootBoot22");

test("messages go through an external broker; a refused subscription is tried again; no secret is logged", async () => {
  let refusals = 5;
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (_client, subscription, done) => {
      refusals -= 1;
      done(null, refusals >= 0 ? null : subscription);
    },
  });
  const server = createServer(aedes.handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const lines: string[] = [];
  const clock = new SimulatedClock(START);
  const got: { topic: string; payload: string; sender: string | null }[] = [];
  const pipe = connectBroker({
    url: `mqtt://cloud:secret@127.0.0.1:${port}`,
    clientId: "cloud",
    replyTo,
    clock,
    listener: {
      message: (topic, payload, sender) => void got.push({ topic, payload, sender }),
      connection: () => undefined,
    },
    log: pino({}, { write: (line: string) => void lines.push(line) }),
  });
  const gateway = connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
  try {
    pipe.publish(down.ack(own), "before the connection", 1);
    expect(pipe.counts().dropped).toBe(1);

    await until(() => clock.pending().includes("subscribe again"));
    expect(pipe.counts().denied).toBe(1);
    await clock.advance(seconds(5));
    await until(() => refusals === -5);

    const heard: string[] = [];
    gateway.on("message", (_topic, payload) => void heard.push(payload.toString()));
    await gateway.subscribeAsync(down.ack(own), { qos: 1 });
    for (const topic of [...Object.values(up).map((t) => t(own)), replyTo, "other/topic"]) {
      await gateway.publishAsync(topic, "x", { qos: 1 });
    }
    await until(() => got.length === 5);
    expect(got.map((g) => g.topic)).toEqual([...Object.values(up).map((t) => t(own)), replyTo]);
    expect(got.every((g) => g.sender === null)).toBe(true);

    pipe.publish(down.ack(own), "after", 1);
    await until(() => heard.length === 1);
    expect(heard).toEqual(["after"]);
    expect(lines.join()).not.toContain("secret");
  } finally {
    await gateway.endAsync(true);
    await pipe.close();
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();
  }
});
