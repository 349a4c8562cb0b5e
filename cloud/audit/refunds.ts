import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

const refundIsClaimed = invariant(
  "refund_is_claimed",
  "what goes back was taken from the manager who had it; of money that was not wanted, from nobody",
  () => sql<{ refundNo: string; wrong: string }>`
    select r."refundNo", r.cash || ' fen and ' || r.coins || ' fen in coins, posted '
        || coalesce(m.amount, 0) || ' and ' || coalesce(c.amount, 0) as wrong
    from refund_info r
      left join ledger_transfer m on m.id = 'refund/' || r."refundNo" || '/cash'
      left join ledger_transfer c on c.id = 'refund/' || r."refundNo" || '/coins'
        and c."toAccount" = 'user_coins:' || r."user"
      left join ledger_transfer u on u.id = 'pay/' || r."outTradeNo" || '/unwanted'
      -- What takes the place of a refund that came to nothing goes out of what was taken for that one.
      left join refund_info p on p."replacedBy" = r."refundNo"
    where coalesce(c.amount, 0) <> case when p.id is null then r.coins else 0 end
      or coalesce(m.amount, 0) <> case when u.id is null and p.id is null then r.cash else 0 end`,
  (r) => ({
    subject: r.refundNo,
    detail: r.wrong,
    postings: [`refund/${r.refundNo}/cash`, `refund/${r.refundNo}/coins`],
  }),
);

const refundIsPosted = invariant(
  "refund_is_posted",
  "a refund that WeChat has confirmed has its posting, another has none",
  () => sql<{ refundNo: string; state: string; cash: number; amount: number | null }>`
    select r."refundNo", r.state, r.cash, t.amount from refund_info r
      left join ledger_transfer t on t.id = 'refund/' || r."refundNo" || '/paid'
    where coalesce(t.amount, 0) <> case r.state when 'success' then r.cash else 0 end`,
  (r) => ({
    subject: r.refundNo,
    detail: `${r.state}, ${r.cash} fen, ${r.amount ?? 0} fen have left`,
    postings: [`refund/${r.refundNo}/paid`],
  }),
);

/** Cash of a refund that another has taken the place of counts there. */
const standing = sql`sum(case when r."replacedBy" is null then r.cash else 0 end)`;

const refundWithinPayment = invariant(
  "refund_within_payment",
  "no more goes back of a payment than it was, in cash and in coins",
  ({ coin }) => sql<Said>`
    select r."outTradeNo" as subject, ${standing} || ' fen and ' || sum(r.coins) || ' fen in coins go back' as detail
    from refund_info r
      left join wx_payment w on w."outTradeNo" = r."outTradeNo"
      left join order_pay_info a on a."outTradeNo" = r."outTradeNo"
    group by r."outTradeNo", w.cash, a.pmoney
    having ${standing} > coalesce(w.cash, 0) or sum(r.coins) > coalesce(a.pmoney, 0) * ${sql.lit(coin)}
      or min(r.total) <> coalesce(w.cash, 0) or max(r.total) <> coalesce(w.cash, 0)`,
  said,
);

const refundOfPayment = invariant(
  "refund_of_payment",
  "a refund is of money that came, to who paid it",
  () => sql<Said>`
    select r."refundNo" as subject, 'of ' || r."outTradeNo" || ', which did not bring it or was another''s' as detail
    from refund_info r
      left join wx_payment w on w."outTradeNo" = r."outTradeNo" and w.subject = r.subject
        and w.purpose = r.purpose and w."user" = r."user" and w."wxPayid" is not null
      left join order_pay_info a on a."outTradeNo" = r."outTradeNo" and a."orderId" = r.subject
        and a."user" = r."user" and a.channel = 'coins' and a.state = 1
    where w."outTradeNo" is null and a.id is null`,
  said,
);

/** Of what goes back. */
export const refundInvariants = [refundIsClaimed, refundIsPosted, refundWithinPayment, refundOfPayment];
