import type { Minutes, OrderId } from "@bluepower/protocol/units";
import type {
  CommandOutcome,
  EndReason,
  Evidence,
  FailReason,
  GatewayEvent,
} from "@bluepower/protocol/uplink/messages";
import type { Logger } from "pino";
import type { Moment } from "../store/boots.ts";
import type { StoredCommand } from "../store/commands.ts";
import type { ChargeOrder } from "../store/orders.ts";
import type { Store, Written } from "../store/store.ts";
import { move } from "./moves.ts";
import { outcomeOf } from "./outcome.ts";

/** The answer to a command, to be sent once it is stored. */
export interface Answered {
  commandId: string;
  replyTo: string;
  outcome: CommandOutcome;
}

export interface End {
  minutes: Minutes;
  endReason: EndReason;
  evidence: Evidence;
  /** When it ended, if not now. */
  at?: Moment;
}

/**
 * The only writer of orders. An order's new state, the journal entry that tells it and the answers to the commands
 * that wait for it are one transaction; afterwards the listeners hear of them.
 */
export class Book {
  readonly store: Store;
  readonly #log: Logger;
  readonly #onAnswer: ((answer: Answered) => void)[] = [];
  readonly #onEntry: (() => void)[] = [];

  constructor(store: Store, log: Logger) {
    this.store = store;
    this.#log = log;
  }

  onAnswer(listener: (answer: Answered) => void): void {
    this.#onAnswer.push(listener);
  }

  /** The journal has grown. */
  onEntry(listener: () => void): void {
    this.#onEntry.push(listener);
  }

  /** Sends an answer that was given before, or could not be stored. */
  answerAgain(answer: Answered): void {
    for (const listener of this.#onAnswer) listener(answer);
  }

  /** Runs `work` as one transaction. `store_full`: nothing of it happened, what it wanted has to be tried again. */
  write<T>(work: (page: Page) => T): Written<T> {
    let page = new Page(this.store);
    const written = this.store.write(() => {
      page = new Page(this.store);
      return work(page);
    });
    if (written.kind === "store_full") {
      this.#log.error(
        { event: "store_full" },
        "the store is full: nothing new is taken, running charges go on",
      );
      return written;
    }
    for (const { fields, text } of page.lines) this.#log.info(fields, text);
    if (page.grown) for (const listener of this.#onEntry) listener();
    for (const answer of page.answers) for (const listener of this.#onAnswer) listener(answer);
    return written;
  }
}

/** What can be written within one transaction. Moves that the table does not have answer false and change nothing. */
export class Page {
  readonly #store: Store;
  readonly answers: Answered[] = [];
  readonly lines: { fields: object; text: string }[] = [];
  grown = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A journal entry. Telemetry is left out while the store is nearly full. */
  note(event: GatewayEvent, at?: Moment): void {
    this.#store.journal.append(event, at);
    this.grown = true;
    if (event.kind.startsWith("order.")) {
      this.lines.push({ fields: { event: event.kind, ...event.body }, text: sentence(event) });
    }
  }

  telemetry(event: GatewayEvent): void {
    if (this.#store.takesTelemetry()) this.note(event);
  }

  answer(command: StoredCommand, outcome: CommandOutcome): void {
    this.#store.commands.settle(command.id, outcome);
    this.answers.push({ commandId: command.id, replyTo: command.replyTo, outcome });
  }

  /** Answers the commands that waited for the order, as it stands now. */
  answerOpen(orderId: OrderId): void {
    const order = this.#store.orders.get(orderId);
    if (order === undefined) return;
    for (const command of this.#store.commands.openOf(orderId)) {
      const outcome = outcomeOf(command.body.kind, order);
      if (outcome !== null) this.answer(command, outcome);
    }
  }

  /** It runs: `at` is when POWERON went out. */
  confirm(order: ChargeOrder, evidence: Evidence, left: number, at: Moment): boolean {
    const now = this.#store.boots.now();
    return this.#move(order, "confirmed", { outstanding: false, minutesLeft: left, leftAt: now, evidence }, [
      {
        kind: "order.started",
        body: {
          orderId: order.orderId,
          deviceCode: order.deviceCode,
          port: order.port,
          minutes: order.minutes,
          evidence,
        },
      },
      at,
    ]);
  }

  /** It never began. */
  refuse(order: ChargeOrder, failReason: FailReason, detail: string): boolean {
    return this.#move(order, "refused", { outstanding: false, failReason, detail: detail.slice(0, 200) }, [
      {
        kind: "order.failed",
        body: { orderId: order.orderId, reason: failReason, detail: detail.slice(0, 200) },
      },
    ]);
  }

  /** The same for an order that is not stored yet: it never holds its port. */
  refuseNew(order: ChargeOrder, failReason: FailReason, detail: string): void {
    this.#store.orders.insert({ ...order, state: "failed", failReason, detail });
    this.note({ kind: "order.failed", body: { orderId: order.orderId, reason: failReason, detail } });
    this.answerOpen(order.orderId);
  }

  /** It never began, or is off again, because somebody cancelled it. */
  withdraw(order: ChargeOrder, detail: string): boolean {
    return this.#move(order, "withdrawn", { outstanding: false, detail }, [
      { kind: "order.cancelled", body: { orderId: order.orderId, detail } },
    ]);
  }

  end(order: ChargeOrder, end: End): boolean {
    return this.#finish(order, "ended", end);
  }

  /** Replaces an end without evidence; the same end again changes nothing but that it is settled. */
  correct(order: ChargeOrder, end: End): boolean {
    return this.#finish(order, "corrected", end);
  }

  #finish(order: ChargeOrder, event: "ended" | "corrected", end: End): boolean {
    const { minutes, endReason, evidence, at } = end;
    return this.#move(
      order,
      event,
      { delivered: minutes, endReason, evidence, settled: evidence !== "none" },
      [{ kind: "order.finished", body: { orderId: order.orderId, minutes, endReason, evidence } }, at],
    );
  }

  #move(
    order: ChargeOrder,
    event: Parameters<typeof move>[1],
    change: Partial<ChargeOrder>,
    [entry, at]: [GatewayEvent, (Moment | undefined)?],
  ): boolean {
    const stored = this.#store.orders.get(order.orderId);
    if (stored === undefined || stored.deviceCode === null) return false;
    const state = move(stored.state, event);
    if (state === undefined) return false;
    this.#store.orders.update({ ...stored, ...change, state });
    this.note(entry, at);
    this.answerOpen(order.orderId);
    return true;
  }
}

function sentence(event: GatewayEvent): string {
  switch (event.kind) {
    case "order.started": {
      const { orderId, deviceCode, port, minutes } = event.body;
      return `order ${orderId}: ${deviceCode} port ${port} is on for ${minutes} min`;
    }
    case "order.finished":
      return `order ${event.body.orderId}: ended (${event.body.endReason}) after ${event.body.minutes} min`;
    case "order.failed":
      return `order ${event.body.orderId}: not begun, ${event.body.detail || event.body.reason}`;
    case "order.cancelled":
      return `order ${event.body.orderId}: cancelled, ${event.body.detail}`;
    default:
      return event.kind;
  }
}
