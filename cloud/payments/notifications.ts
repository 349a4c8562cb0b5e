import { instant } from "@bluepower/protocol/clock";
import type { Tx } from "../database/database.ts";
import { transaction } from "../database/open.ts";
import { sayPaid, sayRefunded } from "./lines.ts";
import { mismatch, type PayWorld } from "./outside.ts";
import type { NotificationContent } from "./payments.ts";
import { failRefund, finishRefund } from "./refunds.ts";
import { settleSuccess } from "./settle.ts";
import { storedPayment } from "./wxPayment.ts";

export type Taken = { kind: "taken" } | { kind: "refused"; detail: string };

/** `say` tells the log what has happened, after the commit. */
type Settled = { kind: "taken"; say?: () => void } | { kind: "refused"; detail: string };

/**
 * Takes a notification: verified and decrypted, compared with what is ours field by field, stored once and settled in one
 * transaction. A refused one leaves nothing behind but a log line. A repeat is taken again and changes nothing.
 */
export async function takeNotification(
  world: PayWorld,
  of: { about: "transaction" | "refund"; headers: Headers; rawBody: string },
): Promise<Taken> {
  const content = await world.provider.readNotification(of.headers, of.rawBody);
  const taken: Settled =
    content.kind === "refused"
      ? content
      : content.kind !== of.about
        ? { kind: "refused" as const, detail: `a ${content.kind} told at the address of a ${of.about}` }
        : await transaction(world.db, (tx) => settle(world, tx, content, of.rawBody));
  if (taken.kind === "refused") {
    world.log.warn({ about: of.about, detail: taken.detail }, "a notification of WeChat Pay was refused");
    return taken;
  }
  taken.say?.();
  return { kind: "taken" };
}

const refused = (detail: string): Settled => ({ kind: "refused", detail });

async function settle(
  world: PayWorld,
  tx: Tx,
  content: NotificationContent,
  rawBody: string,
): Promise<Settled> {
  if (content.mchId !== world.provider.mchId) return refused("mchid is not ours");
  const taken =
    content.kind === "transaction"
      ? await transactionTold(world, tx, content)
      : await refundTold(world, tx, content);
  if (taken.kind === "refused") return taken;
  await tx
    .insertInto("pay_notification")
    .values({
      id: content.id,
      kind: content.kind,
      outTradeNo: content.outTradeNo,
      body: rawBody,
      insertTime: world.clock.now(),
    })
    .onConflict((c) => c.column("id").doNothing())
    .execute();
  return taken;
}

async function transactionTold(
  world: PayWorld,
  tx: Tx,
  content: Extract<NotificationContent, { kind: "transaction" }>,
): Promise<Settled> {
  const { outTradeNo, state } = content;
  if (content.appId !== world.provider.appId) return refused("appid is not ours");
  const row = await storedPayment(tx, outTradeNo);
  if (row === undefined) return refused("out_trade_no is not ours");
  // Nothing but a success is told; whatever else comes to be told is learned by asking.
  if (state.kind !== "success") return { kind: "taken" };
  const wrong = mismatch(row, state);
  if (wrong !== undefined) return refused(`${wrong} is not that of the payment`);
  const { transactionId, successTime } = state;
  const outcome = await settleSuccess(tx, {
    outTradeNo,
    transactionId,
    successTime: instant(successTime),
    at: world.clock.now(),
  });
  return { kind: "taken", say: () => sayPaid(world.log, outcome, row) };
}

async function refundTold(
  world: PayWorld,
  tx: Tx,
  content: Extract<NotificationContent, { kind: "refund" }>,
): Promise<Settled> {
  const { refundNo } = content;
  const row = await tx
    .selectFrom("refund_info")
    .select(["purpose", "subject", "outTradeNo", "cash"])
    .where("refundNo", "=", refundNo)
    .executeTakeFirst();
  if (row === undefined || row.outTradeNo !== content.outTradeNo) return refused("out_refund_no is not ours");
  if (content.amount !== row.cash) return refused("amount is not that of the refund");
  const at = world.clock.now();
  if (content.status === "SUCCESS") {
    const news = await finishRefund(tx, { refundNo, wxRefundId: null, at });
    return {
      kind: "taken",
      ...(news && { say: () => sayRefunded(world.log, { ...row, refundNo }) }),
    };
  }
  if (content.status === "ABNORMAL" || content.status === "CLOSED") {
    world.log.error(
      { refundNo, status: content.status },
      "WeChat could not give money back: the operator has to see to it",
    );
    await failRefund(tx, { refundNo, reason: content.status, at });
  }
  return { kind: "taken" };
}
