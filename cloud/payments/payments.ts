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
    | { kind: "success" | "processing"; refundId: string }
    | { kind: "refused"; detail: string }
    | { kind: "unavailable"; detail: string }
  >;
  /** Verifies and decrypts a notification; `refused` is answered with 4xx. */
  readNotification(
    headers: Headers,
    rawBody: string,
  ): NotificationContent | { kind: "refused"; detail: string };
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
  | { kind: "refund"; id: string; refundNo: string; outTradeNo: string; status: string };

/** The payments domain as methods use it; the sweeper that settles what stayed pending is part of it. */
export interface Payments {
  readonly provider: PaymentProvider;
}
