import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { gatewayId as asGatewayId } from "@bluepower/protocol/units";
import {
  type Command,
  type CommandBody,
  type CommandOutcome,
  commandBody,
  commandOutcome,
  reply as replyShape,
} from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import { down } from "@bluepower/protocol/uplink/topics";
import { UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Logger } from "pino";
import type { Db, Tx } from "../database/database.ts";
import type { OrderEvent } from "./chargerEvents.ts";

/** 22 of 62 characters are 130 bits: an id names its command to the gateway that got it and to nobody else. */
const ID_LENGTH = 22;
/** A message is lost now and then; a person waits, so the first repeats come soon. The last goes on till the deadline. */
const AGAIN: readonly Millis[] = [millis(400), millis(800), millis(1500), seconds(3)];
/** Commands that are being published. What is beyond stays in its table until there is room. */
const FLIGHTS_MAX = 10_000;
/** Takes up what another process inserted, or what found no room, and marks what is past its deadline. */
const SWEEP_EVERY: Millis = seconds(5);

export type Answer = CommandOutcome | { kind: "no_answer" };

interface Flight {
  id: string;
  gatewayId: string;
  /** Epoch ms. */
  deadline: number;
  body: CommandBody;
  published: number;
  timer: Timer | undefined;
  waiting: Set<(answer: Answer) => void>;
}

/** An open command that an event of its order has answered. */
export interface Settled {
  id: string;
  outcome: CommandOutcome;
}

/**
 * Commands to gateways: rows that are published until answered or past their deadline, over restarts too. A gateway
 * carries an id out once, so repeats are harmless.
 */
export class Commands {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #replyTo: string;
  readonly #publish: (topic: string, payload: string) => void;
  readonly #flights = new Map<string, Flight>();
  #sweep: Timer | undefined;
  #stopped = false;
  #refused = 0;
  #expired = 0;

