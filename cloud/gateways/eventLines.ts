import type { GatewayEvent } from "@bluepower/protocol/uplink/messages";

/** What a person at the log reads of a gateway's event; undefined for what is only of interest in its table. */
export function eventLine(event: GatewayEvent): { level: "info" | "warn"; text: string } | undefined {
  switch (event.kind) {
    case "charger.seen":
      return info(`charger ${event.body.deviceCode} is in reach`);
    case "charger.lost":
      return info(`charger ${event.body.deviceCode} is lost: ${event.body.reason}`);
    case "charger.misconfigured":
      return warn(`charger ${event.body.deviceCode} is misconfigured: ${event.body.reason}`);
    case "port.foreign":
      return warn(
        `charger ${event.body.deviceCode} port ${event.body.port} ran without an order${event.body.switchedOff ? " and was switched off" : ""}`,
      );
    case "order.started": {
      const { orderId, deviceCode, port, minutes } = event.body;
      return info(`order ${orderId} charges at ${deviceCode} port ${port} for ${minutes} min`);
    }
    case "order.failed":
      return info(`order ${event.body.orderId} did not begin: ${event.body.reason}`);
    case "order.cancelled":
      return info(`order ${event.body.orderId} is cancelled`);
    case "order.finished": {
      const { orderId, minutes, endReason } = event.body;
      return info(`order ${orderId} ended after ${minutes} min (${endReason})`);
    }
    case "port.changed":
    case "health":
      return undefined;
  }
}

const info = (text: string) => ({ level: "info", text }) as const;
const warn = (text: string) => ({ level: "warn", text }) as const;
