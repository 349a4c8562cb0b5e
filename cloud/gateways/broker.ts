import type { EventEmitter } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Aedes, type AuthenticateError, type Client, type ConnectPacket } from "aedes";
import mqemitter from "mqemitter";
import type { Logger } from "pino";
import { type Access, accessOf, isFormerReply } from "./acl.ts";
import { packetSizeGuard } from "./packetSize.ts";
import { MESSAGE_MAX, type Pipe, type PipeListener } from "./pipe.ts";

/** Beyond this an external broker is due; a connection costs about 16 KB here. */
const CONNECTIONS_MAX = 10_000;
/** Connections that have not shown a token yet: nobody may fill the broker with them. */
const STRANGERS_MAX = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A gateway that reads nothing for this long is cut off; without it a frozen one holds up the broker. */
const DRAIN_TIMEOUT_MS = 10_000;
/** One and a half times this, and a gateway without a sign of life is closed: the 150 s of spec 4. */
const KEEPALIVE_MAX_S = 100;

/** Return codes of CONNACK in MQTT 3.1.1. */
const UNAVAILABLE = 3;
const BAD_TOKEN = 4;
const NOT_AUTHORIZED = 5;

export interface BrokerOptions {
  host: string;
  /** 0: a free one, for tests. */
  port: number;
  tls?: { cert: Buffer; key: Buffer };
  nodeId: string;
  replyTo: string;
  /** True when the token is that of a gateway which is not revoked. */
  authenticate: (gatewayId: string, token: string) => Promise<boolean>;
  listener: PipeListener;
  log: Logger;
}

/**
 * The embedded MQTT broker. A gateway logs in with its id and token, has one connection (a newer one replaces the
 * older) and may use its own topics only; nothing is retained and no session outlives its connection.
 * Throws when the port cannot be listened on, with the variable to change.
 */