  constructor(parts: {
    db: Db;
    clock: Clock;
    random: Random;
    log: Logger;
    replyTo: string;
    publish: (topic: string, payload: string) => void;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#log = parts.log;
    this.#replyTo = parts.replyTo;
    this.#publish = parts.publish;
  }

  /** Takes up what was open when the program ended. */
  async start(): Promise<void> {
    await this.#takeUpOpen();
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#sweep?.cancel();
    for (const flight of [...this.#flights.values()]) this.#land(flight, { kind: "no_answer" });
  }

  /** `open` are being published; `refused` are answers that named another's command. */
  counts(): { open: number; refused: number; expired: number } {
    return { open: this.#flights.size, refused: this.#refused, expired: this.#expired };
  }

  async insert(
    tx: Tx,
    command: { gatewayId: string; orderId: string | null; deadline: number; body: CommandBody },
  ): Promise<string> {
    const id = text(this.#random, ID_LENGTH, BASE62);
    await tx
      .insertInto("command")
      .values({
        id,
        gatewayId: command.gatewayId,
        orderId: command.orderId,
        body: JSON.stringify(command.body),
        deadline: command.deadline,
        state: "open",
        outcome: null,
        insertTime: this.#clock.now(),
        answerTime: null,
      })
      .execute();
    return id;
  }

  /** Publishes, after the commit, and waits for the answer. Throws for an id that is not in the table. */
  async send(id: string, waitMs: number): Promise<Answer> {
    const flight = this.#flights.get(id) ?? (await this.#takeUp(id));
    if (!("waiting" in flight)) return flight;
    return await new Promise((resolve) => {
      const timer = this.#clock.after(millis(waitMs), "answer to a command", () => {
        flight.waiting.delete(answered);
        resolve({ kind: "no_answer" });
      });
      const answered = (answer: Answer): void => {
        timer.cancel();
        resolve(answer);
      };
      flight.waiting.add(answered);
    });
  }

  /** Publishes, after the commit; nobody waits. */
  async publish(id: string): Promise<void> {
    if (!this.#flights.has(id)) await this.#takeUp(id);
  }

  /** A gateway has come (back): what waits for it need not wait for its next repeat. */
  gatewayReady(gatewayId: string): void {
    for (const flight of [...this.#flights.values()]) {
      if (flight.gatewayId === gatewayId) this.#push(flight);
    }
  }

  /** An answer from the wire. `sender` is the gateway that the connection belongs to, where that is known. */
  async reply(payload: string, sender: string | null): Promise<"taken" | "unknown" | "refused"> {
    const read = decodeJson(replyShape, payload);
    if ("problem" in read) {
      this.#refused += 1;
      this.#log.warn({ gateway: sender, problem: read.problem }, "answer to a command cannot be read");
      return "refused";
    }
    const { id, gateway, outcome } = read.value;
    const flight = this.#flights.get(id);
    if ((sender !== null && sender !== gateway) || (flight !== undefined && flight.gatewayId !== gateway)) {
      this.#refused += 1;
      this.#log.warn({ gateway: sender ?? gateway }, "answer to the command of another gateway");
      return "refused";
    }
    if (flight === undefined) return "unknown";
    // Who waits goes on at once: that it is written down saves repeats, and what became of an order comes as an event too.
    this.#land(flight, outcome);
    await this.#record(this.#db, { id, outcome });
    return "taken";
  }

  /** Closes, in the transaction of an order's event, the open commands that it answers. `wake` follows the commit. */
  async settleByEvent(tx: Tx, gatewayId: string, event: OrderEvent): Promise<Settled[]> {
    const open = await tx
      .selectFrom("command")
      .select(["id", "body"])
      .where("orderId", "=", event.body.orderId)
      .where("gatewayId", "=", gatewayId)
      .where("state", "=", "open")
      .execute();
    const settled: Settled[] = [];
    for (const { id, body } of open) {
      const command = decodeJson(commandBody, body);
      const outcome = "value" in command ? outcomeByEvent(command.value, event) : undefined;
      if (outcome === undefined) continue;
      await this.#record(tx, { id, outcome });
      settled.push({ id, outcome });
    }
    return settled;
  }

  wake(settled: readonly Settled[]): void {
    for (const { id, outcome } of settled) {
      const flight = this.#flights.get(id);
      if (flight !== undefined) this.#land(flight, outcome);
    }
  }

  async #record(db: Db | Tx, { id, outcome }: Settled): Promise<void> {
    await db
      .updateTable("command")
      .set({ state: "answered", outcome: JSON.stringify(outcome), answerTime: this.#clock.now() })
      .where("id", "=", id)
      .where("state", "in", ["open", "expired"])
      .execute();
  }

  async #takeUp(id: string): Promise<Flight | Answer> {
    const row = await this.#db
      .selectFrom("command")
      .select(["id", "gatewayId", "deadline", "body", "state", "outcome"])
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw new Error(`command ${id} is not in the table`);
    const outcome = row.outcome === null ? undefined : decodeJson(commandOutcome, row.outcome);
    if (row.state === "answered" && outcome !== undefined && "value" in outcome) return outcome.value;
    if (row.state !== "open") return { kind: "no_answer" };
    return this.#launch(row) ?? { kind: "no_answer" };
  }

  #launch(row: { id: string; gatewayId: string; deadline: number; body: string }): Flight | undefined {
    const known = this.#flights.get(row.id);
    if (known !== undefined) return known;
    if (this.#stopped || this.#flights.size >= FLIGHTS_MAX) return undefined;
    const body = decodeJson(commandBody, row.body);
    if ("problem" in body) throw new Error(`command ${row.id}: ${body.problem}`);
    const flight: Flight = {
      id: row.id,
      gatewayId: row.gatewayId,
      deadline: row.deadline,
      body: body.value,
      published: 0,
      timer: undefined,
      waiting: new Set(),
    };
    this.#flights.set(flight.id, flight);
    this.#push(flight);
    // Undefined when its deadline has passed.
    return this.#flights.get(flight.id);
  }

  #push(flight: Flight): void {
    flight.timer?.cancel();
    const sentAt = this.#clock.now();
    if (sentAt >= flight.deadline) {
      this.#expired += 1;
      this.#land(flight, { kind: "no_answer" });
      return;
    }
    const message: Command = {
      v: UPLINK_VERSION,
      sentAt,
      id: flight.id,
      deadline: flight.deadline,
      replyTo: this.#replyTo,
      command: flight.body,
    };
    this.#publish(down.command(asGatewayId(flight.gatewayId)), JSON.stringify(message));
    const pause = AGAIN[Math.min(flight.published, AGAIN.length - 1)] ?? seconds(3);
    flight.published += 1;
    const until = millis(Math.min(pause, flight.deadline - sentAt));
    flight.timer = this.#clock.after(until, "command again", () => this.#push(flight));
  }

  #land(flight: Flight, answer: Answer): void {
    flight.timer?.cancel();
    this.#flights.delete(flight.id);
    for (const answered of flight.waiting) answered(answer);
    flight.waiting.clear();
  }

  #plan(): void {
    this.#sweep = this.#clock.after(SWEEP_EVERY, "open commands", async () => {
      try {
        await this.#takeUpOpen();
      } catch (error) {
        this.#log.error({ err: error }, "open commands were not taken up");
      }
      if (!this.#stopped) this.#plan();
    });
  }

  async #takeUpOpen(): Promise<void> {
    const now = this.#clock.now();
    const past = this.#db
      .selectFrom("command")
      .select("id")
      .where("state", "=", "open")
      .where("deadline", "<=", now)
      .limit(1);
    if ((await past.executeTakeFirst()) !== undefined) {
      await this.#db
        .updateTable("command")
        .set({ state: "expired" })
        .where("state", "=", "open")
        .where("deadline", "<=", now)
        .execute();
    }
    const open = await this.#db
      .selectFrom("command")
      .select(["id", "gatewayId", "deadline", "body"])
      .where("state", "=", "open")
      .where("deadline", ">", now)
      .orderBy("deadline")
      .limit(FLIGHTS_MAX)
      .execute();
    for (const row of open) this.#launch(row);
  }
}

/** What an order's event says to who waits for a command about that order; undefined: the command goes on. */
function outcomeByEvent(command: CommandBody, event: OrderEvent): CommandOutcome | undefined {
  switch (command.kind) {
    case "start":
      if (event.kind === "order.started") return { kind: "started", minutes: event.body.minutes };
      if (event.kind === "order.failed") {
        return { kind: "failed", reason: event.body.reason, detail: event.body.detail };
      }
      if (event.kind === "order.cancelled") {
        return { kind: "failed", reason: "cancelled", detail: event.body.detail };
      }
      return undefined;
    case "stop":
      if (event.kind !== "order.finished") return undefined;
      // Only an end that somebody asked for is the stop's own work, and is owed as agreed.
      return event.body.endReason === command.endReason
        ? { kind: "stopped", minutes: event.body.minutes }
        : { kind: "already", state: "finished" };
    case "cancel":
      if (event.kind === "order.failed" || event.kind === "order.cancelled") return { kind: "cancelled" };
      return event.kind === "order.finished" ? { kind: "already", state: "finished" } : undefined;
    case "blink":
      return undefined;
  }
}
