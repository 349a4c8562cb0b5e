import { type Clock, type Instant, type Millis, seconds } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import type { Db } from "../database/database.ts";
import { transaction } from "../database/open.ts";

/** A gateway says something at least every minute; silence for longer than two of them is an absence (spec 4, "Radio"). */
export const SILENCE_MAX: Millis = seconds(150);
/** Seen times are for people: they are written together, not with every message. */
const FLUSH_EVERY: Millis = seconds(30);

interface Connection {
  heard: Millis;
  /** Its hello, or a message of its stream, was accepted. */
  accepted: boolean;
}

/** Which gateways are there: connected, accepted and heard within 150 s. */
export class Presence {
  readonly #clock: Clock;
  readonly #db: Db;
  readonly #log: Logger;
  readonly #connections = new Map<string, Connection>();
  readonly #seen = new Map<string, Instant>();
  #timer: { cancel(): void } | undefined;

  constructor(parts: { clock: Clock; db: Db; log: Logger }) {
    this.#clock = parts.clock;
    this.#db = parts.db;
    this.#log = parts.log;
  }

  start(): void {
    this.#timer = this.#clock.after(FLUSH_EVERY, "seen times", async () => {
      await this.flush();
      if (this.#timer !== undefined) this.start();
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.flush();
  }

  /** A new connection; one that replaces another has to be accepted anew. */
  connected(gatewayId: string): void {
    this.#connections.set(gatewayId, { heard: this.#clock.uptime(), accepted: false });
  }

  gone(gatewayId: string): void {
    const connection = this.#connections.get(gatewayId);
    this.#connections.delete(gatewayId);
    if (connection?.accepted === true) {
      this.#log.info({ event: "gateway.offline", gateway: gatewayId }, `gateway ${gatewayId} is offline`);
    }
  }

  heard(gatewayId: string): void {
    const connection = this.#connections.get(gatewayId);
    if (connection === undefined) return;
    connection.heard = this.#clock.uptime();
    if (connection.accepted) this.#seen.set(gatewayId, this.#clock.now());
  }

  isConnected(gatewayId: string): boolean {
    return this.#connections.has(gatewayId);
  }

  isAccepted(gatewayId: string): boolean {
    return this.#connections.get(gatewayId)?.accepted === true;
  }

  accept(gatewayId: string): void {
    const connection = this.#connections.get(gatewayId);
    if (connection === undefined || connection.accepted) return;
    connection.accepted = true;
    this.#seen.set(gatewayId, this.#clock.now());
    this.#log.info({ event: "gateway.online", gateway: gatewayId }, `gateway ${gatewayId} is online`);
  }

  /** It is connected, and nothing is taken from it. */
  refuse(gatewayId: string): void {
    const connection = this.#connections.get(gatewayId);
    if (connection !== undefined) connection.accepted = false;
  }

  online(gatewayId: string): boolean {
    const connection = this.#connections.get(gatewayId);
    return connection?.accepted === true && this.#clock.uptime() - connection.heard <= SILENCE_MAX;
  }

  count(): { connected: number; online: number } {
    const online = [...this.#connections.keys()].filter((id) => this.online(id)).length;
    return { connected: this.#connections.size, online };
  }

  /** Writes when each gateway was last heard. */
  async flush(): Promise<void> {
    if (this.#seen.size === 0) return;
    const seen = [...this.#seen];
    this.#seen.clear();
    try {
      await transaction(this.#db, async (tx) => {
        for (const [id, seenTime] of seen) {
          await tx.updateTable("gateway").set({ seenTime }).where("id", "=", id).execute();
        }
      });
    } catch (error) {
      this.#log.error({ err: error }, "seen times of gateways were not written");
    }
  }
}
