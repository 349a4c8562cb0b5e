import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import type { AppName, Credentials } from "./credentials.ts";
import type { Notifier, Variant } from "./notifier.ts";
import type { Store } from "./store.ts";
import type { Order, Refund, Transactions } from "./transactions.ts";
import { paidEvent, refundEvent } from "./transactionView.ts";

/**
 * What becomes of the notification. `never` sends none, `late` sends it after five seconds, `twice` at the
 * same time under one id. The rest is one attempt that the merchant must refuse, and no genuine one: the
 * merchant learns of the payment by asking.
 */
export const NOTIFY = [
  "once",
  "twice",
  "never",
  "late",
  "tampered",
  "wrong-serial",
  "old-timestamp",
  "signtest",
] as const satisfies readonly ("once" | "twice" | "never" | "late" | Variant)[];
export type Notify = (typeof NOTIFY)[number];

/** Both are scaled as the notifier's repeats are. */
const LATE_SECONDS = 5;
const REFUND_SETTLES_AFTER = 1;

/** What WeChat Pay does by itself after a payment or a refund, and the switches that a test sets. */
export interface Settlement {
  notifyPaid(order: Order, notify: Notify): void;
  /** A refund settles by itself after a second unless refunds are settled by hand. */
  refundAccepted(refund: Refund): void;
  /** Undefined when there is none in PROCESSING under this number. */
  settleRefund(
    outRefundNo: string,
    outcome: "SUCCESS" | "ABNORMAL" | "CLOSED",
    notify: Notify,
  ): Refund | undefined;
  setRefundsByHand(byHand: boolean): void;
  setTradeManaged(app: AppName, managed: boolean): void;
  tradeManaged(app: AppName): boolean;
  close(): void;
}

export function settlement(of: {
  credentials: Credentials;
  store: Store;
  transactions: Transactions;
  notifier: Notifier;
  clock: Clock;
  scale: number;
  log: (line: string) => void;
}): Settlement {
  const { transactions, notifier, clock } = of;
  const { mchid } = of.credentials.merchant;
  const switches = of.store.table<boolean>("switch");
  const timers = new Map<string, Timer>();

  const send = (
    notice: Omit<Parameters<Notifier["send"]>[0], "variant" | "delaySeconds" | "copies">,
    notify: Notify,
  ): void => {
    switch (notify) {
      case "never":
        break;
      case "once":
        notifier.send(notice);
        break;
      case "twice":
        notifier.send({ ...notice, copies: 2 });
        break;
      case "late":
        notifier.send({ ...notice, delaySeconds: LATE_SECONDS });
        break;
      default:
        notifier.send({ ...notice, variant: notify });
    }
  };

  const made: Settlement = {
    notifyPaid(order, notify) {
      of.log(`paid: ${order.outTradeNo}, ${order.total} fen (notification: ${notify})`);
      send({ url: order.notifyUrl, signer: order.signer, event: paidEvent(order, mchid, clock) }, notify);
    },
    refundAccepted(refund) {
      if (switches.get("refunds by hand") === true) return;
      const timer = clock.after(seconds(REFUND_SETTLES_AFTER * of.scale), "sandbox: refund settles", () => {
        timers.delete(refund.outRefundNo);
        made.settleRefund(refund.outRefundNo, "SUCCESS", "once");
      });
      timers.set(refund.outRefundNo, timer);
    },
    settleRefund(outRefundNo, outcome, notify) {
      const refund = transactions.settleRefund(outRefundNo, outcome);
      const order = refund && transactions.order(refund.outTradeNo);
      if (refund === undefined || order === undefined) return undefined;
      timers.get(outRefundNo)?.cancel();
      timers.delete(outRefundNo);
      of.log(`refund ${outcome}: ${outRefundNo}, ${refund.amount} of ${order.total} fen`);
      const event = refundEvent(refund, order, mchid, clock);
      if (refund.notifyUrl !== undefined && event !== undefined) {
        send({ url: refund.notifyUrl, signer: refund.signer, event }, notify);
      }
      return refund;
    },
    setRefundsByHand(byHand) {
      switches.set("refunds by hand", byHand);
      const open = transactions.refunds().filter(({ status }) => status === "PROCESSING");
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      for (const refund of open) made.refundAccepted(refund);
    },
    setTradeManaged: (app, managed) => switches.set(`trade managed ${app}`, managed),
    tradeManaged: (app) => switches.get(`trade managed ${app}`) ?? true,
    close() {
      for (const timer of timers.values()) timer.cancel();
    },
  };
  for (const refund of transactions.refunds())
    if (refund.status === "PROCESSING") made.refundAccepted(refund);
  return made;
}
