import { type Clock, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { BASE62, below, type Random, text } from "@bluepower/protocol/random";
import type { DeviceCode, GatewayId } from "@bluepower/protocol/units";
import {
  ack as ackShape,
  type Command,
  command as commandShape,
  desired as desiredShape,
  type Gone,
  type Hello,
  type Reply,
  type Want,
  type Welcome,
  welcome as welcomeShape,
} from "@bluepower/protocol/uplink/messages";
import { decodeJson, type Shape } from "@bluepower/protocol/uplink/shape";
import { down, up } from "@bluepower/protocol/uplink/topics";
import { UPLINK_OLDEST, UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Logger } from "pino";
import type { Book } from "../supervisor/book.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { CloudTime } from "./cloudTime.ts";
import { Outbox } from "./outbox.ts";
import type { Uplink } from "./uplink.ts";

/** A hello without a welcome is said again: the cloud may not have been listening yet. */
const WELCOME = seconds(5);
/** After a refusal an operator has to do something; the question is repeated this seldom. */
const REFUSED_AGAIN = seconds(60);
/** The whole desired state is asked for again while it has not come. */
const WANT_AGAIN = seconds(10);
/** With one stored it is asked for this seldom: what the cloud sent of its own accord may have been lost on the way. */
const WANT_NEWER = seconds(600);
/** Connected, and no word of the cloud for so long, though it is asked every minute: the connection is a dead one. */
const SILENCE_MAX = seconds(180);
/** The desired state that tells of a charger may come shortly after a command for it. */
const UNKNOWN_CHARGER_PATIENCE = seconds(3);
const PATIENCE_MAX = 200;

export type SyncState = "offline" | "connecting" | "online" | "version_unsupported" | "stream_unknown";

/** What a gateway subscribes to. */
export const subscriptions = (id: GatewayId): string[] => [
  down.welcome(id),
  down.ack(id),
  down.command(id),
  down.desired(id),
];

/** The will: what the broker says when the connection has gone. */
export function will(id: GatewayId, stream: string): { topic: string; payload: string } {
  return { topic: up.gone(id), payload: JSON.stringify({ v: UPLINK_VERSION, stream } satisfies Gone) };
}

/**
 * The conversation with the cloud: hello and welcome, events up, commands and desired state down. Commands go to
 * the supervisor, which stores them before it acts.
 */
export class Sync {
  readonly #id: GatewayId;
  readonly #program: string;
  readonly #uplink: Uplink;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #time: CloudTime;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #stream: string;
  readonly outbox: Outbox;
  #state: SyncState = "offline";
  /** What the cloud said when it refused. */
  #refusal = "";
  #hello: { re: string; sentAt: number } | undefined;
  #helloTimer: Timer | undefined;
  #wantTimer: Timer | undefined;
  #watch: Timer | undefined;
  #tries = 0;
  /** First sight of commands for chargers that are not known yet. */
  readonly #patience = new Map<string, number>();
  readonly counts = { received: 0, garbled: 0 };

  constructor(of: {
    id: GatewayId;
    /** Name and version of the program, for the hello. */
    program: string;
    uplink: Uplink;
    clock: Clock;
    random: Random;
    time: CloudTime;
    book: Book;
    supervisor: Supervisor;
    log: Logger;
  }) {
    this.#id = of.id;
    this.#program = of.program;
    this.#uplink = of.uplink;
    this.#clock = of.clock;
    this.#random = of.random.fork("sync");
    this.#time = of.time;
    this.#supervisor = of.supervisor;
    this.#log = of.log;
    this.#stream = of.book.store.stream;
    this.outbox = new Outbox({
      store: of.book.store,
      clock: of.clock,
      random: of.random,
      log: of.log,
      publish: (message) => of.uplink.publish(up.events(of.id), JSON.stringify(message)),
    });
    of.book.onEntry(() => this.outbox.grown());
    of.book.onAnswer(({ commandId, replyTo, outcome }) => {
      const reply: Reply = { v: UPLINK_VERSION, id: commandId, gateway: of.id, outcome };
      // A lost answer is asked for again, or told by its event.
      of.uplink.publish(replyTo, JSON.stringify(reply));
    });
    of.uplink.onMessage((topic, payload) => this.#received(topic, payload));
    of.uplink.onConnected((connected) => this.#connected(connected));
    if (of.uplink.connected) this.#connected(true);
  }

  get state(): { state: SyncState; refusal: string } {
    return { state: this.#state, refusal: this.#refusal };
  }

  close(): void {
    for (const timer of [this.#helloTimer, this.#wantTimer, this.#watch]) timer?.cancel();
    this.outbox.close();
    this.#state = "offline";
  }

  #connected(connected: boolean): void {
    this.close();
    if (!connected) {
      this.#log.warn(
        { event: "cloud.lost" },
        "no connection to the cloud; charges go on, what happens is kept",
      );
      return;
    }
    this.#state = "connecting";
    this.#tries = 0;
    this.outbox.answeredAt = this.#clock.uptime();
    this.#sayHello();
    this.#watchSilence();
  }

  #sayHello(): void {
    const re = text(this.#random, 12, BASE62);
    const hello: Hello = {
      v: UPLINK_VERSION,
      program: this.#program,
      speaks: { min: UPLINK_OLDEST, max: UPLINK_VERSION },
      stream: this.#stream,
      re,
      desired: this.#supervisor.desiredVersion,
    };
    this.#hello = { re, sentAt: this.#clock.uptime() };
    this.#uplink.publish(up.hello(this.#id), JSON.stringify(hello));
    const refused = this.#state === "version_unsupported" || this.#state === "stream_unknown";
    const pause = refused ? REFUSED_AGAIN : Math.min(WELCOME * 2 ** this.#tries, REFUSED_AGAIN);
    this.#tries += 1;
    const jitter = below(this.#random, 1 + Math.floor(pause / 2));
    this.#helloTimer = this.#clock.after(millis(pause + jitter), "hello again", () => this.#sayHello());
  }

  #received(topic: string, payload: string): void {
    this.counts.received += 1;
    if (topic === down.welcome(this.#id)) this.#read(welcomeShape, payload, (m) => this.#welcomed(m));
    else if (topic === down.ack(this.#id)) {
      this.#read(ackShape, payload, (ack) => {
        // An ack of a connection before this one's welcome says nothing that the welcome does not say better.
        if (this.#state !== "online") return;
        const askedAt = this.outbox.acknowledged(ack);
        if (askedAt !== undefined) this.#time.answered(ack.sentAt, askedAt);
        else this.#time.heard(ack.sentAt);
      });
    } else if (topic === down.command(this.#id)) this.#read(commandShape, payload, (m) => this.#commanded(m));
    else if (topic === down.desired(this.#id)) {
      this.#read(desiredShape, payload, (desired) => {
        this.#time.heard(desired.sentAt);
        const outcome = this.#supervisor.desired(desired);
        if (outcome === "applied") this.#log.info({ version: desired.version }, "desired state applied");
        if (outcome !== "store_full") this.#wantLater();
      });
    }
  }

  /** Decodes; what is no such message, or of a version this program does not speak, is counted and left. */
  #read<T extends { v: number }>(shape: Shape<T>, payload: string, use: (message: T) => void): void {
    const decoded = decodeJson(shape, payload);
    if ("problem" in decoded) {
      this.counts.garbled += 1;
      this.#log.warn({ problem: decoded.problem }, "a message of the cloud is not understood");
      return;
    }
    const { v } = decoded.value;
    if (v < UPLINK_OLDEST || v > UPLINK_VERSION) {
      this.counts.garbled += 1;
      this.#log.warn({ v }, "a message of the cloud has a version that this program does not speak");
      return;
    }
    use(decoded.value);
  }

  #welcomed(welcome: Welcome): void {
    if (this.#hello === undefined || welcome.re !== this.#hello.re || !this.#uplink.connected) return;
    const { sentAt } = this.#hello;
    this.#hello = undefined;
    this.outbox.answeredAt = this.#clock.uptime();
    this.#refusal = welcome.result === "ok" ? "" : welcome.message;
    if (welcome.result !== "ok") {
      // Asked again by the timer of the hello, which runs on.
      this.#state = welcome.result;
      this.outbox.close();
      this.#log.error(
        { event: "cloud.refused", reason: welcome.result },
        `the cloud takes nothing: ${welcome.message}`,
      );
      return;
    }
    this.#helloTimer?.cancel();
    this.#state = "online";
    this.#time.answered(welcome.sentAt, sentAt);
    this.#log.info({ event: "cloud.connected", acked: welcome.acked }, "connected to the cloud");
    this.outbox.open(welcome.acked);
    this.#want();
  }

  /** On every connection: what changed while there was none. */
  #want(): void {
    const want: Want = { v: UPLINK_VERSION, have: this.#supervisor.desiredVersion };
    this.#uplink.publish(up.want(this.#id), JSON.stringify(want));
    this.#wantLater();
  }

  #wantLater(): void {
    this.#wantTimer?.cancel();
    if (this.#state !== "online") return;
    const pause = this.#supervisor.desiredVersion === null ? WANT_AGAIN : WANT_NEWER;
    this.#wantTimer = this.#clock.after(pause, "desired state again", () => this.#want());
  }

  #commanded(command: Command): void {
    // Before the welcome the time is not known; the cloud says it again.
    if (this.#state !== "online") return;
    this.#time.heard(command.sentAt);
    const body = command.command;
    if (body.kind === "start" && !this.#knowsOrHasWaited(command.id, body.deviceCode)) return;
    this.#supervisor.command(command);
  }

  /** A charger that is unknown is asked for; the cloud repeats the command meanwhile. */
  #knowsOrHasWaited(id: string, charger: DeviceCode): boolean {
    if (this.#supervisor.knows(charger)) {
      this.#patience.delete(id);
      return true;
    }
    const now = this.#clock.uptime();
    const first = this.#patience.get(id);
    if (first === undefined) {
      const [oldest] = this.#patience.keys();
      if (this.#patience.size >= PATIENCE_MAX && oldest !== undefined) this.#patience.delete(oldest);
      this.#patience.set(id, now);
      this.#want();
      return false;
    }
    if (now - first < UNKNOWN_CHARGER_PATIENCE) return false;
    this.#patience.delete(id);
    return true;
  }

  #watchSilence(): void {
    this.#watch = this.#clock.after(millis(SILENCE_MAX / 6), "silence of the cloud", () => {
      if (this.#clock.uptime() - this.outbox.answeredAt > SILENCE_MAX) {
        this.#uplink.reconnect("no word of the cloud for three minutes");
        this.outbox.answeredAt = this.#clock.uptime();
      }
      this.#watchSilence();
    });
  }
}
