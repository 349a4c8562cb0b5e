import { type Clock, type Millis, millis } from "@bluepower/protocol/clock";
import type { DueReply } from "./faults.ts";

/** More waiting replies than this lose the newest, as a full UART buffer does. */
export const REPLIES_MAX = 64;

/** Sends replies in the order of their commands: one that is held back holds back those behind it. */
export class ReplyQueue {
  readonly #clock: Clock;
  readonly #send: (bytes: Uint8Array) => void;
  #waiting: { bytes: Uint8Array; at: Millis }[] = [];
  #generation = 0;

  constructor(of: { clock: Clock; send: (bytes: Uint8Array) => void }) {
    this.#clock = of.clock;
    this.#send = of.send;
  }

  push(reply: DueReply): void {
    if (this.#waiting.length === 0 && reply.delay <= 0) {
      this.#send(reply.bytes);
      return;
    }
    if (this.#waiting.length >= REPLIES_MAX) return;
    this.#waiting.push({ bytes: reply.bytes, at: millis(this.#clock.uptime() + reply.delay) });
    if (this.#waiting.length === 1) this.#awaitFirst();
  }

  /** The link is gone: what waits is lost. */
  clear(): void {
    this.#waiting = [];
    this.#generation += 1;
  }

  #awaitFirst(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const generation = this.#generation;
    const delay = millis(Math.max(0, first.at - this.#clock.uptime()));
    this.#clock.after(delay, "reply held back", () => {
      if (generation !== this.#generation) return;
      this.#waiting.shift();
      this.#send(first.bytes);
      this.#awaitFirst();
    });
  }
}
