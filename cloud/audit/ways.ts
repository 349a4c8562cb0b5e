import { type RawBuilder, sql } from "kysely";

/** What a posting of a purpose looks like: its id around the thing it is for, and the kinds of accounts between which it moves. */
export interface Way {
  prefix: string;
  suffix: string;
  from: readonly string[];
  to: readonly string[];
  /** Where the thing is that it is for. */
  table: string;
  key: string;
  /** In words, for the one who reads a person's or an order's postings. */
  says: string;
}

const way = (
  id: `${string}*${string}`,
  from: readonly string[],
  to: readonly string[],
  of: `${string}.${string}`,
  says: string,
): Way => {
  const [prefix = "", suffix = ""] = id.split("*");
  const [table = "", key = ""] = of.split(".");
  return { prefix, suffix, from, to, table, key, says };
};

const COINS = ["user_coins"];
const HELD = ["user_coins_held"];
const OWED = ["manager_payable"];
const WECHAT = ["wechat_clearing"];
const PLATFORM = ["platform"];

/** Every purpose for which fen move. First data come from `opening`, under whatever id. */
export const ways: readonly Way[] = [
  way("pay/*/hold", COINS, HELD, "order_pay_info.outTradeNo", "coins are held for a payment"),
  way("pay/*/void", HELD, COINS, "order_pay_info.outTradeNo", "the payment failed: held coins are back"),
  way("pay/*/coins", [...COINS, ...HELD], OWED, "order_pay_info.outTradeNo", "an order was paid with coins"),
  way("pay/*/cash", WECHAT, [...OWED, ...COINS], "wx_payment.outTradeNo", "WeChat has taken in a payment"),
  way("pay/*/unwanted", WECHAT, PLATFORM, "wx_payment.outTradeNo", "a payment came that was not wanted"),
  way("refund/*/coins", OWED, COINS, "refund_info.refundNo", "coins go back to who paid"),
  way(
    "refund/*/cash",
    [...OWED, ...COINS],
    PLATFORM,
    "refund_info.refundNo",
    "cash is to go back to who paid",
  ),
  way("refund/*/paid", PLATFORM, WECHAT, "refund_info.refundNo", "WeChat has given cash back"),
  way("gift/*", COINS, COINS, "pmoney_gift_info.giftId", "coins were given to another user"),
  way(
    "cashout/*/cash",
    OWED,
    ["manager_paid_out"],
    "cashout_info.cashOutId",
    "the bank has paid the manager",
  ),
  way("cashout/*/service", OWED, PLATFORM, "cashout_info.cashOutId", "what the cash-out costs the manager"),
];

/** The way of a posting by its id. */
export const wayOf = (id: string): Way | undefined =>
  ways.find((w) => id.startsWith(w.prefix) && id.endsWith(w.suffix));

/** Whether the id is one of this way. */
export const isOf = ({ prefix, suffix }: Way): RawBuilder<boolean> => sql`id like ${`${prefix}%${suffix}`}`;

/** What stands in the id between prefix and suffix. */
export const subjectIn = ({ prefix, suffix }: Way): RawBuilder<string> => {
  const [from, around] = [sql.lit(prefix.length + 1), sql.lit(prefix.length + suffix.length)];
  return sql`substr(ledger_transfer.id, ${from}, length(ledger_transfer.id) - ${around})`;
};

/** Whether an account is of a kind: the one of that name, or that of a person behind a colon. */
export const isKind = (column: "fromAccount" | "toAccount" | "account", kind: string): RawBuilder<boolean> =>
  sql`(${sql.ref(column)} = ${kind} or substr(${sql.ref(column)}, 1, ${sql.lit(kind.length + 1)}) = ${`${kind}:`})`;

export const anyOf = (conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> =>
  sql`(${sql.join(conditions, sql` or `)})`;
