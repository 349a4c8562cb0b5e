import type { PortReading } from "@bluepower/protocol/charger/frames";
import type { FailReason } from "@bluepower/protocol/uplink/messages";

/** What the gateway knows of an order that has not begun. */
export interface StartingFacts {
  port: number;
  minutes: number;
  cancelWanted: boolean;
  /** A POWERON went out and its result is not known. */
  outstanding: boolean;
  /** Milliseconds since that POWERON, at least. */
  sinceAttempt: number;
  deadline: "open" | "past" | "unknown";
  /** The charger's ports as read after the last command that changes them, within the last seconds. */
  reading: readonly PortReading[] | undefined;
  /** What went wrong before, to be told if time runs out. */
  trouble: Trouble | undefined;
}

export interface Trouble {
  reason: FailReason;
  detail: string;
  /** The charger itself said that it will not. */
  refused: boolean;
}

export type StartStep =
  | { kind: "read" }
  | { kind: "switch_on" }
  | { kind: "switch_off" }
  /** The POWERON that was outstanding did nothing. */
  | { kind: "not_carried_out" }
  | { kind: "confirm" }
  | { kind: "refuse"; reason: FailReason; detail: string }
  | { kind: "withdraw"; detail: string }
  /** Cloud time is not known yet. */
  | { kind: "hold" };

/** A reading this long after POWERON still belongs to it whatever it has counted since: nobody else had the charger. */
const CLAIM = 90_000;
/** After its minutes and this, a charge that nobody has seen cannot be running any more. */
const OVER = 10 * 60_000;
const MINUTE = 60_000;

/**
 * The next step towards the beginning of a charge (spec 4, "Charge"). No reply is no failure: after a POWERON whose
 * result is unknown only a reading of the ports decides, and no second one goes out before.
 */
export function nextStartStep(facts: StartingFacts): StartStep {
  const port = facts.reading?.find((p) => p.port === facts.port);
  if (facts.outstanding) return outstandingStep(facts, port);
  if (facts.cancelWanted) return { kind: "withdraw", detail: "cancelled before it began" };
  if (facts.deadline === "unknown") return { kind: "hold" };
  if (facts.deadline === "past") {
    const { reason, detail } = facts.trouble ?? { reason: "late", detail: "the order's minute was over" };
    return { kind: "refuse", reason, detail };
  }
  if (facts.reading === undefined) return { kind: "read" };
  if (port === undefined) {
    return { kind: "refuse", reason: "charger_refused", detail: `the charger has no port ${facts.port}` };
  }
  switch (port.state) {
    case "damaged":
      return { kind: "refuse", reason: "port_damaged", detail: "the charger reads the port as damaged" };
    case "running":
      return busy(port.minutesLeft);
    case "free":
      return facts.trouble?.refused
        ? { kind: "refuse", reason: facts.trouble.reason, detail: facts.trouble.detail }
        : { kind: "switch_on" };
  }
}

function outstandingStep(facts: StartingFacts, port: PortReading | undefined): StartStep {
  if (facts.reading === undefined) {
    if (facts.sinceAttempt < facts.minutes * MINUTE + OVER) return { kind: "read" };
    const detail = "the charger did not answer, and its time is over";
    return facts.cancelWanted
      ? { kind: "withdraw", detail }
      : { kind: "refuse", reason: "charger_unreachable", detail };
  }
  if (port === undefined || port.state === "free") return { kind: "not_carried_out" };
  if (port.state === "damaged") {
    return facts.cancelWanted
      ? { kind: "withdraw", detail: "the port is damaged" }
      : { kind: "refuse", reason: "port_damaged", detail: "the charger reads the port as damaged" };
  }
  if (!isOurs(facts, port.minutesLeft)) {
    return facts.cancelWanted
      ? { kind: "withdraw", detail: `the port runs for somebody else, ${port.minutesLeft} minutes` }
      : busy(port.minutesLeft);
  }
  return facts.cancelWanted ? { kind: "switch_off" } : { kind: "confirm" };
}

const busy = (left: number): StartStep => ({
  kind: "refuse",
  reason: "port_busy",
  detail: `the port runs already, ${left} minutes left`,
});

/** The port was read free just before POWERON: what runs about as long as ordered runs for this order. */
function isOurs(facts: StartingFacts, left: number): boolean {
  if (left > facts.minutes) return false;
  return facts.sinceAttempt < CLAIM || left >= facts.minutes - facts.sinceAttempt / MINUTE - 2;
}
