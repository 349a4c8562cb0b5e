import { spawn } from "node:child_process";
import { gatewayId } from "@bluepower/protocol/units";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startBroker } from "../../cloud/gateways/broker.ts";
import { authenticateGateway } from "../../cloud/gateways/identity.ts";
import { type TestSite, testSite } from "../../cloud/gateways/testSite.ts";
import { until } from "../e2e/until.ts";
import { installed } from "./programs.ts";

/** The cloud's broker towards the clients of mosquitto, which share no code with ours. */

const own = gatewayId("gw-1");
const present = installed("the cloud's broker towards mosquitto's clients", [
  "mosquitto_pub",
  "mosquitto_sub",
]);

describe.runIf(present)("a gateway that mosquitto's clients play", () => {
  let site: TestSite;
  let broker: Awaited<ReturnType<typeof startBroker>>;
  const messages: { topic: string; payload: string; sender: string | null }[] = [];

  beforeAll(async () => {
    site = await testSite();
    broker = await startBroker({
      host: "127.0.0.1",
      port: 0,
      nodeId: "main",
      replyTo: replies("main", "BootBootBootBootBoot22"),
      authenticate: (id, token) => authenticateGateway(site.db, id, token),
      listener: {
        message: (topic, payload, sender) => void messages.push({ topic, payload, sender }),
        connection: () => undefined,
      },
      log: site.log,
    });
  });
  afterAll(async () => {
    await broker?.close();
    await site?.close();
  });

  const login = (token: string): string[] => [
    ...["-h", "127.0.0.1", "-p", String(broker.port), "-V", "mqttv311", "-q", "1"],
    ...["-u", own, "-P", token, "-i", "any"],
  ];
  function run(program: string, options: string[]) {
    const child = spawn(program, options, { stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (b: Buffer) => said.push(String(b)));
    const end = new Promise<number | null>((done) => child.once("close", done));
    return { child, said: () => said.join(""), end };
  }

  test("publishes on its own topic with its token, and is known by it", async () => {
    const publish = [...login(site.tokens.one), "-t", up.hello(own), "-m", "hello"];
    expect(await run("mosquitto_pub", publish).end).toBe(0);
    await until(
      "it arrives",
      () => messages,
      (all) => all.length > 0,
    );
    expect(messages).toEqual([{ topic: up.hello(own), payload: "hello", sender: own }]);
  });

  test("is told at login that a wrong token is none", async () => {
    const publish = [...login("wrong"), "-t", up.hello(own), "-m", "forged"];
    const refused = run("mosquitto_pub", publish);
    expect(await refused.end).not.toBe(0);
    expect(refused.said()).toMatch(/not authori[sz]ed|bad user name or password/i);
    expect(messages.map((m) => m.payload)).not.toContain("forged");
  });

  test("gets what is for it, and no subscription to another's", async () => {
    const other = gatewayId("gw-2");
    // Both in one request; the program ends with the first message.
    const topics = ["-t", down.ack(other), "-t", down.ack(own)];
    const subscriber = run("mosquitto_sub", [...login(site.tokens.one), "-v", "-C", "1", ...topics]);
    await until(
      "one message arrives",
      () => {
        broker.publish(down.ack(other), "not for it", 1);
        broker.publish(down.ack(own), "for it", 1);
        return subscriber.child.exitCode;
      },
      (code) => code !== null,
    );
    expect(subscriber.said()).toBe(`${down.ack(own)} for it\n`);
  });

  test("cannot speak on another's topic", async () => {
    const other = gatewayId("gw-2");
    const forged = run("mosquitto_pub", [...login(site.tokens.one), "-t", up.hello(other), "-m", "as gw-2"]);
    await forged.end;
    const publish = [...login(site.tokens.one), "-t", up.hello(own), "-m", "afterwards"];
    expect(await run("mosquitto_pub", publish).end).toBe(0);
    await until(
      "what is allowed arrives",
      () => messages,
      (all) => all.some((m) => m.payload === "afterwards"),
    );
    expect(messages.map((m) => m.payload)).not.toContain("as gw-2");
  });
});
