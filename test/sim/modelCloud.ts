import { type Clock, millis } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { GatewayId } from "@bluepower/protocol/units";
import {
  type Command,
  type CommandBody,
  type CommandOutcome,
  type Desired,
  events as eventsShape,
  hello as helloShape,
  reply as replyShape,
  type Welcome,
  type WireEvent,
  want as wantShape,
} from "@bluepower/protocol/uplink/messages";
import { decodeJson, type Shape } from "@bluepower/protocol/uplink/shape";
import { down, replies, up } from "@bluepower/protocol/uplink/topics";
import type { Uplink } from "../../gateway/uplink/uplink.ts";

const REPLY_TO = replies("node", "boot");

/**
 * A cloud of a few lines behind a lossy pipe: the cursor, the welcome, commands repeated until answered, the desired
 * state. What the real one keeps in its database are fields here, so that a test can take them back.
 */
export class ModelCloud {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly id: GatewayId;
  /** Cloud time less uptime. */
  ahead = 1_800_000_000_000;
  /** Probability that a message is lost, or comes twice; and how late it may be. */
  faults = { lose: 0, double: 0, delayMs: 0 };
  /** The cursor, and what has been applied, in order. */
  applied: WireEvent[] = [];
  /** Cursor of a database that failed over to an older copy. */
  cursor = 0;
  stream: string | undefined;
  desired: Desired | undefined;
  welcome: Welcome["result"] = "ok";
  /** The cloud is not there, though the broker is. */
  deaf = false;
  readonly outcomes = new Map<string, CommandOutcome>();
  hellos = 0;
  eventMessages = 0;
  #open = new Map<string, Command>();
  #pipe: Pipe | undefined;

  constructor(of: { clock: Clock; random: Random; id: GatewayId }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.id = of.id;
  }

  now(): number {
    return this.ahead + Math.floor(this.#clock.uptime());
  }

  /** The gateway's end of a new pipe; an older one is dead from now on. */
  uplink(): Pipe {
    this.#pipe?.cut();
    this.#pipe = new Pipe((topic, payload) => this.#travel(() => this.#received(topic, payload)));
    return this.#pipe;
  }

  get pipe(): Pipe {
    if (this.#pipe === undefined) throw new Error("no uplink yet");
    return this.#pipe;
  }

  /** Publishes until it is answered or past its deadline. */
  send(id: string, body: CommandBody, lifeMs = 60_000): void {
    const deadline = this.now() + lifeMs;
    const publish = (): void => {
      if (this.outcomes.has(id) || this.now() > deadline) return;
      this.say(down.command(this.id), {
        ...{ v: 1, sentAt: this.now(), id, deadline, replyTo: REPLY_TO, command: body },
      } satisfies Command);
      this.#clock.after(millis(1000), "model cloud repeats", publish);
    };
    publish();
  }

  /** A message down, whatever it is. */
  say(topic: string, message: object): void {
    const { pipe } = this;
    this.#travel(() => pipe.deliver(topic, JSON.stringify(message)));
  }

  #travel(arrive: () => void): void {
    const times = chance(this.#random, this.faults.lose)
      ? 0
      : chance(this.#random, this.faults.double)
        ? 2
        : 1;
    for (let n = 0; n < times; n++) {
      const delay = 1 + below(this.#random, this.faults.delayMs + 1);
      this.#clock.after(millis(delay), "model pipe", arrive);
    }
  }

  #received(topic: string, payload: string): void {
    if (this.deaf) return;
    if (topic === up.hello(this.id)) this.#hello(read(helloShape, payload));
    else if (topic === up.events(this.id)) this.#events(read(eventsShape, payload));
    else if (topic === up.want(this.id)) {
      read(wantShape, payload);
      if (this.desired !== undefined)
        this.say(down.desired(this.id), { ...this.desired, sentAt: this.now() });
    } else if (topic === REPLY_TO) {
      const { id, outcome } = read(replyShape, payload);
      if (!this.outcomes.has(id)) this.outcomes.set(id, outcome);
      this.#open.delete(id);
    } else throw new Error(`no topic of this gateway: ${topic}`);
  }

  #hello(hello: { stream: string; re: string }): void {
    this.hellos += 1;
    this.stream ??= hello.stream;
    const result = this.welcome === "ok" && hello.stream !== this.stream ? "stream_unknown" : this.welcome;
    const welcome: Welcome = {
      ...{ v: 1, sentAt: this.now(), re: hello.re, result, message: result, acked: this.cursor },
    };
    this.say(down.welcome(this.id), welcome);
  }

  #events(message: { stream: string; no: number; events: WireEvent[] }): void {
    this.eventMessages += 1;
    if (message.stream !== this.stream) return;
    for (const event of message.events) {
      if (event.seq <= this.cursor) continue;
      if (event.seq !== this.cursor + 1) break;
      this.cursor = event.seq;
      // After a failover the newer copy of what was applied is gone with the old database.
      this.applied = [...this.applied.filter((e) => e.seq < event.seq), event];
    }
    const { stream, no: re } = message;
    this.say(down.ack(this.id), { v: 1, sentAt: this.now(), stream, acked: this.cursor, re });
  }
}

/** One connection to the broker, which can be cut and made again. */
export class Pipe implements Uplink {
  readonly #up: (topic: string, payload: string) => void;
  readonly #onConnected: ((connected: boolean) => void)[] = [];
  readonly #onMessage: ((topic: string, payload: string) => void)[] = [];
  connected = false;
  reconnects: string[] = [];
  /** Whether a connection can be had now. */
  reachable: () => boolean = () => true;
  #dead = false;

  constructor(upwards: (topic: string, payload: string) => void) {
    this.#up = upwards;
  }

  onConnected(listener: (connected: boolean) => void): void {
    this.#onConnected.push(listener);
  }

  onMessage(listener: (topic: string, payload: string) => void): void {
    this.#onMessage.push(listener);
  }

  publish(topic: string, payload: string): "sent" | "dropped" {
    if (!this.connected) return "dropped";
    this.#up(topic, payload);
    return "sent";
  }

  deliver(topic: string, payload: string): void {
    if (this.connected) for (const listener of this.#onMessage) listener(topic, payload);
  }

  connect(): void {
    if (this.connected || this.#dead || !this.reachable()) return;
    this.connected = true;
    for (const listener of this.#onConnected) listener(true);
  }

  disconnect(): void {
    if (!this.connected) return;
    this.connected = false;
    for (const listener of this.#onConnected) listener(false);
  }

  reconnect(reason: string): void {
    this.reconnects.push(reason);
    this.disconnect();
    this.connect();
  }

  /** The program that used it is gone. */
  cut(): void {
    this.connected = false;
    this.#dead = true;
  }

  async close(): Promise<void> {
    this.disconnect();
  }
}

function read<T>(shape: Shape<T>, payload: string): T {
  const decoded = decodeJson(shape, payload);
  if ("problem" in decoded)
    throw new Error(`the gateway says what it must not: ${decoded.problem}: ${payload}`);
  return decoded.value;
}
