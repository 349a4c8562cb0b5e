import { type Clock, millis, seconds, type Timer, wait } from "@bluepower/protocol/clock";
import { BASE62, below, chance, type Random, text } from "@bluepower/protocol/random";
import type { GatewayId } from "@bluepower/protocol/units";
import {
  ack as ackShape,
  type Command,
  type CommandOutcome,
  command as commandShape,
  type EndReason,
  type FailReason,
  type GatewayEvent,
  type WireEvent,
  welcome as welcomeShape,
} from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import { down, up } from "@bluepower/protocol/uplink/topics";
import { UPLINK_OLDEST, UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import { pino } from "pino";
import { MqttUplink } from "../../gateway/uplink/mqtt.ts";
import { subscriptions, will } from "../../gateway/uplink/sync.ts";
import type { Journal } from "./journal.ts";

/** Share of the messages that get lost, and that come twice, each way. */
const LOST = 0.05;
const DOUBLED = 0.03;
/** Share of the starts that come to nothing. */
const FAILS = 0.04;
/** Of the charges that are not stopped, those whose port breaks. */
const BREAKS = 0.08;
/** A charge of half an hour and more passes within this. */
const CHARGE_MS = 6000;
const SAID_AGAIN = seconds(1);
const BATCH = 200;

export interface ChargeAt {
  at: string;
  minutes: number;
  state: "starting" | "charging" | "finished" | "failed" | "cancelled";
  cancelWanted: boolean;
  delivered: number;
  endReason: EndReason | undefined;
}

/**
 * A gateway with its chargers in a few lines: it answers as the real one does, but at once, and half an hour passes in seconds.
 * What it has stored it does not lose; its messages get lost and doubled. It tells when the cloud asks for what must not be.
 */
export class ScriptedGateway {
  readonly id: GatewayId;
  readonly charges = new Map<string, ChargeAt>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #url: URL;
  readonly #token: string;
  readonly #stream: string;
  readonly #ports = new Map<string, string>();
  readonly #outcomes = new Map<string, CommandOutcome>();
  readonly #outbox: WireEvent[] = [];
  #uplink: MqttUplink | undefined;
  #seq = 0;
  #no = 0;
  #hello: string | undefined;
  #online = false;
  #timer: Timer | undefined;
  #closed = false;
  /** Loses messages, and fails to start some. */
  faulty = true;

  constructor(of: {
    id: GatewayId;
    token: string;
    url: string;
    clock: Clock;
    random: Random;
    journal: Journal;
    chargers: readonly string[];
  }) {
    this.id = of.id;
    this.#clock = of.clock;
    this.#random = of.random;
    this.#journal = of.journal;
    this.#url = new URL(of.url);
    this.#token = of.token;
    this.#stream = text(of.random, 16, BASE62);
    for (const code of of.chargers)
      this.#add({ kind: "charger.seen", body: { deviceCode: code as never, rssi: -60 } });
    this.connect();
    this.#tick();
  }

  get waiting(): number {
    return this.#outbox.length;
  }

  get running(): number {
    return this.#ports.size;
  }

  connect(): void {
    if (this.#uplink !== undefined || this.#closed) return;
    const uplink = new MqttUplink({
      ...{ clock: this.#clock, random: this.#random.fork(`uplink ${this.#no}`), url: this.#url, id: this.id },
      log: pino({ level: "silent" }),
      token: async () => this.#token,
      will: will(this.id, this.#stream),
      subscriptions: subscriptions(this.id),
    });
    this.#uplink = uplink;
    uplink.onConnected((connected) => {
      this.#online = false;
      if (connected) this.#sayHello();
    });
    uplink.onMessage((topic, payload) => {
      for (let n = this.#copies(); n > 0; n--) this.#received(topic, payload);
    });
  }

  async disconnect(): Promise<void> {
    const uplink = this.#uplink;
    this.#uplink = undefined;
    this.#online = false;
    await uplink?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.disconnect();
  }

  /** How often a message arrives. */
  #copies(): number {
    if (!this.faulty) return 1;
    if (chance(this.#random, LOST)) {
      this.#journal.count("message lost");
      return 0;
    }
    return chance(this.#random, DOUBLED) ? 2 : 1;
  }

  #publish(topic: string, message: object): void {
    const payload = JSON.stringify(message);
    for (let n = this.#copies(); n > 0; n--) this.#uplink?.publish(topic, payload);
  }

  #sayHello(): void {
    this.#hello = text(this.#random, 12, BASE62);
    this.#publish(up.hello(this.id), {
      ...{ v: UPLINK_VERSION, program: "soak", speaks: { min: UPLINK_OLDEST, max: UPLINK_VERSION } },
      ...{ stream: this.#stream, re: this.#hello, desired: null },
    });
  }

  /** Says again what may have been lost, and asks for the cursor when there is nothing to say. */
  #tick(): void {
    this.#timer = this.#clock.after(SAID_AGAIN, "said again", () => {
      if (this.#uplink?.connected === true) {
        if (this.#online) this.#send();
        else this.#sayHello();
      }
      this.#tick();
    });
  }

  #send(): void {
    if (!this.#online) return;
    const events = this.#outbox.slice(0, BATCH);
    this.#publish(up.events(this.id), { v: UPLINK_VERSION, stream: this.#stream, no: ++this.#no, events });
  }

  #add(event: GatewayEvent): void {
    this.#seq += 1;
    const at = this.#clock.now();
    this.#outbox.push({ seq: this.#seq, kind: event.kind, at, quality: "synced", body: event.body });
    this.#send();
  }

  #received(topic: string, payload: string): void {
    if (topic === down.welcome(this.id)) {
      const welcome = this.#read(decodeJson(welcomeShape, payload));
      if (welcome === undefined || welcome.re !== this.#hello) return;
      if (welcome.result !== "ok") this.#journal.finding(`${this.id} is refused: ${welcome.message}`);
      this.#acknowledged(welcome.acked);
      this.#online = true;
      this.#send();
    } else if (topic === down.ack(this.id)) {
      const ack = this.#read(decodeJson(ackShape, payload));
      if (ack !== undefined) this.#acknowledged(ack.acked);
    } else if (topic === down.command(this.id)) {
      const command = this.#read(decodeJson(commandShape, payload));
      if (command !== undefined && this.#online) this.#commanded(command);
    }
  }

  #read<T>(decoded: { value: T } | { problem: string }): T | undefined {
    if ("value" in decoded) return decoded.value;
    this.#journal.finding(`${this.id} cannot read what the cloud says: ${decoded.problem}`);
    return undefined;
  }

  /** What the cloud has acknowledged it will not be told again: a cursor that goes back has forgotten. */
  #acknowledged(acked: number): void {
    if (acked > this.#seq)
      this.#journal.finding(`${this.id}: event ${acked} was never sent and is acknowledged`);
    while ((this.#outbox[0]?.seq ?? Number.POSITIVE_INFINITY) <= acked) this.#outbox.shift();
  }

  #commanded(command: Command): void {
    const known = this.#outcomes.get(command.id);
    if (known !== undefined) {
      this.#reply(command, known);
      return;
    }
    const { command: body } = command;
    switch (body.kind) {
      case "start":
        this.#start(command, body);
        return;
      case "stop":
        this.#stop(command, body.orderId);
        return;
      case "cancel":
        this.#cancel(command, body.orderId);
        return;
      case "blink":
        this.#answer(command, { kind: "done" });
    }
  }

  #answer(command: Command, outcome: CommandOutcome): void {
    this.#outcomes.set(command.id, outcome);
    this.#reply(command, outcome);
  }

  #reply(command: Command, outcome: CommandOutcome): void {
    this.#publish(command.replyTo, { v: UPLINK_VERSION, id: command.id, gateway: this.id, outcome });
  }

  #start(command: Command, body: Extract<Command["command"], { kind: "start" }>): void {
    const { orderId, minutes } = body;
    const at = `${body.deviceCode} port ${body.port}`;
    const known = this.charges.get(orderId);
    if (known?.state === "starting") return;
    if (known !== undefined) {
      if (known.state === "charging") this.#answer(command, { kind: "started", minutes });
      else this.#answer(command, { kind: "failed", reason: "cancelled", detail: "" });
      return;
    }
    const charge: ChargeAt = {
      ...{ at, minutes, state: "starting", cancelWanted: false, delivered: 0, endReason: undefined },
    };
    this.charges.set(orderId, charge);
    const fail = (reason: FailReason): void => {
      charge.state = "failed";
      this.#add({ kind: "order.failed", body: { orderId, reason, detail: "" } });
      this.#answer(command, { kind: "failed", reason, detail: "" });
    };
    const busy = this.#ports.get(at);
    if (busy !== undefined) {
      this.#journal.finding(`${at} is to be switched on for ${orderId} while it supplies ${busy}`);
      fail("port_busy");
      return;
    }
    if (this.#clock.now() >= command.deadline) {
      fail("late");
      return;
    }
    if (this.faulty && chance(this.#random, FAILS)) {
      fail(chance(this.#random, 0.5) ? "port_busy" : "charger_unreachable");
      return;
    }
    this.#ports.set(at, orderId);
    this.#after(this.#startMs(), () => {
      if (charge.cancelWanted) {
        charge.state = "cancelled";
        this.#ports.delete(at);
        this.#add({ kind: "order.cancelled", body: { orderId, detail: "" } });
        this.#answer(command, { kind: "failed", reason: "cancelled", detail: "" });
        return;
      }
      charge.state = "charging";
      this.#journal.count("charge");
      const { deviceCode, port } = body;
      this.#add({ kind: "order.started", body: { orderId, deviceCode, port, minutes, evidence: "reply" } });
      this.#answer(command, { kind: "started", minutes });
      this.#after(500 + below(this.#random, CHARGE_MS), () => this.#runOut(orderId, charge));
    });
  }

  /** Most chargers answer at once, some are hard to reach. */
  #startMs(): number {
    const draw = below(this.#random, 100);
    if (!this.faulty || draw < 75) return 5 + below(this.#random, 50);
    return draw < 97 ? 100 + below(this.#random, 1500) : 2000 + below(this.#random, 10_000);
  }

  #runOut(orderId: string, charge: ChargeAt): void {
    if (charge.state !== "charging") return;
    if (this.faulty && chance(this.#random, BREAKS)) {
      this.#finish(orderId, charge, {
        minutes: below(this.#random, charge.minutes),
        endReason: "port_damaged",
      });
    } else this.#finish(orderId, charge, { minutes: charge.minutes, endReason: "time" });
  }

  #finish(orderId: string, charge: ChargeAt, end: { minutes: number; endReason: EndReason }): void {
    charge.state = "finished";
    charge.delivered = end.minutes;
    charge.endReason = end.endReason;
    this.#ports.delete(charge.at);
    const body = {
      orderId: orderId as never,
      ...end,
      minutes: end.minutes as never,
      evidence: "sta" as const,
    };
    this.#add({ kind: "order.finished", body });
  }

  #stop(command: Command, orderId: string): void {
    const charge = this.charges.get(orderId);
    if (charge?.state !== "charging") {
      this.#cancel(command, orderId);
      return;
    }
    this.#after(5 + below(this.#random, 100), () => {
      const minutes = below(this.#random, charge.minutes);
      if (charge.state === "charging") {
        this.#finish(orderId, charge, { minutes, endReason: "user" });
        this.#answer(command, { kind: "stopped", minutes: minutes as never });
      } else if (charge.state !== "starting") this.#answer(command, { kind: "already", state: charge.state });
    });
  }

  #cancel(command: Command, orderId: string): void {
    const charge = this.charges.get(orderId);
    if (charge === undefined) {
      const never: ChargeAt = {
        ...{ at: "", minutes: 0, state: "cancelled", cancelWanted: true, delivered: 0, endReason: undefined },
      };
      this.charges.set(orderId, never);
      this.#add({ kind: "order.cancelled", body: { orderId: orderId as never, detail: "" } });
      this.#answer(command, { kind: "cancelled" });
    } else if (charge.state === "starting") {
      // Answered by a repeat of the command, or by the event.
      charge.cancelWanted = true;
    } else if (charge.cancelWanted && charge.state === "cancelled")
      this.#answer(command, { kind: "cancelled" });
    else this.#answer(command, { kind: "already", state: charge.state });
  }

  #after(delayMs: number, run: () => void): void {
    void wait(this.#clock, millis(delayMs), this.id).then(() => {
      if (!this.#closed) run();
    });
  }
}
