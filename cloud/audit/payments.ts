import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

const paymentIsPosted = invariant(
  "payment_is_posted",
  "a payment at WeChat that succeeded has its one posting, another has none",
  () => sql<{ outTradeNo: string; state: number; cash: number; amount: number | null }>`
    select w."outTradeNo", w.state, w.cash, t.amount from wx_payment w
      left join ledger_transfer t on t.id = 'pay/' || w."outTradeNo" || '/cash'
    where case w.state when 1 then t.amount = w.cash
        and (w.purpose <> 'coins' or t."toAccount" = 'user_coins:' || w."user")
      else t.id is null end is not true`,
  (r) => ({
    subject: r.outTradeNo,
    detail: `state ${r.state}, ${r.cash} fen, ${r.amount ?? 0} fen were posted`,
    postings: [`pay/${r.outTradeNo}/cash`],
  }),
);

const paymentIsProven = invariant(
  "payment_is_proven",
  "a payment that succeeded has WeChat's transaction and time, an open one has none",
  () => sql<Said>`
    select "outTradeNo" as subject, 'state ' || state || ', transaction ' || coalesce("wxPayid", 'none') as detail
    from wx_payment
    where (state = 1 and ("wxPayid" is null or "payTime" is null)) or (state = 0 and "wxPayid" is not null)`,
  said,
);

const transactionOnce = invariant(
  "transaction_once",
  "a transaction of WeChat pays one payment",
  () => sql<Said>`
    select "wxPayid" as subject, 'pays ' || min("outTradeNo") || ' and ' || max("outTradeNo") as detail
    from wx_payment where "wxPayid" is not null group by "wxPayid" having count(*) > 1`,
  said,
);

const oneOpenPayment = invariant(
  "one_open_payment",
  "of one order or purchase at most one payment is open",
  () => sql<Said>`
    select subject, count(*) || ' payments are open' as detail from wx_payment
    where state = 0 group by subject having count(*) > 1`,
  said,
);

const unwantedGoesBack = invariant(
  "unwanted_goes_back",
  "money that came and was not wanted is kept by the platform and goes back whole",
  () => sql<{ outTradeNo: string; cash: number; kept: number | null; back: number }>`
    select w."outTradeNo", w.cash, t.amount as kept, coalesce(r.cash, 0) as back from wx_payment w
      left join ledger_transfer t on t.id = 'pay/' || w."outTradeNo" || '/unwanted'
      left join (select "outTradeNo", sum(cash) as cash from refund_info
        where "replacedBy" is null group by "outTradeNo") as r
        on r."outTradeNo" = w."outTradeNo"
    where case when w.state = 2 and w."wxPayid" is not null then t.amount = w.cash and r.cash = w.cash
      else t.id is null end is not true`,
  (r) => ({
    subject: r.outTradeNo,
    detail: `${r.cash} fen, ${r.kept ?? 0} fen are kept, ${r.back} fen go back`,
    postings: [`pay/${r.outTradeNo}/unwanted`],
  }),
);

const attemptIsPayment = invariant(
  "attempt_is_payment",
  "an attempt to pay in cash and its payment at WeChat say the same",
  () => sql<Said>`
    select a."outTradeNo" as subject, 'the attempt: state ' || a.state || ', ' || a.cash || ' fen; the payment: '
        || coalesce('state ' || w.state || ', ' || w.cash || ' fen', 'none') as detail
      from order_pay_info a left join wx_payment w on w."outTradeNo" = a."outTradeNo"
      where case when a.channel = 'coins' then w."outTradeNo" is null
        else w.purpose = 'order' and w.subject = a."orderId" and w."user" = a."user" and w.state = a.state
          and w.cash = a.cash and coalesce(w."wxPayid", '') = coalesce(a."wxPayid", '')
          and coalesce(w."payTime", 0) = coalesce(a."payTime", 0) end is not true
    union all
    select w."outTradeNo", 'pays for no attempt that is known' from wx_payment w
      left join order_pay_info a on a."outTradeNo" = w."outTradeNo"
      where w.purpose = 'order' and a.id is null`,
  said,
);

const attemptAddsUp = invariant(
  "attempt_adds_up",
  "an attempt offers what it pays: coins at their value and cash",
  ({ coin }) => sql<Said>`
    select "outTradeNo" as subject, money || ' fen are ' || pmoney || ' coins and ' || cash || ' fen' as detail
    from order_pay_info where money <> pmoney * ${sql.lit(coin)} + cash`,
  said,
);

const attemptOfOrder = invariant(
  "attempt_of_order",
  "who pays an order is its user, on its charger and port",
  () => sql<Said>`
    select a."outTradeNo" as subject, 'pays the order ' || a."orderId" || ', which is another''s or unknown' as detail
    from order_pay_info a left join order_info o on o."orderId" = a."orderId"
    where (o."user" = a."user" and o."deviceCode" = a."deviceCode" and o.port = a.port) is not true`,
  said,
);

/** Counted here and not joined by state: SQLite would look for an order's attempts among all of that state. */
const attemptsIn = (state: 0 | 1) => sql`count(case a.state when ${sql.lit(state)} then 1 end)`;

const paidOnce = invariant(
  "paid_once",
  "a paid order has exactly one successful attempt, an order that is not paid has none",
  () => sql<Said>`
    select subject, 'is ' || "payState" || ' by ' || n || ' attempts' as detail from (
      select o."orderId" as subject, o."payState", o.money, ${attemptsIn(1)} as n
      from order_info o left join order_pay_info a on a."orderId" = o."orderId"
      group by o."orderId", o."payState", o.money) as counted
    where n > case "payState" when 'paid' then 1 else 0 end or (n = 0 and "payState" = 'paid' and money > 0)`,
  said,
);

const payingIsOpen = invariant(
  "paying_is_open",
  "an order is being paid exactly while one attempt is open",
  () => sql<Said>`
    select subject, 'is ' || "payState" || ' with ' || n || ' open attempts' as detail from (
      select o."orderId" as subject, o."payState", ${attemptsIn(0)} as n
      from order_info o left join order_pay_info a on a."orderId" = o."orderId"
      group by o."orderId", o."payState") as counted
    where n <> case "payState" when 'paying' then 1 else 0 end`,
  said,
);

/** Of payments at WeChat and attempts to pay. */
export const paymentInvariants = [
  paymentIsPosted,
  paymentIsProven,
  transactionOnce,
  oneOpenPayment,
  unwantedGoesBack,
  attemptIsPayment,
  attemptAddsUp,
  attemptOfOrder,
  paidOnce,
  payingIsOpen,
];
