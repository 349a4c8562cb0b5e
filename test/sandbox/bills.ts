import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Clock, instant } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import { instantOf } from "@bluepower/protocol/siteTime";
import { type BillEntry, fundFlowText, tradeBillText } from "./billText.ts";
import { rfc3339 } from "./rfc3339.ts";
import type { Store } from "./store.ts";
import type { Order, Refund, Transactions } from "./transactions.ts";

/** What the bills are made to say of a payment or a refund, by its number, whatever is true. */
export interface Alteration {
  forgotten?: boolean;
  /** Fen. */
  amount?: number;
  refundStatus?: Refund["status"];
  /** In one of the two bills only. */
  only?: "trade" | "fund";
}

export type BillKind = "trade" | "fund";
export type BillType = "ALL" | "SUCCESS" | "REFUND";

export type Asked =
  | { kind: "made"; hash: string; token: string }
  /** A day that is not over, or more than three months ago. */
  | { kind: "wrong_day" }
  | { kind: "creating" }
  | { kind: "nothing" };

/** Bills are said to be there at ten o'clock of the day after. */
const OUT_MS = 10 * 3_600_000;
const DAY_MS = 86_400_000;
/** "Three months". */
const DAYS_KEPT = 92;
/** A file can be fetched so long after it was asked for. */
const FILE_LIFE = 300_000;
const FILES_MAX = 100;
/** WeChat Pay keeps 0.60 % of a payment, rounded to the fen. */
const FEE = 0.006;
const ZONE = "Asia/Shanghai";

export interface Bills {
  alter(number: string, alteration: Alteration): void;
  ask(of: { kind: BillKind; date: string; type: BillType; gzip: boolean }): Asked;
  /** A file by the token that was answered; undefined when it is not known or too old. */
  file(token: string): Buffer | undefined;
}

/** The daily bills of the one merchant, made of its transactions when they are asked for. */
export function bills(of: {
  transactions: Transactions;
  store: Store;
  clock: Clock;
  random: Random;
  mchid: string;
}): Bills {
  const { transactions, clock, random } = of;
  const alterations = of.store.table<Alteration>("bill alteration");
  const files = new Map<string, { bytes: Buffer; until: number }>();

  /** As the bill of one kind tells it; nothing when that is made to forget it. */
  function altered(entry: BillEntry, number: string, kind: BillKind): BillEntry[] {
    const { forgotten, amount, refundStatus, only } = alterations.get(number) ?? {};
    if (only !== undefined && only !== kind) return [entry];
    if (forgotten === true) return [];
    const amounts = amount !== undefined && { amount, fee: feeOf(amount) };
    return [{ ...entry, ...amounts, ...(refundStatus !== undefined && { status: refundStatus }) }];
  }

  function entries(kind: BillKind, from: number, to: number): BillEntry[] {
    const paid = transactions.orders().flatMap((order) => {
      if (order.successTime === undefined || order.transactionId === undefined) return [];
      const entry = payment(order, order.transactionId, order.successTime);
      return altered(entry, order.outTradeNo, kind);
    });
    const back = transactions.refunds().flatMap((refund) => {
      const order = transactions.order(refund.outTradeNo);
      if (order?.transactionId === undefined) return [];
      // A bill shows how the refund stood when it was made, on the day on which it was accepted.
      return altered(refunded(refund, order, order.transactionId), refund.outRefundNo, kind);
    });
    return [...paid, ...back].filter(({ at }) => at >= from && at < to).sort((a, b) => a.at - b.at);
  }

  return {
    alter(number, alteration) {
      alterations.set(number, alteration);
    },

    ask({ kind, date, type, gzip }) {
      const from = startOf(date);
      if (from === undefined) return { kind: "wrong_day" };
      const to = from + DAY_MS;
      const now = clock.now();
      if (now < to || now >= to + DAYS_KEPT * DAY_MS) return { kind: "wrong_day" };
      if (now < to + OUT_MS) return { kind: "creating" };
      const found = entries(kind, from, to).filter(
        (e) => type === "ALL" || (type === "REFUND") === (e.refund !== undefined),
      );
      if (found.length === 0) return { kind: "nothing" };
      const before = entries(kind, 0, from);
      const plain = Buffer.from(
        kind === "trade"
          ? tradeBillText(found, { type, mchid: of.mchid })
          : fundFlowText(found, { before, mchid: of.mchid }),
      );
      for (const [token, { until }] of files) {
        if (until > now && files.size < FILES_MAX) break;
        files.delete(token);
      }
      const token = text(random, 64, BASE62);
      files.set(token, { bytes: gzip ? gzipSync(plain) : plain, until: now + FILE_LIFE });
      return { kind: "made", token, hash: createHash("sha1").update(plain).digest("hex") };
    },

    file(token) {
      const found = files.get(token);
      return found !== undefined && found.until > clock.now() ? found.bytes : undefined;
    },
  };
}

const feeOf = (amount: number): number => Math.round(amount * FEE);

const payment = (order: Order, transactionId: string, at: number): BillEntry => ({
  at: instant(at),
  transactionId,
  outTradeNo: order.outTradeNo,
  appid: order.appid,
  openid: order.openid ?? "",
  tradeType: order.channel,
  description: order.description,
  attach: order.attach ?? "",
  amount: order.total,
  fee: feeOf(order.total),
  status: "SUCCESS",
});

const refunded = (refund: Refund, order: Order, transactionId: string): BillEntry => ({
  ...payment(order, transactionId, refund.createTime),
  amount: refund.amount,
  fee: feeOf(refund.amount),
  status: refund.status,
  refund: {
    refundId: refund.refundId,
    outRefundNo: refund.outRefundNo,
    successTime: refund.successTime === undefined ? "" : rfc3339(refund.successTime),
  },
});

function startOf(date: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date) ?? [];
  const wall = { year: Number(year), month: Number(month), day: Number(day), hour: 0, minute: 0, second: 0 };
  return day === undefined ? undefined : instantOf(wall, ZONE);
}
