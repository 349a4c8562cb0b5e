import { type Clock, type Instant, type Millis, seconds } from "@bluepower/protocol/clock";
import type { Logger } from "pino";
import type { Db, Tx } from "../database/database.ts";
import type { WeChatBusiness } from "../wechat/wechat.ts";
import { rfc3339 } from "./rfc3339.ts";
import type { StoredPayment } from "./wxPayment.ts";

/** The part of WeChat that is told of deliveries. */
export type Shipper = Pick<WeChatBusiness, "tradeManaged" | "uploadShipping">;

/** A round takes at most so many; the next one goes on. */
const BATCH = 50;
/** A try that failed is followed by the next after this, then twice as long each time, up to the longest. */
const FIRST_AGAIN_MS = 30_000;
const LONGEST_AGAIN_MS = 6 * 3_600_000;
/** That is five days; WeChat itself gives a merchant ten. */
const TRIES = 30;
/** Whether a mini-program is managed is asked once; a no is asked about again, because nobody tells us when it becomes a yes. */
const NO_HOLDS = seconds(24 * 3600);
/** As long as nobody can say. */
const ASK_AGAIN = seconds(30);

/** WeChat has been told before: by a try whose answer was lost, or by hand. */
const KNOWN = [10060002, 10060003];
/** The payment is none that can be delivered any more: it was refunded. */
const PAST = 10060004;

/** WeChat has to be told that what was paid for is delivered; payments from a browser are not a mini-program's. */
export async function toBeShipped(tx: Tx, payment: StoredPayment, at: Instant): Promise<void> {
  if (payment.channel !== "jsapi") return;
  const { outTradeNo } = payment;
  await tx.updateTable("wx_payment").set({ shipTime: at }).where("outTradeNo", "=", outTradeNo).execute();
}

/**
 * Tells WeChat of deliveries that are due, where the mini-program is under shipping management: without that the payments stay
 * frozen there. It never touches money; what WeChat does not take is tried again, later each time, and given up in the end.
 */
export function shippingRounds(of: {
  db: Db;
  clock: Clock;
  log: Logger;
  shipper: Shipper;
}): () => Promise<(() => Promise<string>)[]> {
  const { db, clock, log, shipper } = of;
  let known: { managed: boolean | undefined; until: number } | undefined;

  async function managed(): Promise<boolean | undefined> {
    if (known !== undefined && clock.uptime() < known.until) return known.managed;
    const said = await shipper.tradeManaged("user");
    const holds = said.kind !== "ok" ? ASK_AGAIN : said.managed ? Number.POSITIVE_INFINITY : NO_HOLDS;
    if (said.kind !== "ok") {
      log.warn({ detail: said.detail }, "WeChat cannot say whether payments have to be told as delivered");
    }
    known = { managed: said.kind === "ok" ? said.managed : undefined, until: clock.uptime() + holds };
    return known.managed;
  }

  const due = (now: Instant) =>
    db
      .selectFrom("wx_payment")
      .selectAll()
      // A time too far ahead was written before the clock was set back.
      .where((e) => e.or([e("shipTime", "<=", now), e("shipTime", ">", now + LONGEST_AGAIN_MS)]))
      .orderBy("shipTime")
      .limit(BATCH)
      .execute();

  const write = (row: StoredPayment, set: Partial<StoredPayment>) =>
    db.updateTable("wx_payment").set(set).where("outTradeNo", "=", row.outTradeNo).execute();

  async function tell(row: StoredPayment): Promise<string> {
    const { outTradeNo, wxPayid, openId } = row;
    const said = await shipper.uploadShipping("user", {
      transactionId: wxPayid ?? "",
      openId: openId ?? "",
      item: row.description,
      time: rfc3339(clock.now()),
    });
    const shipTries = row.shipTries + 1;
    if (said.kind === "ok" || (said.kind === "refused" && KNOWN.includes(said.errcode))) {
      await write(row, { shipped: 1, shipTime: null, shipTries, shipProblem: null });
      return "ok";
    }
    const shipProblem = said.kind === "refused" ? `errcode ${said.errcode}` : said.detail;
    const past = said.kind === "refused" && said.errcode === PAST;
    if (past || shipTries >= TRIES) {
      await write(row, { shipTime: null, shipTries, shipProblem });
      const line =
        "WeChat does not take that a payment is delivered: see to it in the mini-program's console";
      if (!past) log.error({ outTradeNo, shipProblem }, line);
      return "given up";
    }
    const again = Math.min(FIRST_AGAIN_MS * 2 ** (shipTries - 1), LONGEST_AGAIN_MS) as Millis;
    await write(row, { shipTime: clock.now() + again, shipTries, shipProblem });
    log.warn({ outTradeNo, shipProblem }, "WeChat is told later that a payment is delivered");
    return said.kind;
  }

  return async () => {
    const now = clock.now();
    const rows = await due(now);
    if (rows.length === 0) return [];
    const answer = await managed();
    if (answer === undefined) return [];
    if (answer) return rows.map((row) => () => tell(row));
    for (const row of rows) await write(row, { shipTime: null });
    return [];
  };
}
