import { type Clock, millis } from "@bluepower/protocol/clock";
import { below, chance, type Random } from "@bluepower/protocol/random";
import type { GatewayId } from "@bluepower/protocol/units";
import type { Pipe as CloudPipe, PipeListener } from "../../cloud/gateways/pipe.ts";
import { Pipe } from "./modelCloud.ts";
import type { History } from "./worldHistory.ts";

/** How long a program needs to make a connection. */
const CONNECT = millis(300);
/** What a message needs at least. */
const TRIP_MS = 5;

/**
 * The broker, which is part of the cloud's program, between the real cloud and one real gateway. It loses, doubles and delays
 * (and so reorders) as it is told; a partition is either noticed by both ends at once or by nobody until they miss each other.
 */
export class WorldPipe {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #history: History;
  readonly #id: GatewayId;
  /** Probability that a message is lost, or comes twice; and how late it may be. */
  faults = { lose: 0, double: 0, delayMs: 0 };
  /** What a planted bug does to messages: whether one that has come up arrives, and what becomes of one that goes down. */
  up: (topic: string, payload: string) => boolean = () => true;
  down = (_topic: string, payload: string): { payload: string; laterMs: number } => ({ payload, laterMs: 0 });
  #partitioned = false;
  #listener: PipeListener | undefined;
  #gateway: Pipe | undefined;

  constructor(of: { clock: Clock; random: Random; history: History; id: GatewayId }) {
    this.#clock = of.clock;
    this.#random = of.random;
    this.#history = of.history;
    this.#id = of.id;
  }

  /** The cloud's end of a cloud that boots; `alive` says whether it still lives. */
  open(listener: PipeListener, alive: () => boolean): CloudPipe {
    this.#listener = listener;
    // A connection to the former life's broker: it is not known here, and so it ends.
    this.#gateway?.disconnect();
    this.#connect();
    return {
      reportsConnections: true,
      publish: (topic, payload) => {
        if (!alive() || !topic.startsWith(`gw/${this.#id}/`)) return;
        const gateway = this.#gateway;
        const sent = this.down(topic, payload);
        this.#travel(() => gateway?.deliver(topic, sent.payload), sent.laterMs);
      },
      disconnect: () => {
        if (alive()) this.#lose();
      },
      counts: () => ({ connections: this.#gateway?.connected === true ? 1 : 0, denied: 0, dropped: 0 }),
      close: async () => {
        if (alive()) this.#listener = undefined;
      },
    };
  }

  /** The cloud's program is gone, and with it the broker: the gateway is told so at once, or misses it later. */
  cloudDead(noticed: boolean): void {
    this.#listener = undefined;
    if (!noticed) return;
    // Not inside whatever the cloud was just doing.
    this.#clock.after(millis(1), "world connection lost", () => {
      if (this.#listener === undefined) this.#gateway?.disconnect();
    });
  }

  /** The end of a gateway that boots; that of its former boot is dead. */
  boot(): Pipe {
    this.#gateway?.cut();
    const end: Pipe = new Pipe((topic, payload) => {
      const listener = this.#listener;
      this.#travel(() => {
        const arrives = this.#gateway === end && this.#listener === listener && this.up(topic, payload);
        if (arrives) listener?.message(topic, payload, this.#id);
      });
    });
    // A gateway that gives its connection up does not get another one while nobody gets through.
    end.reachable = () => !this.#partitioned && this.#listener !== undefined;
    end.onConnected((connected) => {
      if (this.#gateway === end) this.#listener?.connection(this.#id, connected);
    });
    this.#gateway = end;
    this.#connect();
    return end;
  }

  /** The gateway's program is gone; the broker says so. */
  dead(): void {
    this.#gateway?.cut();
    this.#listener?.connection(this.#id, false);
  }

  partition(noticed: boolean): void {
    this.#partitioned = true;
    if (noticed) this.#gateway?.disconnect();
  }

  heal(): void {
    this.faults = { lose: 0, double: 0, delayMs: 0 };
    this.#partitioned = false;
    this.#connect();
  }

  #lose(): void {
    this.#gateway?.disconnect();
    this.#connect();
  }

  #connect(): void {
    this.#clock.after(CONNECT, "world connects", () => this.#gateway?.connect());
  }

  #travel(arrive: () => void, laterMs = 0): void {
    const { lose, double, delayMs } = this.faults;
    const lost = chance(this.#random, lose);
    const doubled = chance(this.#random, double);
    if (lost) this.#history.fault("uplink lost");
    else if (doubled) this.#history.fault("uplink doubled");
    for (let n = 0; n < (lost ? 0 : doubled ? 2 : 1); n++) {
      const trip = millis(TRIP_MS + laterMs + below(this.#random, delayMs + 1));
      this.#clock.after(trip, "world pipe", () => {
        if (!this.#partitioned) arrive();
      });
    }
  }
}
