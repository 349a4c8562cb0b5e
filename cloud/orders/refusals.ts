import type { FailReason } from "@bluepower/protocol/uplink/messages";

/** Why an order is cancelled: a reason of the interface where the charger or its gateway refused, or who ended it. */
export type CancelReason =
  | "PORT_BUSY"
  | "PORT_DAMAGED"
  | "DEVICE_OFFLINE"
  | "CHARGER_UNREACHABLE"
  | "CHARGER_MISCONFIGURED"
  /** The user cancelled it. */
  | "USER"
  /** Nobody said how it stands for so long that its user was told it is cancelled. */
  | "NO_ANSWER";

/** What a gateway's refusal is to the person at the charger. */
export const cancelReasons = {
  port_busy: "PORT_BUSY",
  port_damaged: "PORT_DAMAGED",
  charger_unreachable: "CHARGER_UNREACHABLE",
  charger_refused: "CHARGER_UNREACHABLE",
  charger_misconfigured: "CHARGER_MISCONFIGURED",
  device_unknown: "CHARGER_MISCONFIGURED",
  profile_unknown: "CHARGER_MISCONFIGURED",
  late: "CHARGER_UNREACHABLE",
  time_unknown: "DEVICE_OFFLINE",
  store_full: "DEVICE_OFFLINE",
  cancelled: "USER",
} as const satisfies Record<FailReason, CancelReason>;