export async function startBroker(options: BrokerOptions): Promise<Pipe & { port: number }> {
  const { listener, log } = options;
  const connects = new WeakMap<Client, ConnectPacket>();
  const access = new WeakMap<Client, Access>();
  const current = new Map<string, Client>();
  const sockets = new Set<Socket>();
  let strangers = 0;
  let denied = 0;

  const deny = (client: Client | null, what: string): Error => {
    denied += 1;
    log.warn({ gateway: client?.id, what }, "refused by the broker");
    return new Error(what);
  };

  const broker = await Aedes.createBroker({
    // With its default of 100 the emitter recurses until the stack is full when a thousand gateways send at once. What
    // is in flight is bounded by the connections: each is read on only when what came has been handed over.
    mq: mqemitter({ concurrency: 0, matchEmptyLevels: true }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    keepaliveLimit: KEEPALIVE_MAX_S,
    maxTopicLevels: 8,
    preConnect(client, packet, done) {
      connects.set(client, packet);
      done(null, true);
    },
    authenticate(client, username, password, done) {
      const refuse = (returnCode: number, why: string): void => {
        done(Object.assign(deny(null, why), { returnCode }) as AuthenticateError, null);
      };
      const rights = username === undefined ? undefined : accessOf(username, options.replyTo);
      const connect = connects.get(client);
      if (username === undefined || rights === undefined || password === undefined || connect === undefined) {
        refuse(BAD_TOKEN, "connect without a gateway id and its token");
        return;
      }
      if (!connect.clean) {
        refuse(NOT_AUTHORIZED, `connect of ${username} for a session that outlives the connection`);
        return;
      }
      const { will } = connect;
      if (will !== undefined && (will.topic !== rights.will || will.retain || will.qos === 2)) {
        refuse(NOT_AUTHORIZED, `connect of ${username} with a will for another topic, or retained`);
        return;
      }
      options.authenticate(username, password.toString()).then(
        (known) => {
          if (!known) {
            refuse(BAD_TOKEN, `connect of ${username} with a wrong or revoked token`);
            return;
          }
          if (client.closed) return;
          // The broker tells clients apart by this id; a name chosen on the wire could push another gateway out.
          client.id = username;
          access.set(client, rights);
          const former = current.get(username);
          current.set(username, client);
          client.conn.once("close", () => {
            if (current.get(username) !== client) return;
            current.delete(username);
            listener.connection(username, false);
          });
          if (former === undefined) {
            done(null, true);
            return;
          }
          // The broker forgets the newer one when the older leaves its table later.
          former.conn.once("close", () => done(null, true));
          former.close();
        },
        (error: unknown) => {
          log.error({ err: error }, "a gateway's token could not be checked");
          refuse(UNAVAILABLE, "token could not be checked");
        },
      );
    },
    authorizePublish(client, packet, done) {
      const rights = client === null ? undefined : access.get(client);
      if (client === null || rights === undefined) {
        done(deny(client, "publish by nobody"));
      } else if (packet.retain || packet.qos === 2) {
        done(deny(client, "publish retained or with QoS 2"));
      } else if (rights.publish.has(packet.topic)) {
        // The will of a connection that a newer one has replaced would tell of an end that is none.
        const replaced = packet.topic === rights.will && current.get(client.id) !== client;
        done(replaced ? new Error("replaced") : null);
      } else if (isFormerReply(packet.topic, options.nodeId)) {
        done(null);
      } else {
        done(deny(client, `publish on ${packet.topic.slice(0, 100)}`));
      }
    },
    authorizeSubscribe(client, subscription, done) {
      if (access.get(client)?.subscribe.has(subscription.topic)) {
        done(null, subscription);
        return;
      }
      deny(client, `subscribe to ${subscription.topic.slice(0, 100)}`);
      done(null, null);
    },
  });

  broker.on("clientReady", (client) => {
    if (current.get(client.id) === client) listener.connection(client.id, true);
  });
  const failures: EventEmitter = broker;
  failures.on("error", (error) => log.error({ err: error }, "the broker failed"));
  broker.on("clientError", (client, error) => {
    log.debug({ gateway: client.id, err: error }, "connection of a gateway broke");
  });
  broker.on("connectionError", (_client, error) => {
    log.debug({ err: error }, "connection broke before its login");
  });

  const take = (packet: { topic: string; payload: string | Buffer }, next: () => void): void => {
    const { clientId } = packet as { clientId?: unknown };
    listener.message(packet.topic, packet.payload.toString(), typeof clientId === "string" ? clientId : null);
    next();
  };
  // Before the first connection, so that nothing is acknowledged that nobody takes.
  const topics = ["hello", "ev", "want", "gone"].map((what) => `up/+/+/${what}`);
  for (const topic of [...topics, options.replyTo]) broker.subscribe(topic, take, () => undefined);

  const accept = (socket: Socket): void => {
    if (strangers >= STRANGERS_MAX) {
      socket.destroy();
      return;
    }
    strangers += 1;
    sockets.add(socket);
    let counted = true;
    const settle = (): void => {
      if (counted) strangers -= 1;
      counted = false;
    };
    socket.once("close", () => {
      sockets.delete(socket);
      settle();
    });
    const fits = packetSizeGuard(MESSAGE_MAX);
    const read = socket.read.bind(socket);
    // The broker reads its connections by this one call; a stream in between would cost each of them more memory.
    socket.read = (size?: number) => {
      const chunk: Buffer | null = read(size);
      if (chunk === null || fits(chunk)) return chunk;
      socket.destroy(new Error(`packet of more than ${MESSAGE_MAX} bytes`));
      return null;
    };
    const client = broker.handle(socket);
    client.once("connected", settle);
  };
  // Nagle's algorithm costs each command 44 ms.
  const server: Server = options.tls
    ? createTlsServer({ ...options.tls, noDelay: true }, accept)
    : createServer({ noDelay: true }, accept);
  server.maxConnections = CONNECTIONS_MAX;
  let open = true;
  const close = async (): Promise<void> => {
    open = false;
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await stopped;
  };
  try {
    await listen(server, options);
  } catch (error) {
    await close();
    throw error;
  }
  server.on("error", (error) => log.error({ err: error }, "the broker's listener failed"));

  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    reportsConnections: true,
    publish(topic, payload, qos) {
      if (!open) return;
      broker.publish({ cmd: "publish", topic, payload, qos, retain: false, dup: false }, (error) => {
        if (error) log.warn({ err: error, topic }, "not published");
      });
    },
    disconnect: (gatewayId) => current.get(gatewayId)?.close(),
    counts: () => ({ connections: current.size, denied, dropped: 0 }),
    close,
  };
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "EADDRINUSE"
          ? `port ${at.port} is taken: set MQTT_PORT to a free one`
          : `the broker cannot listen on ${at.host}:${at.port} (MQTT_PORT): ${error.message}`;
      reject(new Error(why, { cause: error }));
    });
    server.listen(at.port, at.host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

/** The gateway of a topic of `up`; undefined for every other topic. */
export function senderOf(topic: string): { gatewayId: string; what: string } | undefined {
  const [root, , gatewayId, what] = topic.split("/");
  if (root !== "up" || gatewayId === undefined || what === undefined) return undefined;
  const known = accessOf(gatewayId, "");
  if (known === undefined || !known.publish.has(topic)) return undefined;
  return { gatewayId, what };
}
