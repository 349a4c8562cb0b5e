import { chunks } from "@bluepower/protocol/charger/reader";
import { type Clock, seconds, withDeadline } from "@bluepower/protocol/clock";
import type { NobleCharacteristic, NoblePeripheral } from "./noble.ts";

/** A chunk is queued within milliseconds, and acknowledged within a few connection intervals. */
const CHUNK = seconds(3);
/** What the gateway waits for; a link out of reach closes only with its supervision timeout, 4 s. */
const DISCONNECT = seconds(3);
/** A controller that has not ended a link by then, long after the supervision timeout, does not obey any more. */
const DISCONNECT_NEVER = seconds(10);
/** One request at a time is in the air; more than this is a fault of the caller. */
const WRITES_MAX = 16;
/** The value of a chunk when the MTU is not known: the least that every link carries (23 − 3). */
const CHUNK_MIN = 20;
/** noble asks for an MTU of 256 and believes any answer. */
const MTU_MAX = 256;
const ATT_HEADER = 3;

/** Reasons of HCI (Core specification, Vol 1 Part F) that a field engineer meets. */
const reasons: Record<number, string> = {
  8: "supervision timeout: out of reach or without power",
  19: "the charger ended it",
  22: "closed by the gateway",
  62: "the connection could not be established",
};

/**
 * One connection. noble answers nothing that was in flight when the link dropped, so every step races its own deadline and
 * `gone`.
 */
export class WorkerLink {
  readonly peripheral: NoblePeripheral;
  /** Resolves with the reason when the link is over for the gateway. */
  readonly closed: Promise<string>;
  /** Resolves when the adapter has ended the connection. */
  readonly gone: Promise<void>;
  readonly #clock: Clock;
  readonly #fatal: (reason: string) => void;
  readonly #close: (reason: string) => void;
  #open = true;
  #connected = true;
  #closing: string | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(of: { clock: Clock; peripheral: NoblePeripheral; fatal: (reason: string) => void }) {
    this.#clock = of.clock;
    this.peripheral = of.peripheral;
    this.#fatal = of.fatal;
    let close: (reason: string) => void = () => {};
    this.closed = new Promise((resolve) => {
      close = resolve;
    });
    this.#close = (reason) => {
      this.#open = false;
      close(reason);
    };
    this.gone = new Promise((resolve) => {
      this.peripheral.on("disconnect", (reason) => {
        this.#connected = false;
        this.#close(this.#closing ?? reasonText(reason));
        resolve();
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Runs one call of noble: its value, or why there is none. */
  async step<T>(
    deadline: ReturnType<typeof seconds>,
    label: string,
    call: (done: (error: Error | string | null | undefined, value: T) => void) => void,
  ): Promise<{ kind: "done"; value: T } | { kind: "failed"; detail: string }> {
    type Result = { kind: "done"; value: T } | { kind: "failed"; detail: string };
    if (!this.#open) return { kind: "failed", detail: await this.closed };
    const answer = new Promise<Result>((resolve) => {
      call((error, value) => {
        resolve(
          error === null || error === undefined
            ? { kind: "done", value }
            : { kind: "failed", detail: typeof error === "string" ? error : error.message },
        );
      });
    });
    const dropped = this.closed.then((reason): Result => ({ kind: "failed", detail: reason }));
    const timed = await withDeadline(this.#clock, deadline, label, Promise.race([answer, dropped]));
    return timed.kind === "done"
      ? timed.value
      : { kind: "failed", detail: `${label}: no answer within ${deadline / 1000} s` };
  }

  /** Writes in chunks that the link carries, after all writes before it. */
  write(characteristic: NobleCharacteristic, bytes: Uint8Array): Promise<"written" | "closed"> {
    if (!this.#open) return Promise.resolve("closed");
    if (this.#waiting >= WRITES_MAX) {
      void this.close("too many writes were waiting");
      return Promise.resolve("closed");
    }
    this.#waiting += 1;
    const written = this.#writes.then(() => this.#write(characteristic, bytes));
    this.#writes = written.finally(() => {
      this.#waiting -= 1;
    });
    return written;
  }

  async #write(characteristic: NobleCharacteristic, bytes: Uint8Array): Promise<"written" | "closed"> {
    const { mtu } = this.peripheral;
    const size = mtu === null ? CHUNK_MIN : Math.max(1, Math.min(mtu, MTU_MAX) - ATT_HEADER);
    // Without response it cannot end in an ATT error, which noble never reports.
    const withoutResponse = characteristic.properties.includes("writeWithoutResponse");
    for (const chunk of chunks(bytes, size)) {
      const result = await this.step<unknown>(CHUNK, "write", (done) =>
        characteristic.write(Buffer.from(chunk), withoutResponse, done),
      );
      if (result.kind === "failed") {
        void this.close(result.detail);
        return "closed";
      }
    }
    return "written";
  }

  /**
   * Ends the link; for the gateway it is over after 3 s at the latest. Resolves when the adapter has ended it too;
   * when it never does, the process is of no use any more and `fatal` is called.
   */
  async close(reason: string): Promise<void> {
    if (this.#closing !== undefined || !this.#connected) return await this.gone;
    this.#closing = reason;
    this.#open = false;
    // Asked to disconnect what is not connected, noble ends the connection with handle 0, somebody else's.
    if (this.peripheral.state === "connected") this.peripheral.disconnect();
    const patience = this.#clock.after(DISCONNECT, "disconnect", () => this.#close(reason));
    const never = this.#clock.after(DISCONNECT_NEVER, "disconnect never answered", () =>
      this.#fatal("a connection does not end"),
    );
    await this.gone;
    patience.cancel();
    never.cancel();
  }
}

function reasonText(reason: unknown): string {
  if (typeof reason !== "number") return "the connection ended";
  return reasons[reason] ?? `the connection ended with HCI reason 0x${reason.toString(16)}`;
}
