import type { DeviceCode, Minutes, OrderId, PortNo } from "@bluepower/protocol/units";
import type { Moment } from "../store/boots.ts";
import type { ChargeOrder } from "../store/orders.ts";

/** An order of which nothing has been done. `deadline` is cloud time, epoch ms. */
export function newOrder(
  of: { orderId: OrderId; deviceCode: DeviceCode; port: PortNo; minutes: Minutes },
  deadline: number,
  received: Moment,
): ChargeOrder {
  return {
    orderId: of.orderId,
    deviceCode: of.deviceCode,
    port: of.port,
    minutes: of.minutes,
    state: "starting",
    deadline,
    received,
    attempts: 0,
    outstanding: false,
    attempted: null,
    minutesLeft: null,
    leftAt: null,
    cancelWanted: false,
    stopWanted: null,
    delivered: null,
    endReason: null,
    evidence: null,
    failReason: null,
    detail: "",
    settled: true,
  };
}
