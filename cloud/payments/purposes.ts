import type { Instant } from "@bluepower/protocol/clock";
import type { Db, Tx } from "../database/database.ts";
import type { PaymentPurpose } from "../database/schema.ts";
import { coinPurchase } from "./coinPurchase.ts";
import { orderPayment } from "./orderPayment.ts";
import type { RefundReason } from "./refunds.ts";
import type { StoredPayment } from "./wxPayment.ts";

/** What a payment at WeChat means for what it buys. Every function runs in the transaction that settles the payment. */
export interface Purpose {
  /** The money has come in: credits it, or says why it is not wanted and has to go back. */
  succeeded(
    tx: Tx,
    payment: StoredPayment,
    of: { successTime: Instant; transactionId: string; at: Instant },
  ): Promise<"credited" | RefundReason>;
  /** The payment has not taken place, or its money was not wanted: what was held for it is free again. */
  failed(tx: Tx, payment: StoredPayment, of: { reason: string; at: Instant }): Promise<void>;
  /** How the purchase stands, by its id. */
  result(db: Db, subject: string): Promise<PaymentResult>;
}

export type PaymentResult = "paid" | "pending" | "failed";

export const purposes: Readonly<Record<PaymentPurpose, Purpose>> = {
  order: orderPayment,
  coins: coinPurchase,
};
