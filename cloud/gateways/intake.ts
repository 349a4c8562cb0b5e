import type { Clock } from "@bluepower/protocol/clock";
import { gatewayId as asGatewayId } from "@bluepower/protocol/units";
import {
  type Ack,
  type EventKind,
  type Events,
  eventBodies,
  type GatewayEvent,
  type Quality,
  type WireEvent,
} from "@bluepower/protocol/uplink/messages";
import { decode } from "@bluepower/protocol/uplink/shape";
import { down } from "@bluepower/protocol/uplink/topics";
import { UPLINK_VERSION } from "@bluepower/protocol/uplink/version";
import type { Logger } from "pino";
import type { Db, Tx } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { applyChargerEvent, chargerObeys, factTime, type OrderEvent } from "./chargerEvents.ts";
import type { Commands, Settled } from "./commands.ts";
import { eventLine } from "./eventLines.ts";

/** A gateway sends again every few seconds, so an event is put aside after some ten seconds of failing. */
const FAILURES_MAX = 5;

/** An order's event and where it comes from. `at` is the gateway's wall time (epoch ms), as good as `quality` says. */
export interface OrderFact {
  gatewayId: string;
  at: number;
  quality: Quality;
  event: OrderEvent;
}

/** Applies an order's event; total, so what it throws is a bug or an outage. `commands` are published after the commit. */
export type ApplyOrderEvent = (tx: Tx, fact: OrderFact) => Promise<{ commands: readonly string[] }>;

interface Applied {
  /** How many events were applied now. */
  applied: number;
  acked: number;
  /** Something stands between what was applied and what came. */
  gap: boolean;
  commands: string[];
  settled: Settled[];
  told: GatewayEvent[];
}

/** What an attempt leaves out. */
interface Plan {
  /** Stops before this event. */
  before?: number;
  /** Puts this event into dead_event, and stops after it. */
  aside?: { seq: number; problem: string };
}

/**
 * Events of gateways, each applied once and in order: the cursor moves in the transaction of what they effect, and only then
 * the gateway is told. Called for one gateway at a time.
 */
export class Intake {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #applyOrderEvent: ApplyOrderEvent;
  readonly #commands: Commands;
  readonly #publish: (topic: string, payload: string) => void;
  readonly #ordersChanged: (gatewayId: string) => void;
  readonly #failures = new Map<string, { seq: number; count: number; blocks: boolean }>();
  #applied = 0;
  #putAside = 0;

