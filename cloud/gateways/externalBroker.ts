import { Socket } from "node:net";
import { type Clock, seconds } from "@bluepower/protocol/clock";
import { connect, type IClientOptions } from "mqtt";
import type { Logger } from "pino";
import { MESSAGE_MAX, type Pipe, type PipeListener } from "./pipe.ts";

/** Beyond this the broker is slower than we are: what is dropped is sent again by its owner. */
const IN_FLIGHT_MAX = 10_000;
const RECONNECT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A broker that refuses a subscription may still be loading its access lists. */
const SUBSCRIBE_AGAIN = seconds(5);

/**
 * An external broker. Its access lists are its own affair: each gateway's user may use the topics of its id only,
 * the cloud's user may subscribe to `up/+/+/…` and publish on `gw/+/…` (spec 4, "Sync"). While it cannot be reached
 * the cloud goes on serving and gateways count as offline after 150 s.
 */
export function connectBroker(options: {
  url: string;
  clientId: string;
  replyTo: string;
  clock: Clock;
  listener: PipeListener;
  log: Logger;
}): Pipe {
  const { listener, log, clock } = options;
  const topics = [...["hello", "ev", "want", "gone"].map((what) => `up/+/+/${what}`), options.replyTo];
  const settings: IClientOptions = {
    clientId: options.clientId,
    clean: true,
    protocolVersion: 4,
    reconnectPeriod: RECONNECT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepalive: 30,
    queueQoSZero: false,
    resubscribe: false,
  };
  // What is attached later misses messages that are already acknowledged.
  const client = connect(options.url, settings);
  let closed = false;
  let inFlight = 0;
  let denied = 0;
  let dropped = 0;

  const subscribe = (): void => {
    if (closed || !client.connected) return;
    client.subscribe(topics, { qos: 1 }, (error, granted) => {
      const refused = (granted ?? []).filter((g) => g.qos > 1).map((g) => g.topic);
      if (!error && refused.length === 0) return;
      denied += 1;
      log.error(
        { err: error ?? undefined, refused },
        "the broker refuses the cloud's subscriptions; trying again",
      );
      clock.after(SUBSCRIBE_AGAIN, "subscribe again", subscribe);
    });
  };
  client.on("connect", () => {
    // Nagle's algorithm costs each command 44 ms, and the library leaves it on.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    log.info({ event: "broker.connected" }, "connected to the broker");
    subscribe();
  });
  client.on("message", (topic, payload) => {
    if (payload.length <= MESSAGE_MAX) listener.message(topic, payload.toString(), null);
  });
  client.on("error", (error) => log.error({ err: error }, "the broker cannot be used (MQTT_URL)"));
  client.on("close", () => {
    if (!closed) log.warn("no connection to the broker (MQTT_URL)");
  });

  return {
    reportsConnections: false,
    publish(topic, payload, qos) {
      if (!client.connected || inFlight >= IN_FLIGHT_MAX) {
        dropped += 1;
        return;
      }
      inFlight += 1;
      client.publish(topic, payload, { qos, retain: false }, (error) => {
        inFlight -= 1;
        if (error) dropped += 1;
      });
    },
    // A revoked gateway is refused by the cloud message by message; only the broker can close its connection.
    disconnect: () => undefined,
    counts: () => ({ connections: client.connected ? 1 : 0, denied, dropped }),
    async close() {
      closed = true;
      await client.endAsync(true);
    },
  };
}
