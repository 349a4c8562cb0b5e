import { type PortReading, splitPorts } from "@bluepower/protocol/charger/frames";
import { type Minutes, minutes as minutesOf } from "@bluepower/protocol/units";
import type { EndReason } from "@bluepower/protocol/uplink/messages";
import type { ChargeOrder } from "../store/orders.ts";
import { begin, type Countdown, observe, provenLeft, ranOut } from "./countdown.ts";

const MINUTE = 60_000;
/** A charge that was found ended after a start of the program waits so long for the time of day, to be judged by it. */
const WAIT_FOR_TIME = 10 * MINUTE;
/** Rounding up, and what the times of two boots may be off. */
const SLACK_MINUTES = 2;

export type ChargingVerdict =
  | { kind: "runs"; countdown: Countdown }
  /** `before`: milliseconds ago. */
  | { kind: "ended"; minutes: Minutes; endReason: EndReason; before: number }
  /** It cannot be told yet whether it ran out or was switched off. */
  | { kind: "wait" };

/**
 * What a reading of the port proves about a charge. Minutes are proven by readings: what was ordered less what was
 * last read, and all of them only when the port has run out.
 */
export function judgeCharging(facts: {
  order: Pick<ChargeOrder, "minutes" | "minutesLeft" | "stopWanted">;
  port: PortReading;
  /** Followed since this run of the program began; undefined before its first reading. */
  countdown: Countdown | undefined;
  uptime: number;
  /** Milliseconds since the stored reading; undefined while the time of day is not known. */
  sinceLeft: number | undefined;
  /** Milliseconds this run of the program has lasted. */
  running: number;
}): ChargingVerdict {
  const { order, port, countdown, uptime } = facts;
  const left = countdown === undefined ? (order.minutesLeft ?? order.minutes) : provenLeft(countdown);
  const proven = (endReason: EndReason): ChargingVerdict => ({
    kind: "ended",
    minutes: minutesOf(order.minutes - left),
    endReason,
    before: 0,
  });
  if (port.state === "damaged") return proven("port_damaged");
  if (port.state === "running") {
    if (countdown === undefined) {
      // More than was left: somebody switched it off and on again.
      return port.minutesLeft > left
        ? proven("charger_lost")
        : { kind: "runs", countdown: begin(port.minutesLeft, uptime) };
    }
    const followed = observe(countdown, port.minutesLeft, uptime);
    return followed === "meddled" ? proven("charger_lost") : { kind: "runs", countdown: followed };
  }
  if (countdown !== undefined && ranOut(countdown, uptime)) return whole(order, uptime - countdown.end);
  if (order.stopWanted !== null) return proven(order.stopWanted);
  if (countdown !== undefined) return proven("charger_lost");
  if (facts.sinceLeft === undefined) {
    return facts.running < WAIT_FOR_TIME ? { kind: "wait" } : proven("charger_lost");
  }
  const over = facts.sinceLeft - left * MINUTE;
  return over >= -SLACK_MINUTES * MINUTE ? whole(order, over) : proven("charger_lost");
}

const whole = (order: Pick<ChargeOrder, "minutes">, before: number): ChargingVerdict => ({
  kind: "ended",
  minutes: order.minutes,
  endReason: "time",
  before: Math.max(0, before),
});

/**
 * What a reading says about a charge that ended without evidence. A charger keeps what is left through a power cut, so
 * one that is free has counted to the end, unless a stop was wanted: its POWEROFF may have been carried out unheard.
 */
export function judgeUnsettled(
  order: Pick<ChargeOrder, "minutes" | "minutesLeft" | "stopWanted">,
  port: PortReading,
):
  | { kind: "ended"; minutes: Minutes; endReason: EndReason }
  /** It still runs for the order: its end comes. */
  | { kind: "runs"; left: number }
  /** It runs for somebody else: what was told stands. */
  | { kind: "settled" } {
  const left = order.minutesLeft ?? order.minutes;
  const proven = minutesOf(order.minutes - left);
  switch (port.state) {
    case "free":
      return order.stopWanted === null
        ? { kind: "ended", minutes: order.minutes, endReason: "time" }
        : { kind: "ended", minutes: proven, endReason: order.stopWanted };
    case "damaged":
      return { kind: "ended", minutes: proven, endReason: "port_damaged" };
    case "running":
      return port.minutesLeft <= left ? { kind: "runs", left: port.minutesLeft } : { kind: "settled" };
  }
}

/** The cloud counts minutes down by itself; a reading that goes along with that is told this seldom. */
const TOLD_MINUTES = 5;

/** Whether the ports differ from what was told so much that the cloud should know; `told` is the STA fields joined. */
export function worthTelling(told: string, ports: readonly PortReading[]): boolean {
  const before = splitPorts(told);
  if (before === undefined || before.length !== ports.length) return true;
  return ports.some((now, i) => {
    const then = before[i];
    if (then === undefined || then.port !== now.port || then.state !== now.state) return true;
    return (
      then.state === "running" &&
      now.state === "running" &&
      Math.abs(then.minutesLeft - now.minutesLeft) >= TOLD_MINUTES
    );
  });
}