  constructor(parts: {
    db: Db;
    clock: Clock;
    log: Logger;
    applyOrderEvent: ApplyOrderEvent;
    commands: Commands;
    publish: (topic: string, payload: string) => void;
    /** After the commit of an order's event. */
    ordersChanged: (gatewayId: string) => void;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#applyOrderEvent = parts.applyOrderEvent;
    this.#commands = parts.commands;
    this.#publish = parts.publish;
    this.#ordersChanged = parts.ordersChanged;
  }

  /** `blocked`: gateways whose next event is an order's that cannot be applied; a person has to look. */
  counts(): { applied: number; putAside: number; blocked: number } {
    const blocked = [...this.#failures.values()].filter((f) => f.blocks).length;
    return { applied: this.#applied, putAside: this.#putAside, blocked };
  }

  /** Applies a batch and acknowledges it; an empty one asks for the cursor. `refused`: nothing is taken from this sender. */
  async take(gatewayId: string, message: Events): Promise<"applied" | "refused"> {
    let failed: { event: WireEvent; error: unknown } | undefined;
    let result: Applied | undefined;
    try {
      result = await this.#attempt(gatewayId, message, {}, (event, error) => {
        failed = { event, error };
      });
    } catch (error) {
      if (failed === undefined) throw error;
      result = await this.#afterFailure(gatewayId, message, failed);
    }
    if (result === undefined) return "refused";
    if (failed === undefined) this.#failures.delete(gatewayId);
    this.#applied += result.applied;
    if (result.gap) this.#log.info({ gateway: gatewayId, acked: result.acked }, "a gap in the events");

    const ack: Ack = {
      v: UPLINK_VERSION,
      sentAt: this.#clock.now(),
      stream: message.stream,
      acked: result.acked,
      re: message.no,
    };
    this.#publish(down.ack(asGatewayId(gatewayId)), JSON.stringify(ack));
    this.#commands.wake(result.settled);
    for (const event of result.told) {
      const line = eventLine(event);
      if (line !== undefined) this.#log[line.level]({ event: event.kind, gateway: gatewayId }, line.text);
    }
    for (const id of result.commands) await this.#commands.publish(id);
    if (result.told.some(isOrderEvent)) this.#ordersChanged(gatewayId);
    return "applied";
  }

  /**
   * What came before the failing event is applied without it. That this succeeds shows that the failure is the event's, not
   * the database's, so only then it counts.
   */
  async #afterFailure(
    gatewayId: string,
    message: Events,
    { event, error }: { event: WireEvent; error: unknown },
  ): Promise<Applied | undefined> {
    const { seq, kind } = event;
    const before = await this.#attempt(gatewayId, message, { before: seq });
    const known = this.#failures.get(gatewayId);
    const count = known?.seq === seq ? known.count + 1 : 1;
    // What an order's event does may fail by a bug, which is mended; one that cannot be read says nothing for ever.
    const isOrder = kind.startsWith("order.") && !(error instanceof Unreadable);
    const blocks = isOrder && count >= FAILURES_MAX;
    this.#failures.set(gatewayId, { seq, count, blocks });
    this.#log.error(
      { err: error, gateway: gatewayId, seq, kind, count },
      blocks ? "an order's event cannot be applied and blocks its gateway" : "an event cannot be applied",
    );
    if (isOrder || count < FAILURES_MAX) return before;
    const problem = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    const after = await this.#attempt(gatewayId, message, { aside: { seq, problem } });
    if (after === undefined || before === undefined) return undefined;
    this.#failures.delete(gatewayId);
    this.#putAside += 1;
    this.#log.error({ gateway: gatewayId, seq, kind }, "an event was put aside, see table dead_event");
    return {
      ...after,
      applied: before.applied + after.applied,
      commands: [...before.commands, ...after.commands],
      settled: [...before.settled, ...after.settled],
      told: [...before.told, ...after.told],
    };
  }

  async #attempt(
    gatewayId: string,
    message: Events,
    plan: Plan,
    onFailure: (event: WireEvent, error: unknown) => void = () => undefined,
  ): Promise<Applied | undefined> {
    return await transaction(this.#db, async (tx) => {
      const cursor = await tx
        .selectFrom("gateway_cursor")
        .innerJoin("gateway", "gateway.id", "gateway_cursor.gatewayId")
        .select(["gateway_cursor.streamId as stream", "gateway_cursor.lastSeq as last", "gateway.revoked"])
        .where("gateway.id", "=", gatewayId)
        .executeTakeFirst();
      if (cursor === undefined || cursor.stream !== message.stream || cursor.revoked === 1) return undefined;
      const now = this.#clock.now();
      const result: Applied = {
        applied: 0,
        acked: cursor.last,
        gap: false,
        commands: [],
        settled: [],
        told: [],
      };
      for (const event of message.events) {
        if (event.seq <= result.acked) continue;
        if (event.seq !== result.acked + 1) {
          result.gap = true;
          break;
        }
        if (event.seq === plan.before) break;
        if (event.seq === plan.aside?.seq) {
          await this.#bury(tx, {
            gatewayId,
            stream: message.stream,
            event,
            problem: plan.aside.problem,
            now,
          });
          result.acked = event.seq;
          break;
        }
        try {
          await this.#apply(tx, { gatewayId, event, now }, result);
        } catch (error) {
          onFailure(event, error);
          throw error;
        }
        result.acked = event.seq;
      }
      if (result.acked > cursor.last) {
        result.applied = result.acked - cursor.last;
        await tx
          .updateTable("gateway_cursor")
          .set({ lastSeq: result.acked, updateTime: now })
          .where("gatewayId", "=", gatewayId)
          .execute();
      }
      return result;
    });
  }

  async #apply(
    tx: Tx,
    { gatewayId, event: wire, now }: { gatewayId: string; event: WireEvent; now: number },
    result: Applied,
  ): Promise<void> {
    const { seq, at, quality } = wire;
    const keep = (): Promise<void> => this.#keep(tx, { gatewayId, event: wire, now });
    const event = readEvent(wire);
    // A newer gateway knows kinds that this program does not.
    if (event === undefined) return keep();
    switch (event.kind) {
      case "charger.seen":
      case "charger.lost":
      case "charger.misconfigured":
      case "port.changed": {
        const time = factTime({ at, quality }, now);
        if ((await applyChargerEvent(tx, { gatewayId, time, event })) === "not_assigned") {
          this.#log.info(
            { gateway: gatewayId, seq, kind: wire.kind },
            "about a charger that is not assigned",
          );
          await keep();
          return;
        }
        break;
      }
      case "port.foreign":
      case "health":
        await keep();
        break;
      case "order.started":
      case "order.failed":
      case "order.cancelled":
      case "order.finished": {
        const { commands } = await this.#applyOrderEvent(tx, { gatewayId, at, quality, event });
        result.commands.push(...commands);
        result.settled.push(...(await this.#commands.settleByEvent(tx, gatewayId, event)));
        if (event.kind === "order.started") await chargerObeys(tx, gatewayId, event.body.deviceCode);
      }
    }
    result.told.push(event);
  }

  async #keep(
    tx: Tx,
    { gatewayId, event, now }: { gatewayId: string; event: WireEvent; now: number },
  ): Promise<void> {
    const { seq, kind, at } = event;
    await tx
      .insertInto("gateway_fact")
      .values({ gatewayId, seq, kind, at, body: JSON.stringify(event.body ?? null), insertTime: now })
      .execute();
  }

  async #bury(
    tx: Tx,
    {
      gatewayId,
      stream,
      event,
      problem,
      now,
    }: { gatewayId: string; stream: string; event: WireEvent; problem: string; now: number },
  ): Promise<void> {
    await tx
      .insertInto("dead_event")
      .values({
        gatewayId,
        streamId: stream,
        seq: event.seq,
        kind: event.kind,
        body: JSON.stringify({ at: event.at, quality: event.quality, body: event.body ?? null }),
        problem,
        insertTime: now,
      })
      .execute();
  }
}

function isOrderEvent(event: GatewayEvent): event is OrderEvent {
  return event.kind.startsWith("order.");
}

/** The body of an event is not what its kind says. */
class Unreadable extends Error {}

/** Undefined for a kind that this program does not know; throws for a known one whose body is malformed. */
function readEvent(wire: WireEvent): GatewayEvent | undefined {
  const { kind } = wire;
  if (!Object.hasOwn(eventBodies, kind)) return undefined;
  const read = decode<unknown>(eventBodies[kind as EventKind], wire.body);
  if ("problem" in read) throw new Unreadable(`body of ${kind}: ${read.problem}`);
  return { kind, body: read.value } as GatewayEvent;
}
