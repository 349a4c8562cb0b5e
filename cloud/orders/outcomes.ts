import type { Instant } from "@bluepower/protocol/clock";
import type { CommandOutcome } from "@bluepower/protocol/uplink/messages";
import { transaction } from "../database/open.ts";
import { storedOrder } from "./orderRow.ts";
import type { CancelReason } from "./refusals.ts";
import { cancelReasons } from "./refusals.ts";
import { applyWord, type Word } from "./words.ts";
import type { OrderWorld } from "./world.ts";

type Outcome = CommandOutcome | { kind: "no_answer" };

/**
 * What the outcome of a command says of its order; undefined when it says nothing yet. Its event says the same besides, so
 * that the order converges when nobody waits for the outcome.
 */
function wordOf(outcome: Outcome, of: { at: Instant; cancelReason: CancelReason }): Word | undefined {
  const { at, cancelReason } = of;
  switch (outcome.kind) {
    case "started":
      return { kind: "started", startTime: at };
    case "failed":
      return { kind: "failed", reason: cancelReasons[outcome.reason] };
    case "stopped":
      return {
        kind: "finished",
        minutes: outcome.minutes,
        endReason: "user",
        evidence: "reply",
        endTime: at,
      };
    case "cancelled":
      return { kind: "cancelled", reason: cancelReason };
    case "already":
      switch (outcome.state) {
        case "charging":
          return { kind: "started", startTime: at };
        case "failed":
        case "cancelled":
          return { kind: "cancelled", reason: cancelReason };
        case "finished":
          // What it gave stands in its event alone.
          return undefined;
      }
      break;
    case "unreachable":
    case "done":
    case "no_answer":
      return undefined;
  }
}

/** Sends a command of an order, waits for its outcome and applies what it says; stops that this asks for are on their way. */
export async function sendAndApply(
  world: OrderWorld,
  command: { commandId: string; orderId: string; waitMs: number; cancelReason?: CancelReason },
): Promise<Outcome> {
  const { db, clock, gateways } = world;
  const { orderId } = command;
  const outcome = await gateways.send(command.commandId, command.waitMs);
  const at = clock.now();
  const word = wordOf(outcome, { at, cancelReason: command.cancelReason ?? "USER" });
  if (word !== undefined) {
    const commands = await transaction(db, async (tx) => {
      // The event of its end came first, or this answer is an old one: the event says more, and it is what is billed.
      if (word.kind === "finished" && (await storedOrder(tx, orderId))?.state === "finished") return [];
      return (await applyWord(tx, gateways, { orderId, word, at })).commands;
    });
    for (const id of commands) await gateways.send(id, 0);
  }
  return outcome;
}
