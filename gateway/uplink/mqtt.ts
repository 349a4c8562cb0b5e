import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Clock, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import { type IStream, MqttClient } from "mqtt";
import type { Logger } from "pino";
import type { Uplink } from "./uplink.ts";

const KEEPALIVE_SECONDS = 30;
const CONNECT = seconds(15);
/** Subscriptions that the broker has not granted by then are asked for on a new connection. */
const SUBSCRIBE = seconds(10);
/** Reconnecting waits anything up to this (full jitter), growing from the first to the last. */
const BACKOFF_FIRST = 1000;
const BACKOFF_MAX = 60_000;
/** Bytes that the connection has not taken yet: more waits in the outbox instead. */
const UNSENT_MAX = 1024 * 1024;
const STOP = seconds(2);

export interface MqttSettings {
  clock: Clock;
  random: Random;
  log: Logger;
  /** `mqtt:` or `mqtts:`. */
  url: URL;
  /** User name, and client id. */
  id: string;
  /** Read anew for each connection. */
  token: () => Promise<string>;
  will: { topic: string; payload: string };
  subscriptions: readonly string[];
}

/**
 * The uplink over MQTT 3.1.1. A connection is a client of its own, so that nothing of an earlier one is sent again by
 * the library: what has to be said again, outbox and cloud say again themselves.
 */
export class MqttUplink implements Uplink {
  readonly #of: MqttSettings;
  readonly #random: Random;
  readonly #onConnected: ((connected: boolean) => void)[] = [];
  readonly #onMessage: ((topic: string, payload: string) => void)[] = [];
  #client: MqttClient | undefined;
  #connected = false;
  #failures = 0;
  #timer: Timer | undefined;
  #closed = false;
  readonly counts = { connects: 0, refusedSubscriptions: 0, dropped: 0 };

  constructor(of: MqttSettings) {
    this.#of = of;
    this.#random = of.random.fork("mqtt");
    this.#connect();
  }

  get connected(): boolean {
    return this.#connected;
  }

  onConnected(listener: (connected: boolean) => void): void {
    this.#onConnected.push(listener);
  }

  onMessage(listener: (topic: string, payload: string) => void): void {
    this.#onMessage.push(listener);
  }

  publish(topic: string, payload: string): "sent" | "dropped" {
    const client = this.#client;
    if (client === undefined || !this.#connected || client.stream.writableLength > UNSENT_MAX) {
      this.counts.dropped += 1;
      return "dropped";
    }
    // An acknowledgement of the broker proves nothing: the cloud's counts.
    client.publish(topic, payload, { qos: 0 });
    return "sent";
  }

  reconnect(reason: string): void {
    this.#of.log.warn({ reason }, "the connection to the broker is made anew");
    this.#drop(this.#client, reason);
  }

  /** Says goodbye, so that the broker does not say the will. */
  close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    this.#connected = false;
    if (client === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#of.clock.after(STOP, "goodbye to the broker", () => {
        client.end(true);
        resolve();
      });
      client.end(false, {}, () => {
        timer.cancel();
        resolve();
      });
    });
  }

  #connect(): void {
    this.#of.token().then(
      (token) => {
        if (!this.#closed) this.#open(token);
      },
      (error) => {
        this.#of.log.error({ err: error }, "the token cannot be read");
        this.#again();
      },
    );
  }

  #open(token: string): void {
    const { id, will, log } = this.#of;
    const client = new MqttClient(() => this.#stream(), {
      protocolVersion: 4,
      clientId: id,
      username: id,
      password: token,
      clean: true,
      keepalive: KEEPALIVE_SECONDS,
      connectTimeout: CONNECT,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      timerVariant: "native",
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 0, retain: false },
    });
    this.#client = client;
    // All in the same turn: what is queued at the broker would be acknowledged and lost otherwise.
    client.on("message", (topic, payload) => {
      if (client !== this.#client) return;
      for (const listener of this.#onMessage) listener(topic, payload.toString("utf8"));
    });
    client.on("connect", () => this.#subscribe(client));
    client.on("error", (error) => {
      log.warn({ err: error }, "the broker cannot be used");
      this.#drop(client, error.message);
    });
    client.on("close", () => this.#drop(client, "closed"));
  }

  #stream(): IStream {
    const { url } = this.#of;
    const tls = url.protocol === "mqtts:";
    const port = Number(url.port || (tls ? 8883 : 1883));
    const host = url.hostname.replace(/^\[|\]$/g, "");
    // Nagle's algorithm would cost 40 ms for each answer.
    if (!tls) return connectTcp({ host, port, noDelay: true });
    const socket = connectTls({ host, port, servername: host });
    socket.setNoDelay(true);
    return socket;
  }

  #subscribe(client: MqttClient): void {
    const late = this.#of.clock.after(SUBSCRIBE, "subscriptions", () => {
      this.#drop(client, "the broker does not answer subscriptions");
    });
    client.subscribe([...this.#of.subscriptions], { qos: 1 }, (error, granted) => {
      late.cancel();
      if (client !== this.#client) return;
      const refused = error !== null || (granted ?? []).some((g) => g.qos > 2);
      if (refused) {
        this.counts.refusedSubscriptions += 1;
        this.#of.log.error({ err: error }, "the broker refuses a subscription");
        this.#drop(client, "a subscription was refused");
        return;
      }
      this.#failures = 0;
      this.#connected = true;
      this.counts.connects += 1;
      for (const listener of this.#onConnected) listener(true);
    });
  }

  #drop(client: MqttClient | undefined, reason: string): void {
    if (client === undefined || client !== this.#client) return;
    this.#client = undefined;
    // Its last errors belong to nobody any more.
    client.removeAllListeners();
    client.on("error", () => {});
    client.end(true);
    const was = this.#connected;
    this.#connected = false;
    if (was) for (const listener of this.#onConnected) listener(false);
    this.#of.log.info({ reason }, "no connection to the broker");
    this.#again();
  }

  #again(): void {
    if (this.#closed) return;
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    const pause = millis(100 + below(this.#random, most));
    this.#timer = this.#of.clock.after(pause, "connect to the broker", () => this.#connect());
  }
}
