import type { Instant } from "@bluepower/protocol/clock";
import { BASE62, type Random, text } from "@bluepower/protocol/random";
import type { Selectable } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import type { PaymentPurpose, WxPayment } from "../database/schema.ts";

export type StoredPayment = Selectable<WxPayment>;

/** `state` of wx_payment, and of the documented tables of what is bought. */
export const PAYMENT = { pending: 0, success: 1, fail: 2 } as const;

/** How long a payment may be made (spec 2, step 6); WeChat is told so and afterwards it is closed there. */
export const PAYMENT_LIFE_MS = 15 * 60_000;

/** A number for a payment of `subject`: 8 random characters make it nobody's guess and every attempt its own. */
export const newOutTradeNo = (subject: string, random: Random): string =>
  `${subject}-${text(random, 8, BASE62)}`;

export interface NewPayment {
  outTradeNo: string;
  purpose: PaymentPurpose;
  subject: string;
  user: string;
  /** What the payer reads at WeChat. */
  description: string;
  channel: "jsapi" | "h5";
  openId: string | null;
  /** Fen. */
  cash: number;
  at: Instant;
}

/** Stores a payment that WeChat is to be asked for after the commit. */
export async function insertPayment(tx: Tx, payment: NewPayment): Promise<void> {
  const { at, channel, openId, ...of } = payment;
  await tx
    .insertInto("wx_payment")
    .values({
      ...of,
      channel,
      openId: channel === "jsapi" ? openId : null,
      state: PAYMENT.pending,
      wxPayid: null,
      payTime: null,
      insertTime: at,
      expireTime: at + PAYMENT_LIFE_MS,
      queryTime: null,
      prepayId: null,
      failReason: null,
      shipTime: null,
      shipProblem: null,
    })
    .execute();
}

export const storedPayment = (db: Db | Tx, outTradeNo: string): Promise<StoredPayment | undefined> =>
  db.selectFrom("wx_payment").selectAll().where("outTradeNo", "=", outTradeNo).executeTakeFirst();

export const openPaymentOf = (db: Db | Tx, subject: string): Promise<StoredPayment | undefined> =>
  db
    .selectFrom("wx_payment")
    .selectAll()
    .where("subject", "=", subject)
    .where("state", "=", PAYMENT.pending)
    .executeTakeFirst();
