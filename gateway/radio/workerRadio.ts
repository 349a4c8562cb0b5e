import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import type { ChipId } from "@bluepower/protocol/units";
import type { Logger } from "pino";
import { decodeFromWorker, type FromWorker, type ToWorker } from "../ble-worker/ipc.ts";
import type { ConnectOutcome, Link, Radio, Sighting } from "./radio.ts";
import type { WorkerProcess } from "./workerProcess.ts";

/** The worker says that it lives every second; five of silence are a blocked event loop. */
const HEARTBEAT_TIMEOUT = seconds(5);
/** Loading the library and resetting the adapter; the worker gives up by itself after 8 s. */
const UP_TIMEOUT = seconds(15);
/** All steps of a connection in the worker, with their cancellations, take 23 s at most. */
const CONNECT_TIMEOUT = seconds(25);
/** One frame is seven chunks at most, and the worker gives each 3 s; the first that is late closes the link. */
const WRITE_TIMEOUT = seconds(5);
/** The worker answers a close after 3 s whatever the adapter does. */
const CLOSE_TIMEOUT = seconds(5);
const STOP_TIMEOUT = seconds(3);
/** A worker that has been up this long was well: the next failure is a new one. */
const WELL_AFTER = seconds(60);
const BACKOFF: readonly Millis[] = [500, 1000, 2000, 5000, 10_000, 30_000].map(millis);
/** Writes under way on one link; a session has one. */
const WRITES_MAX = 16;

interface OpenLink extends Link {
  deliver(bytes: Uint8Array): void;
  end(reason: string): void;
}

/**
 * The radio over the worker process. The worker may freeze, die or lie; here every promise settles all the same: each request
 * has a deadline of its own, and when the process ends all that waited is answered. A worker that misses a deadline is
 * killed and started anew, with growing pauses.
 */
export class WorkerRadio implements Radio {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #start: () => WorkerProcess;
  readonly #states: ((state: "up" | "down", reason: string) => void)[] = [];
  readonly #sightings: ((sighting: Sighting) => void)[] = [];
  readonly #connects = new Map<number, (outcome: ConnectOutcome) => void>();
  readonly #writes = new Map<number, (outcome: "written" | "closed") => void>();
  readonly #links = new Map<number, OpenLink>();
  #state: "up" | "down" = "down";
  #reason = "the Bluetooth process is starting";
  #lastWord: string | undefined;
  #worker: WorkerProcess | undefined;
  #watchdog: Timer | undefined;
  #upTimer: Timer | undefined;
  #restart: Timer | undefined;
  #failures = 0;
  #upAt: Millis | undefined;
  #lastRequest = 0;
  #closed: (() => void) | undefined;

  /** Starts at once; `start` forks a worker (`forkWorker`). */
  constructor(of: { clock: Clock; log: Logger; start: () => WorkerProcess }) {
    this.#clock = of.clock;
    this.#log = of.log;
    this.#start = of.start;
    this.#launch();
  }

  get state(): "up" | "down" {
    return this.#state;
  }

  onState(listener: (state: "up" | "down", reason: string) => void): void {
    this.#states.push(listener);
  }

  onSighting(listener: (sighting: Sighting) => void): void {
    this.#sightings.push(listener);
  }

