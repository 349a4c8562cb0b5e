import type { PaymentPurpose } from "../database/schema.ts";

/** What a phone hands to wx.requestPayment; the `package` of payPowerOrder is its JSON text (spec 2). */
export interface RequestPayment {
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: "RSA";
  paySign: string;
}

/** State of a payment at WeChat, from a verified answer only. */
export type PaymentState =
  | { kind: "success"; transactionId: string; successTime: number; total: number; openId: string | null }
  /** Not paid (yet). */
  | { kind: "open" }
  | { kind: "closed" }
  /** Paid and given back. */
  | { kind: "refunded"; transactionId: string }
  /** WeChat does not know the number. */
  | { kind: "unknown_number" }
  /** 5xx, time-out or an answer that fails verification: the state is unknown, ask again later. */
  | { kind: "unavailable"; detail: string };

/** WeChat Pay as the payments domain uses it: the real client, and a simulated one in simulations. Every call has a deadline. */
export interface PaymentProvider {
  /** Of the mini-program and the merchant that payments are made for; a notification about others is refused. */
  readonly appId: string;
  readonly mchId: string;
  createJsapi(
    order: PaymentOrder & { openId: string },
  ): Promise<{ kind: "created"; prepayId: string; payment: RequestPayment } | PaymentRefusal>;
  createH5(
    order: PaymentOrder & { clientIp: string },
  ): Promise<{ kind: "created"; h5Url: string } | PaymentRefusal>;
  query(outTradeNo: string): Promise<PaymentState>;
  close(
    outTradeNo: string,
  ): Promise<{ kind: "closed" } | { kind: "paid" } | { kind: "unavailable"; detail: string }>;
  refund(refund: {
    outTradeNo: string;
    refundNo: string;
    amount: number;
    total: number;
    reason: string;
  }): Promise<
    /** `acceptTime`: when WeChat has taken it, by its own clock. */
    | { kind: "success" | "processing"; refundId: string; acceptTime?: number }
    /** `status`: WeChat has taken it, and it has ended so. */
    | { kind: "refused"; detail: string; status?: "CLOSED" | "ABNORMAL"; acceptTime?: number }
    | { kind: "unavailable"; detail: string }
  >;
  /** Verifies and decrypts a notification, after fetching the key that it names where need be; `refused` is answered with 4xx. */
  readNotification(
    headers: Headers,
    rawBody: string,
  ): Promise<NotificationContent | { kind: "refused"; detail: string }>;
}

export interface PaymentOrder {
  outTradeNo: string;
  description: string;
  /** Fen. */
  amount: number;
  /** Epoch ms. */
  expireTime: number;
}

export type PaymentRefusal =
  /** WeChat says no, for good: the attempt has failed. */
  | { kind: "refused"; detail: string }
  /** The state is unknown: query, never a new number for the same attempt. */
  | { kind: "unavailable"; detail: string };

export type NotificationContent =
  | {
      kind: "transaction";
      id: string;
      outTradeNo: string;
      appId: string;
      mchId: string;
      state: PaymentState;
    }
  | {
      kind: "refund";
      id: string;
      refundNo: string;
      outTradeNo: string;
      mchId: string;
      status: string;
      amount: number | undefined;
    };

/** How a phone pays; `coins` when nothing is paid in cash. */
export type PayChannel = "coins" | "jsapi" | "h5";

/** An attempt as it was stored: what the outside is to be asked for. */
export interface Attempt {
  /** Id of the order or the purchase. */
  subject: string;
  outTradeNo: string;
  channel: PayChannel;
}

/** The payments domain as methods use it; the sweeper that settles what stayed pending is part of it. */
export interface Payments {
  readonly provider: PaymentProvider;
  /**
   * Has the payment of an attempt made at WeChat and answers the `package` of payPowerOrder. May be repeated for the same
   * attempt: WeChat answers the same payment. `ended`: the attempt is no longer open.
   */
  prepare(
    attempt: Attempt & { clientIp: string },
  ): Promise<{ kind: "ready"; package: string } | { kind: "ended" | "unavailable" }>;
  /** Closes the open payment of an order or a purchase at WeChat. `none`: none is open any more and it is not paid. */
  closeOpen(subject: string): Promise<"none" | "paid" | "unavailable">;
  /** How the payment of an order or a purchase stands; asks WeChat when it is open and was not asked within 2 s. */
  result(purpose: PaymentPurpose, subject: string): Promise<"paid" | "pending" | "failed">;
  /** Takes a notification of WeChat Pay: verified, compared with what is ours, stored and settled, or refused with why. */
  notified(
    about: "transaction" | "refund",
    headers: Headers,
    rawBody: string,
  ): Promise<{ kind: "taken" } | { kind: "refused"; detail: string }>;
  /** After a commit that made a refund: has it sent now instead of at the next round. */
  wake(): void;
  /** Ends the sweeper and waits for the round that is under way. */
  stop(): Promise<void>;
}
