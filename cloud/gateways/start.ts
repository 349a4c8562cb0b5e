import { readFileSync } from "node:fs";
import type { Clock } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { gatewayId as asGatewayId } from "@bluepower/protocol/units";
import { events as eventsShape, want as wantShape } from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import { down, replies } from "@bluepower/protocol/uplink/topics";
import { UPLINK_OLDEST, UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { senderOf, startBroker } from "./broker.ts";
import { Chains } from "./chains.ts";
import { Commands } from "./commands.ts";
import { type DesiredOrders, DesiredPublisher, touchDesired } from "./desired.ts";
import { connectBroker } from "./externalBroker.ts";
import type { Gateways } from "./gateways.ts";
import { greet, readHello, welcomeMessage } from "./hello.ts";
import { authenticateGateway } from "./identity.ts";
import { type ApplyOrderEvent, Intake } from "./intake.ts";
import type { Pipe, PipeListener } from "./pipe.ts";
import { Presence } from "./presence.ts";
import { startRetention } from "./retention.ts";

/** One node serves; its name is part of the topic on which it takes answers. */
const NODE = "main";

/** The environment's part, by the names of the program's configuration (spec 6). */
export interface GatewaysConfig {
  host: string;
  /** Port of the embedded broker. */
  mqttPort: number;
  /** An external broker instead of the embedded one. */
  mqttUrl: string | null;
  tls: { certFile: string; keyFile: string } | null;
}

/** What the orders' domain does for gateways. */
export interface GatewayOrders {
  applyOrderEvent: ApplyOrderEvent;
  desiredOrders: DesiredOrders;
}

export interface RunningGateways extends Gateways {
  /** Where the embedded broker listens; undefined with an external one. */
  readonly port: number | undefined;
  /** Counters and gauges by the names that `/metrics` shows. */
  metrics(): Record<string, number>;
  /** Takes no more messages, finishes what it has taken, and closes the broker. */
  close(): Promise<void>;
}

/** Starts a broker for a listener; another one than the two of this program is a simulated one. */
export type OpenPipe = (
  listener: PipeListener,
  at: { nodeId: string; replyTo: string },
) => Promise<Pipe & { port?: number }>;

/**
 * Starts the cloud's side of the gateways. `orders` is called once, before the first message is taken, with the gateways that
 * orders send their commands through. Throws when the broker's port is taken.
 */
export async function startGateways(parts: {
  db: Db;
  clock: Clock;
  random: Random;
  log: Logger;
  config: GatewaysConfig;
  orders: (gateways: Gateways) => GatewayOrders;
  openPipe?: OpenPipe;
}): Promise<RunningGateways> {
  const { db, clock, log } = parts;
  const random = parts.random.fork("gateways");
  const boot = text(random, 22, BASE62);
  const replyTo = replies(NODE, boot);
  let pipe: (Pipe & { port?: number }) | undefined;
  let malformed = 0;

  const publish = (topic: string, payload: string): void => pipe?.publish(topic, payload, 1);
  const chains = new Chains(log);
  const presence = new Presence({ clock, db, log });
  const commands = new Commands({ db, clock, random, log, replyTo, publish });
  const gateways: Gateways = {
    insertCommand: (tx, command) => commands.insert(tx, command),
    send: (id, waitMs) => commands.send(id, waitMs),
    touchDesired,
    publishDesired: (gatewayId) => desired.publishSoon(gatewayId),
    online: (gatewayId) => presence.online(gatewayId),
  };
  const { applyOrderEvent, desiredOrders } = parts.orders(gateways);
  const desired = new DesiredPublisher({
    db,
    clock,
    log,
    orders: desiredOrders,
    publish,
    isAccepted: (gatewayId) => presence.isAccepted(gatewayId),
    shutOut: (gatewayId) => {
      log.warn({ event: "gateway.shut_out", gateway: gatewayId }, `gateway ${gatewayId} is shut out`);
      presence.gone(gatewayId);
      pipe?.disconnect(gatewayId);
    },
  });
  const intake = new Intake({
    db,
    clock,
    log,
    applyOrderEvent,
    commands,
    // Lost acknowledgements cost a repeat and no more.
    publish: (topic, payload) => pipe?.publish(topic, payload, 0),
    ordersChanged: (gatewayId) => desired.publishSoon(gatewayId),
  });

  const unreadable = (gatewayId: string, what: string, problem: string): void => {
    malformed += 1;
    log.warn({ gateway: gatewayId, problem }, `a message (${what}) of a gateway cannot be read`);
  };
  /** Why each gateway was refused last: it asks again and again, and the log is told once. */
  const refusals = new Map<string, string>();
  const refused = (gatewayId: string, message: string): void => {
    presence.refuse(gatewayId);
    if (refusals.get(gatewayId) === message) return;
    refusals.set(gatewayId, message);
    log.error({ event: "gateway.refused", gateway: gatewayId }, `gateway ${gatewayId}: ${message}`);
  };
  /** The cloud serves the current version and the previous one; a hello says so by name, later messages are dropped. */
  const served = (v: number): boolean => v >= UPLINK_OLDEST && v <= UPLINK_VERSION;

  async function onHello(gatewayId: string, payload: string): Promise<void> {
    const read = readHello(payload);
    if (read.kind === "malformed") return unreadable(gatewayId, "hello", read.problem);
    const answer = (
      fields: { re: string; result: "ok" | "version_unsupported" | "stream_unknown"; message: string },
      acked: number,
      version = UPLINK_VERSION,
    ): void => {
      const message = welcomeMessage({ sentAt: clock.now(), ...fields, acked }, version);
      publish(down.welcome(asGatewayId(gatewayId)), message);
    };
    if (read.kind === "version_unsupported") {
      refused(gatewayId, read.message);
      answer({ re: read.greeting.re, result: "version_unsupported", message: read.message }, 0);
      return;
    }
    const { stream, program, re } = read.hello;
    const greeted = await transaction(db, (tx) => greet(tx, { gatewayId, stream, program, at: clock.now() }));
    switch (greeted.kind) {
      case "stranger":
        presence.refuse(gatewayId);
        return;
      case "stream_unknown":
        refused(gatewayId, greeted.message);
        answer({ re, result: "stream_unknown", message: greeted.message }, 0);
        return;
      case "ok":
        refusals.delete(gatewayId);
        presence.accept(gatewayId);
        answer({ re, result: "ok", message: "" }, greeted.acked, read.version);
        commands.gatewayReady(gatewayId);
        if (read.hello.desired !== greeted.desiredVersion) desired.publishSoon(gatewayId);
    }
  }

  async function onEvents(gatewayId: string, payload: string): Promise<void> {
    const read = decodeJson(eventsShape, payload);
    if ("problem" in read) return unreadable(gatewayId, "ev", read.problem);
    if (!served(read.value.v)) return unreadable(gatewayId, "ev", `version ${read.value.v} is not served`);
    if ((await intake.take(gatewayId, read.value)) === "applied") presence.accept(gatewayId);
    else presence.refuse(gatewayId);
  }

  const onWant = async (gatewayId: string, payload: string): Promise<void> => {
    const read = decodeJson(wantShape, payload);
    if ("problem" in read) return unreadable(gatewayId, "want", read.problem);
    desired.publishSoon(gatewayId);
  };

  const listener: PipeListener = {
    message(topic, payload, sender) {
      if (topic === replyTo) {
        commands.reply(payload, sender).catch((error: unknown) => {
          log.error({ err: error }, "the answer to a command was not recorded");
        });
        if (sender !== null) presence.heard(sender);
        return;
      }
      const from = senderOf(topic);
      if (from === undefined || (sender !== null && sender !== from.gatewayId)) return;
      const { gatewayId, what } = from;
      if (what === "gone") {
        // A broker that reports connections has said it already, and says which of two connections has ended.
        if (pipe?.reportsConnections === false) presence.gone(gatewayId);
        return;
      }
      if (pipe?.reportsConnections === false && !presence.isConnected(gatewayId)) {
        presence.connected(gatewayId);
      }
      presence.heard(gatewayId);
      const work = { hello: onHello, ev: onEvents, want: onWant }[what];
      if (work !== undefined) chains.add(gatewayId, () => work(gatewayId, payload));
    },
    connection(gatewayId, connected) {
      if (connected) presence.connected(gatewayId);
      else presence.gone(gatewayId);
    },
  };

  const openPipe = parts.openPipe ?? realPipe({ ...parts, boot });
  await desired.start();
  await commands.start();
  try {
    pipe = await openPipe(listener, { nodeId: NODE, replyTo });
  } catch (error) {
    commands.stop();
    desired.stop();
    throw error;
  }
  presence.start();
  const retention = startRetention({ db, clock, log });

  return {
    ...gateways,
    port: pipe.port,
    metrics() {
      const of = { command: commands.counts(), event: intake.counts(), broker: pipe?.counts() };
      const { connected, online } = presence.count();
      return {
        gateways_connected: connected,
        gateways_online: online,
        gateways_blocked: of.event.blocked,
        gateway_events_applied_total: of.event.applied,
        gateway_events_put_aside_total: of.event.putAside,
        gateway_messages_waiting: chains.waiting,
        gateway_messages_dropped_total: chains.dropped,
        gateway_messages_malformed_total: malformed,
        gateway_commands_open: of.command.open,
        gateway_commands_expired_total: of.command.expired,
        gateway_replies_refused_total: of.command.refused,
        broker_denied_total: of.broker?.denied ?? 0,
        broker_dropped_total: of.broker?.dropped ?? 0,
      };
    },
    async close() {
      retention.stop();
      desired.stop();
      await pipe?.close();
      await chains.idle();
      commands.stop();
      await presence.stop();
    },
  };
}

function realPipe(parts: {
  db: Db;
  clock: Clock;
  log: Logger;
  config: GatewaysConfig;
  boot: string;
}): OpenPipe {
  const { db, clock, log, config } = parts;
  return async (listener, { nodeId, replyTo }) => {
    if (config.mqttUrl !== null) {
      return connectBroker({
        url: config.mqttUrl,
        clientId: `bluepower-cloud-${nodeId}-${parts.boot.slice(0, 8)}`,
        replyTo,
        clock,
        listener,
        log,
      });
    }
    const tls =
      config.tls === null
        ? {}
        : { tls: { cert: readFileSync(config.tls.certFile), key: readFileSync(config.tls.keyFile) } };
    return await startBroker({
      host: config.host,
      port: config.mqttPort,
      ...tls,
      nodeId,
      replyTo,
      authenticate: (gatewayId, token) => authenticateGateway(db, gatewayId, token),
      listener,
      log,
    });
  };
}
