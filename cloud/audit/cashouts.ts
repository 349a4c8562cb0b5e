import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

/** `state` of a cash-out (spec 2): 0 success, 1 failed, 2 pending. */

const cashoutOrders = invariant(
  "cashout_orders",
  "the orders of a cash-out have the flag of its state and its manager; those of a failed one are free again",
  () => sql<Said>`
    select o."orderId" as subject, 'cashOutFlag ' || o."cashOutFlag" || ' in ' || o."cashOutId" || ', '
        || coalesce('state ' || c.state, 'which does not exist') as detail
      from order_info o left join cashout_info c on c."cashOutId" = o."cashOutId"
      where o."cashOutId" is not null and (c.manager = o.manager
        and case c.state when 0 then o."cashOutFlag" = 2 when 2 then o."cashOutFlag" = 1 else 1 = 0 end) is not true
    union all
    select "orderId", 'cashOutFlag 1 without a cash-out' from order_info
      where "cashOutFlag" = 1 and "cashOutId" is null`,
  said,
);

/**
 * What takes the place of a refund that came to nothing gives back nothing more, so the first of each chain alone counts, and when
 * it was made. What went back in the millisecond of the request may have gone before or after it, so the sum lies between two: both are
 * the same when nothing did.
 */
const cashoutSum = invariant(
  "cashout_sum",
  "money and debt of a cash-out are the sum of its orders, with what went back of them since",
  () => sql<Said>`
    select subject, wanted || ' fen in money and debt, the orders bring ' || least_sum || ' fen' as detail from (
      select c."cashOutId" as subject, c.money + c.debt as wanted,
        coalesce((select sum(o.money) from order_info o where o."cashOutId" = c."cashOutId"), 0)
          + coalesce((${since(">")}), 0) as least_sum,
        coalesce((select sum(o.money) from order_info o where o."cashOutId" = c."cashOutId"), 0)
          + coalesce((${since(">=")}), 0) as most_sum
      from cashout_info c where c.state <> 1) as sums
    where wanted < least_sum or wanted > most_sum`,
  said,
);

const since = (than: ">" | ">=") => sql`
  select sum(case a.state when 1 then r.cash + r.coins end) from order_info o
    inner join order_pay_info a on a."orderId" = o."orderId"
    inner join refund_info r on r."outTradeNo" = a."outTradeNo"
    left join refund_info former on former."replacedBy" = r."refundNo"
  where former.id is null and o."cashOutId" = c."cashOutId" and r."insertTime" ${sql.raw(than)} c."cashOutTime"`;

const MILLION = 1_000_000;

const cashoutPrice = invariant(
  "cashout_price",
  "a cash-out costs the rate at which it was asked for, rounded half up, and the rest arrives",
  () => sql<Said>`
    select "cashOutId" as subject, money || ' fen cost ' || service || ' and bring ' || cash as detail from cashout_info
    where money <> service + cash or cash <= 0 or service < 0
      or (ppm is not null and service <> (money * ppm + ${sql.lit(MILLION / 2)}) / ${sql.lit(MILLION)})`,
  said,
);

const cashoutStep = invariant(
  "cashout_step",
  "the documented state of a cash-out is that of its step; a failed one has a reason, an ended one its time",
  () => sql<Said>`
    select "cashOutId" as subject, 'state ' || state || ' at step ' || step as detail from cashout_info
    where case state when 0 then step = 'paid' and "processTime" is not null
      when 1 then step = 'failed' and "processTime" is not null and reason is not null
      when 2 then step in ('requested', 'half_approved', 'approved', 'exported')
      else 1 = 0 end is not true`,
  said,
);

const cashoutApproved = invariant(
  "cashout_approved",
  "nothing goes to the bank that nobody has approved, above the limit of that time two; what was paid has the bank's reference",
  () => sql<Said>`
    select "cashOutId" as subject, step || ', ' || cash || ' fen, approved by ' || coalesce("approvedBy", 'nobody')
        || ' and ' || coalesce("secondBy", 'nobody') || ', reference ' || coalesce(reference, 'none') as detail
    from cashout_info
    where case step when 'failed' then 1 = 1
      when 'requested' then "approvedBy" is null and "secondBy" is null
      when 'half_approved' then "approvedBy" is not null and "secondBy" is null
      else "approvedBy" is not null and (step <> 'paid' or coalesce(reference, '') <> '')
        and (cash <= coalesce("secondAboveFen", cash) or "secondBy" is not null) end is not true`,
  said,
);

/**
 * `batchId` is the last batch that a cash-out stands in; exported again, it stands in two. What stood in each is in the audit
 * log, written with it.
 */
const cashoutBatch = invariant(
  "cashout_batch",
  "an exported cash-out is in a batch, and a batch is of as many cash-outs and as much cash as were written into it",
  () => sql<Said>`
    select c."cashOutId" as subject, c.step || ', in batch ' || coalesce(c."batchId", 'none') as detail
      from cashout_info c left join cashout_batch b on b.id = c."batchId"
      where case c.step when 'exported' then b.id is not null
        when 'paid' then c."batchId" is null or b.id is not null
        when 'failed' then c."batchId" is null or b.id is not null
        else c."batchId" is null end is not true
    union all
    select b.id, b.count || ' cash-outs, ' || b.cash || ' fen; written into it are ' || count(c.id) || ', '
        || coalesce(sum(c.cash), 0) || ' fen'
      from cashout_batch b
        left join audit_log l on l.what = 'cashout.export' and l.detail = b.id
        left join cashout_info c on c."cashOutId" = l.object
      group by b.id, b.count, b.cash having count(c.id) <> b.count or coalesce(sum(c.cash), 0) <> b.cash`,
  said,
);

const cashoutTwoPeople = invariant(
  "cashout_two_people",
  "nobody is the second person of an own approval",
  () => sql<Said>`
    select "cashOutId" as subject, 'approved twice by ' || "approvedBy" as detail from cashout_info
    where "approvedBy" = "secondBy"`,
  said,
);

const cashoutIsPosted = invariant(
  "cashout_is_posted",
  "a cash-out that succeeded has the postings of what arrived and of what it cost, another has none",
  () => sql<{ cashOutId: string; state: number; wrong: string }>`
    select c."cashOutId", c.state, c.cash || ' fen and ' || c.service || ' of service, posted '
        || coalesce(p.amount, 0) || ' and ' || coalesce(s.amount, 0) as wrong
    from cashout_info c
      left join ledger_transfer p on p.id = 'cashout/' || c."cashOutId" || '/cash'
        and p."fromAccount" = 'manager_payable:' || c.manager and p."toAccount" = 'manager_paid_out:' || c.manager
      left join ledger_transfer s on s.id = 'cashout/' || c."cashOutId" || '/service'
        and s."fromAccount" = 'manager_payable:' || c.manager
    where coalesce(p.amount, 0) <> case c.state when 0 then c.cash else 0 end
      or coalesce(s.amount, 0) <> case c.state when 0 then c.service else 0 end`,
  (r) => ({
    subject: r.cashOutId,
    detail: `state ${r.state}, ${r.wrong}`,
    postings: [`cashout/${r.cashOutId}/cash`, `cashout/${r.cashOutId}/service`],
  }),
);

/** Of what managers withdraw. */
export const cashoutInvariants = [
  cashoutOrders,
  cashoutSum,
  cashoutPrice,
  cashoutStep,
  cashoutApproved,
  cashoutBatch,
  cashoutTwoPeople,
  cashoutIsPosted,
];
