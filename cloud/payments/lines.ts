import type { LogFn } from "pino";
import type { PaymentPurpose } from "../database/schema.ts";
import type { Settled } from "./settle.ts";

interface Log {
  info: LogFn;
  warn: LogFn;
}

interface Paid {
  purpose: PaymentPurpose;
  subject: string;
  cash: number;
}

/** What was bought, and how its id is called in the log. */
const NAMES = {
  order: { name: "order", id: "orderId" },
  coins: { name: "purchase", id: "payId" },
} as const satisfies Record<PaymentPurpose, unknown>;

const yuan = (fen: number): string => (fen / 100).toFixed(2);

/** What a person at the log reads when a payment at WeChat has been settled; a repeat is no news. To be called after the commit. */
export function sayPaid(log: Log, outcome: Settled, of: Paid): void {
  const { purpose, subject, cash } = of;
  const { name, id } = NAMES[purpose];
  const what = { [id]: subject };
  if (outcome === "paid") {
    const line = `${name} ${subject} is paid: ${yuan(cash)} yuan by WeChat`;
    log.info({ event: `${purpose}.paid`, ...what }, line);
  } else if (outcome === "refunded") {
    const line = `${name} ${subject}: ${yuan(cash)} yuan were not wanted and go back`;
    log.warn({ event: "payment.unwanted", ...what }, line);
  }
}

/** As `sayPaid`, for money that has gone back. */
export function sayRefunded(log: Log, of: Paid & { refundNo: string }): void {
  const { refundNo, purpose, subject, cash } = of;
  const { name, id } = NAMES[purpose];
  log.info(
    { event: `${purpose}.refunded`, refundNo, [id]: subject },
    `${name} ${subject}: ${yuan(cash)} yuan went back`,
  );
}
