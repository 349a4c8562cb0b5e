import { decodeReply, type Reply } from "@bluepower/protocol/charger/frames";
import { FrameReader, frameBytes } from "@bluepower/protocol/charger/reader";
import { type Clock, seconds } from "@bluepower/protocol/clock";
import type { Link } from "../radio/radio.ts";
import type { Answer } from "./chargers.ts";

/** Spec 4, "Radio". */
export const REPLY = seconds(3);
/** Requests that may wait on one link; a job asks one after another. */
const WAITING_MAX = 16;

interface Pending {
  /** The value of a reply that answers this request; undefined: it answers something else. */
  read: (reply: Reply) => unknown;
  settle: (answer: Answer<unknown>) => void;
  strange: string | undefined;
}

/**
 * Requests and replies on one link, one at a time. A reply does not say what it answers. So frames that cannot be the answer
 * are passed over, and once an answer is overdue the link is closed rather than trusted: the late `OK` of one command must
 * never confirm the next one.
 */
export class Exchange {
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #reader = new FrameReader();
  #pending: Pending | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #aborted = false;

  constructor(clock: Clock, link: Link) {
    this.#clock = clock;
    this.#link = link;
    link.onBytes((bytes) => {
      for (const frame of this.#reader.push(bytes)) this.#receive(frame);
    });
  }

  get open(): boolean {
    return this.#link.open && !this.#aborted;
  }

  /**
   * Sends the frame after the requests before it. `frame` is made at that moment, because its timestamp must be fresh.
   * Settles within 3 s of being sent. Throws when more than 16 requests wait.
   */
  ask<T>(frame: () => string, read: (reply: Reply) => T | undefined): Promise<Answer<T>> {
    if (this.#waiting >= WAITING_MAX)
      throw new Error(`more than ${WAITING_MAX} requests wait for one charger`);
    this.#waiting += 1;
    const answer = this.#last.then(() => this.#ask(frame, read));
    this.#last = answer.finally(() => {
      this.#waiting -= 1;
    });
    return answer;
  }

  /** Ends the request under way as `no_reply`, every later one as `closed`, and the link. */
  abort(): void {
    this.#aborted = true;
    this.#pending?.settle({ kind: "no_reply" });
    void this.#link.close();
  }

  async #ask<T>(frame: () => string, read: (reply: Reply) => T | undefined): Promise<Answer<T>> {
    if (!this.open) return { kind: "closed" };
    const answer = new Promise<Answer<T>>((resolve) => {
      const pending: Pending = {
        read,
        strange: undefined,
        settle: (given) => {
          if (this.#pending === pending) this.#pending = undefined;
          // Only what `read` returned comes back here.
          resolve(given as Answer<T>);
        },
      };
      this.#pending = pending;
      const timer = this.#clock.after(REPLY, "reply", () => {
        const { strange } = pending;
        pending.settle(strange === undefined ? { kind: "no_reply" } : { kind: "garbled", detail: strange });
        this.abort();
      });
      void this.#link.write(frameBytes(frame())).then((written) => {
        if (written === "closed") pending.settle({ kind: "closed" });
      });
      void this.#link.closed.then(() => pending.settle({ kind: "closed" }));
      const { settle } = pending;
      pending.settle = (given) => {
        timer.cancel();
        settle(given);
      };
    });
    return await answer;
  }

  #receive(frame: string): void {
    const pending = this.#pending;
    // Nobody asked: a reply to a request given up, or noise.
    if (pending === undefined) return;
    const reply = decodeReply(frame);
    if ("problem" in reply) {
      pending.strange = `${JSON.stringify(frame)} is no reply (${reply.problem})`;
      return;
    }
    if (reply.result !== 0) {
      pending.settle({ kind: "refused", result: reply.result });
      return;
    }
    const value = pending.read(reply);
    if (value === undefined) pending.strange = `${JSON.stringify(frame)} answers another request`;
    else pending.settle({ kind: "ok", value });
  }
}
