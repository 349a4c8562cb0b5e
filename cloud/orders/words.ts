import { type Instant, instant } from "@bluepower/protocol/clock";
import {
  orderId as asOrderId,
  chargeMinutes,
  MAX_CHARGE_MINUTES,
  UNIT_MINUTES,
  units,
} from "@bluepower/protocol/units";
import type { EndReason, Evidence } from "@bluepower/protocol/uplink/messages";
import type { Tx } from "../database/database.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { billedUnits, rebill } from "./bill.ts";
import { type Move, moves } from "./machine.ts";
import { changeOrder, type StoredOrder, storedOrder } from "./orderRow.ts";
import type { CancelReason } from "./refusals.ts";
import { freePort, freeUser } from "./slots.ts";

/** What is said of an order by its gateway, as an event or as the outcome of a command, or by the time. */
export type Word =
  | { kind: "started"; startTime: Instant }
  | { kind: "failed" | "cancelled"; reason: CancelReason }
  | { kind: "finished"; minutes: number; endReason: EndReason; evidence: Evidence; endTime: Instant };

/** Commands wanted by the change, to be sent after the commit. */
export interface Applied {
  move: Move | "unknown_order";
  commands: string[];
}

/** Two writers of one order are rare, more than this is a bug. */
const TRIES = 5;

/**
 * Does what the table of moves says about a word, in the transaction given: row, slots, bill and command together. Total and
 * repeatable: a word that is known changes nothing.
 */
export async function applyWord(
  tx: Tx,
  gateways: Gateways,
  of: { orderId: string; word: Word; at: Instant },
): Promise<Applied> {
  for (let i = 0; i < TRIES; i++) {
    const order = await storedOrder(tx, of.orderId);
    if (order === undefined) return { move: "unknown_order", commands: [] };
    const commands = await carryOut(tx, gateways, { order, word: of.word, at: of.at });
    if (commands === "overtaken") continue;
    return { move: moves[order.state][of.word.kind], commands };
  }
  throw new Error(`order ${of.orderId} changes all the time`);
}

interface Step {
  order: StoredOrder;
  word: Word;
  at: Instant;
}

async function carryOut(tx: Tx, gateways: Gateways, step: Step): Promise<string[] | "overtaken"> {
  const { order, word, at } = step;
  const { orderId } = order;
  switch (word.kind) {
    case "started":
      switch (moves[order.state].started) {
        case "begin":
          return await change(tx, gateways, step, {
            state: "charging",
            startTime: Math.max(order.orderTime, word.startTime),
          });
        case "switch_off": {
          const command = await switchOff(tx, gateways, order, at);
          return command === undefined ? [] : [command];
        }
        case "nothing":
          return [];
      }
      break;
    case "failed":
    case "cancelled":
      switch (moves[order.state][word.kind]) {
        case "drop":
          return await drop(tx, gateways, step, word.reason);
        case "free":
          await freePort(tx, orderId);
          return [];
        case "nothing":
          return [];
      }
      break;
    case "finished":
      switch (moves[order.state].finished) {
        case "finish":
        case "correct":
          return await finish(tx, gateways, step, word);
        case "free":
          // What it gave is kept for the operator; its user was told that it is cancelled and owes nothing.
          await change(tx, gateways, step, { ...ended(order, word) });
          await freePort(tx, orderId);
          return [];
      }
  }
}

/** The gateway of a changed order has to know. */
type Told = Pick<Gateways, "touchDesired">;

/** Writes the order unless somebody else has moved it on; its gateway has to know. */
async function change(
  tx: Tx,
  gateways: Told,
  { order, at }: Step,
  values: Partial<StoredOrder>,
): Promise<[] | "overtaken"> {
  const changed = await changeOrder(tx, order.orderId, {
    when: { state: order.state },
    set: { ...values, updateTime: at },
  });
  if (changed === undefined) return "overtaken";
  if (order.gatewayId !== null) await gateways.touchDesired(tx, order.gatewayId);
  return [];
}

async function drop(tx: Tx, gateways: Told, step: Step, reason: CancelReason): Promise<[] | "overtaken"> {
  const { order, at } = step;
  const changed = await change(tx, gateways, step, {
    state: "cancelled",
    cancelReason: reason,
    endTime: at,
  });
  if (changed === "overtaken") return changed;
  if (order.payState === "paid") await rebill(tx, order, 0, at);
  await freePort(tx, order.orderId);
  await freeUser(tx, order.orderId);
  return changed;
}

type Finished = Extract<Word, { kind: "finished" }>;

/** Its end is not before its start, whatever the clocks say: they may have been set back meanwhile. */
function ended(order: StoredOrder, word: Finished) {
  const { endReason, evidence, endTime } = word;
  // No charger counts further; a gateway that says more is wrong.
  const minutes = Math.min(word.minutes, MAX_CHARGE_MINUTES);
  // The confirmation came with the end: the charge began as long ago as it gave.
  const startTime = order.startTime ?? Math.max(order.orderTime, endTime - minutes * 60_000);
  return { minutes, endReason, evidence, endTime: Math.max(startTime, endTime), startTime };
}

/** It has ended: the row, the port's slot and the bill. `overtaken`: somebody else has moved it on. */
export async function finish(tx: Tx, gateways: Told, step: Step, word: Finished): Promise<[] | "overtaken"> {
  const { order, at } = step;
  const changed = await change(tx, gateways, step, { state: "finished", ...ended(order, word) });
  if (changed === "overtaken") return changed;
  await freePort(tx, order.orderId);
  const { minutes, endReason } = word;
  const billed = billedUnits({ agreedUnit: order.agreedUnit, minutes, endReason });
  if (billed !== order.unit || order.state !== "finished") await rebill(tx, order, billed, at);
  return changed;
}

/** The stop of an order; one that is on its way already is not sent twice. Undefined without a gateway. */
export async function switchOff(
  tx: Tx,
  gateways: Gateways,
  order: StoredOrder,
  at: Instant,
): Promise<string | undefined> {
  const { gatewayId, orderId } = order;
  if (gatewayId === null) return undefined;
  return (
    (await openCommand(tx, { orderId, gatewayId }, "stop")) ??
    (await gateways.insertCommand(tx, {
      gatewayId,
      orderId,
      // After this time the port is off by itself.
      deadline: at + chargeMinutes(units(order.agreedUnit)) * 60_000,
      body: { kind: "stop", orderId: asOrderId(orderId), endReason: "user" },
    }))
  );
}

/** A command for the order that is still being sent to its gateway; one to the gateway before its charger moved is none. */
export async function openCommand(
  tx: Tx,
  { orderId, gatewayId }: { orderId: string; gatewayId: string },
  kind: "stop" | "cancel",
): Promise<string | undefined> {
  const open = await tx
    .selectFrom("command")
    .select(["id", "body"])
    .where("orderId", "=", orderId)
    .where("gatewayId", "=", gatewayId)
    .where("state", "=", "open")
    .execute();
  return open.find((c) => (JSON.parse(c.body) as { kind: string }).kind === kind)?.id;
}

/** When a charge that runs as agreed ends. */
export const agreedEnd = (order: Pick<StoredOrder, "agreedUnit" | "startTime" | "orderTime">): Instant =>
  instant((order.startTime ?? order.orderTime) + order.agreedUnit * UNIT_MINUTES * 60_000);
