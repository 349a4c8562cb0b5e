import type { LogFn } from "pino";

interface Log {
  info: LogFn;
  warn: LogFn;
}

const yuan = (fen: number): string => (fen / 100).toFixed(2);

/** What a person at the log reads when a payment at WeChat has been settled; a repeat is no news. To be called after the commit. */
export function sayPaid(
  log: Log,
  outcome: "paid" | "refunded" | "repeat" | "unknown",
  of: { orderId: string; cash: number },
): void {
  const { orderId, cash } = of;
  if (outcome === "paid") {
    log.info({ event: "order.paid", orderId }, `order ${orderId} is paid: ${yuan(cash)} yuan by WeChat`);
  } else if (outcome === "refunded") {
    log.warn(
      { event: "payment.unwanted", orderId },
      `order ${orderId}: ${yuan(cash)} yuan were not wanted and go back`,
    );
  }
}

/** As `sayPaid`, for money that has gone back. */
export function sayRefunded(log: Log, of: { refundNo: string; orderId: string; cash: number }): void {
  const { refundNo, orderId, cash } = of;
  log.info({ event: "order.refunded", refundNo, orderId }, `order ${orderId}: ${yuan(cash)} yuan went back`);
}