  connect(chip: ChipId, profile: ChargerProfile, cancelled?: AbortSignal): Promise<ConnectOutcome> {
    if (this.#state === "down") return Promise.resolve({ kind: "radio_down", detail: this.#reason });
    if (cancelled?.aborted === true) return Promise.resolve({ kind: "cancelled" });
    const request = ++this.#lastRequest;
    const cancel = (): void => this.#send({ kind: "cancel", request });
    cancelled?.addEventListener("abort", cancel);
    return new Promise((resolve) => {
      const timer = this.#clock.after(CONNECT_TIMEOUT, "connect answer", () =>
        this.#kill("the Bluetooth process did not answer a connect"),
      );
      this.#connects.set(request, (outcome) => {
        this.#connects.delete(request);
        timer.cancel();
        cancelled?.removeEventListener("abort", cancel);
        resolve(outcome);
      });
      const { service, write, notify } = profile;
      this.#send({ kind: "connect", request, chip, profile: { service, write, notify } });
    });
  }

  /** Ends the worker in order, or by force after 3 s. */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    const gone = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#restart?.cancel();
    if (this.#worker === undefined) return;
    const timer = this.#clock.after(STOP_TIMEOUT, "stop the Bluetooth process", () =>
      this.#kill("it did not stop by itself"),
    );
    this.#send({ kind: "stop" });
    await gone;
    timer.cancel();
  }

  #launch(): void {
    let worker: WorkerProcess;
    try {
      worker = this.#start();
    } catch (error) {
      this.#down(
        `the Bluetooth process cannot be started: ${error instanceof Error ? error.message : error}`,
      );
      return;
    }
    this.#worker = worker;
    worker.onMessage((message) => {
      if (this.#worker === worker) this.#receive(message);
    });
    worker.onExit((how) => {
      if (this.#worker === worker) this.#down(`the Bluetooth process ended (${how})`);
    });
    worker.onOutput((line) => this.#log.debug({ line }, "Bluetooth process"));
    this.#feed();
    this.#upTimer = this.#clock.after(UP_TIMEOUT, "Bluetooth up", () =>
      this.#kill(`the adapter did not come up within ${UP_TIMEOUT / 1000} s`),
    );
  }

  #feed(): void {
    this.#watchdog?.cancel();
    this.#watchdog = this.#clock.after(HEARTBEAT_TIMEOUT, "heartbeat of the Bluetooth process", () =>
      this.#kill(`the Bluetooth process was silent for ${HEARTBEAT_TIMEOUT / 1000} s`),
    );
  }

  #kill(reason: string): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.kill();
    this.#down(reason);
  }

  /** The worker is gone or given up: everything that waited is answered, and the next one is planned. */
  #down(reason: string): void {
    this.#worker = undefined;
    this.#watchdog?.cancel();
    this.#upTimer?.cancel();
    const wasUp = this.#state === "up";
    this.#state = "down";
    // What the worker itself said as its last word is better than how it ended.
    this.#reason = this.#lastWord ?? reason;
    this.#lastWord = undefined;
    for (const answer of [...this.#connects.values()]) answer({ kind: "radio_down", detail: this.#reason });
    for (const answer of [...this.#writes.values()]) answer("closed");
    for (const link of [...this.#links.values()]) link.end(this.#reason);
    if (wasUp) for (const listener of this.#states) listener("down", this.#reason);
    if (this.#closed !== undefined) {
      this.#closed();
      return;
    }
    const well = this.#upAt !== undefined && this.#clock.uptime() - this.#upAt >= WELL_AFTER;
    this.#upAt = undefined;
    this.#failures = well ? 1 : this.#failures + 1;
    const pause = BACKOFF[Math.min(this.#failures, BACKOFF.length) - 1] ?? seconds(30);
    this.#log.warn({ reason: this.#reason, failures: this.#failures, pause }, "Bluetooth is down");
    this.#restart = this.#clock.after(pause, "start the Bluetooth process", () => this.#launch());
  }

  #send(message: ToWorker): void {
    this.#worker?.send(message);
  }

  #receive(raw: unknown): void {
    const message = decodeFromWorker(raw);
    if (message === undefined) {
      this.#log.warn("a message of the Bluetooth process was not understood");
      return;
    }
    this.#feed();
    this.#handle(message);
  }

  #handle(message: FromWorker): void {
    switch (message.kind) {
      case "heartbeat":
        return;
      case "up":
        this.#upTimer?.cancel();
        this.#upAt = this.#clock.uptime();
        this.#state = "up";
        this.#reason = "";
        this.#log.info({ address: message.address }, "Bluetooth is up");
        for (const listener of this.#states) listener("up", `adapter ${message.address}`);
        return;
      case "sighting":
        for (const listener of this.#sightings) listener({ chip: message.chip, rssi: message.rssi });
        return;
      case "connected": {
        const answer = this.#connects.get(message.request);
        if (answer === undefined) this.#send({ kind: "close", link: message.link });
        else answer({ kind: "connected", link: this.#newLink(message.link) });
        return;
      }
      case "not_connected":
        this.#connects.get(message.request)?.(message.failure);
        return;
      case "written":
        this.#writes.get(message.request)?.(message.outcome);
        return;
      case "bytes":
        this.#links.get(message.link)?.deliver(message.bytes);
        return;
      case "closed":
        this.#links.get(message.link)?.end(message.reason);
        return;
      case "ending":
        this.#lastWord = message.reason;
        return;
    }
  }

  #newLink(id: number): OpenLink {
    const listeners: ((bytes: Uint8Array) => void)[] = [];
    let open = true;
    let underWay = 0;
    let closing: Timer | undefined;
    let settle: (reason: string) => void = () => {};
    const closed = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const link: OpenLink = {
      get open() {
        return open;
      },
      closed,
      onBytes: (listener) => void listeners.push(listener),
      deliver(bytes) {
        if (open) for (const listener of listeners) listener(bytes);
      },
      end: (reason) => {
        open = false;
        closing?.cancel();
        this.#links.delete(id);
        settle(reason);
      },
      write: async (bytes) => {
        if (!open || underWay >= WRITES_MAX) return "closed";
        underWay += 1;
        const outcome = await Promise.race([this.#write(id, bytes), closed.then(() => "closed" as const)]);
        underWay -= 1;
        return outcome;
      },
      close: async () => {
        if (open && closing === undefined) {
          closing = this.#clock.after(CLOSE_TIMEOUT, "close answer", () =>
            this.#kill("the Bluetooth process did not close a link"),
          );
          this.#send({ kind: "close", link: id });
        }
        await closed;
      },
    };
    this.#links.set(id, link);
    return link;
  }

  #write(link: number, bytes: Uint8Array): Promise<"written" | "closed"> {
    const request = ++this.#lastRequest;
    return new Promise((resolve) => {
      const timer = this.#clock.after(WRITE_TIMEOUT, "write answer", () =>
        this.#kill("the Bluetooth process did not answer a write"),
      );
      this.#writes.set(request, (outcome) => {
        this.#writes.delete(request);
        timer.cancel();
        resolve(outcome);
      });
      this.#send({ kind: "write", request, link, bytes });
    });
  }
}
