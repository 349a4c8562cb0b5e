import type { Minutes } from "@bluepower/protocol/units";
import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import type { ChargeOrder, Tombstone } from "../store/orders.ts";

/** The answer to a command about an order as the order stands; null while it is not known. */
export function outcomeOf(kind: CommandBody["kind"], order: ChargeOrder | Tombstone): CommandOutcome | null {
  switch (kind) {
    case "start":
      return startOutcome(order);
    case "stop":
      return stopOutcome(order);
    case "cancel":
      return cancelOutcome(order);
    case "blink":
      return null;
  }
}

function startOutcome(order: ChargeOrder | Tombstone): CommandOutcome | null {
  if (order.deviceCode === null) return { kind: "failed", reason: "cancelled", detail: order.detail };
  switch (order.state) {
    case "starting":
      return null;
    case "charging":
    case "finished":
      return { kind: "started", minutes: order.minutes };
    case "failed":
      return { kind: "failed", reason: order.failReason ?? "charger_refused", detail: order.detail };
    case "cancelled":
      return { kind: "failed", reason: "cancelled", detail: order.detail };
  }
}

function stopOutcome(order: ChargeOrder | Tombstone): CommandOutcome | null {
  if (order.state === "starting" || order.state === "charging") return null;
  if (order.state === "finished" && order.endReason === order.stopWanted && order.stopWanted !== null) {
    return { kind: "stopped", minutes: order.delivered ?? (0 as Minutes) };
  }
  return { kind: "already", state: order.state };
}

function cancelOutcome(order: ChargeOrder | Tombstone): CommandOutcome | null {
  switch (order.state) {
    case "starting":
      return null;
    case "charging":
    case "finished":
      return { kind: "already", state: order.state };
    // A failed order never began: that is what was asked for.
    case "failed":
    case "cancelled":
      return { kind: "cancelled" };
  }
}
