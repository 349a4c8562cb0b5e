import type { PaymentProvider } from "./payments.ts";

const detail = "no merchant of WeChat Pay is configured";
const refused = { kind: "refused", detail } as const;
const unavailable = { kind: "unavailable", detail } as const;

/** Stands where no merchant is configured: charges and coins work, nothing is paid in cash. */
export const noWeChatPay: PaymentProvider = {
  appId: "",
  mchId: "",
  createJsapi: async () => refused,
  createH5: async () => refused,
  query: async () => ({ kind: "unknown_number" }),
  close: async () => ({ kind: "closed" }),
  refund: async () => unavailable,
  readNotification: async () => refused,
};
