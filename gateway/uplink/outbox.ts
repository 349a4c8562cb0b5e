import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import { below, type Random } from "@bluepower/protocol/random";
import type { Ack, Events } from "@bluepower/protocol/uplink/messages";
import { UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Logger } from "pino";
import type { Store } from "../store/store.ts";

/** Without an answer a batch is sent again after this, then after twice as long, and so on: the broker promises nothing. */
const RESEND_FIRST = seconds(5);
const RESEND_MAX = seconds(60);
/** An idle gateway asks for the cursor with an empty batch: so it learns of one that went back. */
const IDLE = seconds(60);
/** Between two batches of a backlog, up to twice as long: many gateways come back at once after an outage. */
const PACE = millis(50);
/** The journal grows by several entries at a time; they travel together. */
const GATHER = millis(2);
/** Numbers of messages are not used again after a restart: an answer to an old one is known as such. */
const NUMBERS_PER_BOOT = 2 ** 30;

interface InFlight {
  no: number;
  sentAt: Millis;
  timer: Timer;
}

/**
 * Sends the journal up, in order, one batch in flight, and keeps the mark: what the cloud has applied. The broker is a
 * lossy pipe; an entry is done when the cloud has acknowledged it after its commit.
 */
export class Outbox {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #publish: (message: Events) => "sent" | "dropped";
  #open = false;
  #mark: number;
  #no: number;
  /** Number of the last message sent when the mark was last raised: an answer to an older one cannot lower it. */
  #raisedAt: number;
  #inFlight: InFlight | undefined;
  #resend: Millis = RESEND_FIRST;
  #timer: Timer | undefined;
  /** Uptime of the last answer of the cloud. */
  answeredAt: number;
  /** For whoever watches. */
  readonly counts = { batches: 0, resent: 0, rewinds: 0, staleAcks: 0 };

  constructor(of: {
    store: Store;
    clock: Clock;
    random: Random;
    log: Logger;
    publish: (message: Events) => "sent" | "dropped";
  }) {
    this.#store = of.store;
    this.#clock = of.clock;
    this.#random = of.random.fork("outbox");
    this.#log = of.log;
    this.#publish = of.publish;
    this.#mark = of.store.journal.acknowledged();
    this.#no = of.store.boots.number * NUMBERS_PER_BOOT;
    this.#raisedAt = this.#no;
    this.answeredAt = of.clock.uptime();
  }

  /** Entries the cloud has not acknowledged. */
  get waiting(): number {
    return this.#store.journal.last() - this.#mark;
  }

  get mark(): number {
    return this.#mark;
  }

  /** The cloud has welcomed this connection: `acked` is its cursor, as true as an answer to the newest message. */
  open(acked: number): void {
    this.#open = true;
    this.#resend = RESEND_FIRST;
    this.#land();
    if (acked > this.#store.journal.last()) this.#continueBehind(acked);
    else this.#moveMark(acked, this.#no + 1);
    this.#plan(millis(0));
  }

  /** The cloud has more events of this stream than the store, which is an older copy of itself. */
  #continueBehind(acked: number): void {
    const { journal } = this.#store;
    this.#log.error(
      { acked, last: journal.last() },
      "the cloud has more events of this stream: the store is an older copy; what it holds follows behind them",
    );
    const moved = this.#store.write(() => journal.continueBehind(acked));
    // With a full disk nothing has moved: the next welcome says it again.
    if (moved.kind === "store_full") return;
    this.#mark = acked;
    this.#raisedAt = this.#no;
  }

  /** The connection is gone. */
  close(): void {
    this.#open = false;
    this.#land();
    this.#timer?.cancel();
  }

  /** The journal has grown. */
  grown(): void {
    if (this.#open && this.#inFlight === undefined) this.#plan(GATHER);
  }

  /** An answer of the cloud. Returns the uptime at which the message it answers was sent, for the estimate of time. */
  acknowledged(ack: Ack): number | undefined {
    if (ack.stream !== this.#store.stream) return undefined;
    this.answeredAt = this.#clock.uptime();
    const inFlight = this.#inFlight?.no === ack.re ? this.#inFlight : undefined;
    if (inFlight === undefined) this.counts.staleAcks += 1;
    const before = this.#mark;
    this.#moveMark(ack.acked, ack.re);
    if (inFlight === undefined) return undefined;
    this.#land();
    if (this.waiting === 0) {
      this.#resend = RESEND_FIRST;
      this.#plan(IDLE);
    } else if (this.#mark !== before) {
      this.#resend = RESEND_FIRST;
      this.#plan(this.#jittered(PACE));
    } else {
      // Answered, but nothing was taken: the cloud is busy or saw a gap. Not at once again.
      this.#plan(this.#later());
    }
    return inFlight.sentAt;
  }

  /** R2 of the sync page: the mark goes back only on an answer to a message sent after it was last raised. */
  #moveMark(acked: number, re: number): void {
    const { journal } = this.#store;
    // An older copy of the store is dealt with when the cloud says its cursor in the welcome, not by an answer to a message.
    if (acked > journal.last()) return;
    if (acked === this.#mark) return;
    if (acked < this.#mark) {
      if (re <= this.#raisedAt) return;
      this.counts.rewinds += 1;
      this.#log.warn({ from: this.#mark, to: acked }, "the cloud's cursor went back; events are sent again");
      if (acked + 1 < journal.first()) {
        this.#log.error(
          { acked, first: journal.first() },
          "events before the first kept one cannot be sent again",
        );
      }
    } else {
      this.#raisedAt = this.#no;
    }
    const stored = this.#store.write(() => journal.acknowledge(acked));
    // With a full disk the mark moves all the same: after a restart the cloud says it again.
    if (stored.kind === "store_full") this.#log.warn("the mark could not be stored");
    this.#mark = acked;
  }

  #send(): void {
    if (!this.#open || this.#inFlight !== undefined) return;
    const events = this.#store.journal.after(this.#mark);
    this.#no += 1;
    const message: Events = { v: UPLINK_VERSION, stream: this.#store.stream, no: this.#no, events };
    if (this.#publish(message) === "sent") this.counts.batches += 1;
    const no = this.#no;
    this.#inFlight = {
      no,
      sentAt: this.#clock.uptime(),
      timer: this.#clock.after(this.#later(), "outbox resend", () => {
        if (this.#inFlight?.no !== no) return;
        this.counts.resent += 1;
        this.#land();
        this.#send();
      }),
    };
  }

  #land(): void {
    this.#inFlight?.timer.cancel();
    this.#inFlight = undefined;
  }

  #plan(delay: Millis): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delay, "outbox", () => this.#send());
  }

  /** The next pause of a growing row of them. */
  #later(): Millis {
    const pause = this.#jittered(this.#resend);
    this.#resend = millis(Math.min(this.#resend * 2, RESEND_MAX));
    return pause;
  }

  /** One to two times the span. */
  #jittered(span: Millis): Millis {
    return millis(span + below(this.#random, Math.max(1, Math.floor(span))));
  }
}
