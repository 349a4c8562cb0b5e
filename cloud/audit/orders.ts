import { UNIT_MINUTES } from "@bluepower/protocol/units";
import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

const orderIsPaid = invariant(
  "order_is_paid",
  "a paid order was paid what it bills, another nothing",
  ({ coin }) => sql<{ orderId: string; payState: string; money: number; given: number }>`
    select "orderId", "payState", money, pmoney * ${sql.lit(coin)} + cash as given from order_info
    where case "payState" when 'paid' then money = pmoney * ${sql.lit(coin)} + cash
      else pmoney = 0 and cash = 0 end is not true`,
  (r) => ({ subject: r.orderId, detail: `${r.payState}, bills ${r.money} fen, was paid ${r.given} fen` }),
);

const orderInLedger = invariant(
  "order_in_ledger",
  "the ledger holds for the manager of an order exactly what it was paid",
  ({ coin }) => sql<{ orderId: string; booked: number; given: number; posting: string | null }>`
    select "orderId", sum(booked) as booked, sum(given) as given, max(posting) as posting from (
      select t."orderId",
        case when t."toAccount" = 'manager_payable:' || o.manager then t.amount
          when t."fromAccount" = 'manager_payable:' || o.manager then -t.amount else 0 end as booked,
        0 as given, t.id as posting
      from ledger_transfer t inner join order_info o on o."orderId" = t."orderId"
      union all
      select "orderId", 0, pmoney * ${sql.lit(coin)} + cash, null from order_info) as both_sides
    group by "orderId" having sum(booked) <> sum(given)`,
  (r) => ({
    subject: r.orderId,
    detail: `${r.booked} fen for the manager in the ledger, ${r.given} fen in the order`,
    ...(r.posting !== null && { postings: [r.posting] }),
  }),
);

const billIsPayment = invariant(
  "bill_is_payment",
  "what an order was paid, and when, is its successful attempt, less what went back of it",
  ({ coin }) => sql<Said>`
    select o."orderId" as subject, o.pmoney || ' coins and ' || o.cash || ' fen, paid '
        || a.pmoney || ' and ' || a.cash || ', back ' || coalesce(r.coins, 0) || ' fen in coins and '
        || coalesce(r.cash, 0) || ' fen, at ' || coalesce('' || o."payTime", 'no time') || ' and '
        || coalesce('' || a."payTime", 'no time') as detail
    from order_pay_info a inner join order_info o on o."orderId" = a."orderId"
      -- Coins are back at once: what takes the place of a refund that came to nothing has its cash alone.
      left join (select "outTradeNo", sum(case when "replacedBy" is null then cash else 0 end) as cash,
        sum(coins) as coins from refund_info group by "outTradeNo") as r
        on r."outTradeNo" = a."outTradeNo"
    where a.state = 1 and (coalesce(o."payTime", 0) <> coalesce(a."payTime", 1) or o.cash <> a.cash - coalesce(r.cash, 0)
      or o.pmoney * ${sql.lit(coin)} <> a.pmoney * ${sql.lit(coin)} - coalesce(r.coins, 0))`,
  said,
);

const priceFits = invariant(
  "price_fits",
  "money is units at the order's price, and no more is billed than was agreed",
  () => sql<Said>`
    select "orderId" as subject, unit || ' of ' || "agreedUnit" || ' units at ' || "unitPrice" || ' fen: '
      || money || ' of ' || "agreedMoney" || ' fen' as detail
    from order_info
    where "agreedMoney" <> "agreedUnit" * "unitPrice" or unit < 0 or unit > "agreedUnit"
      or money < 0 or money > unit * "unitPrice"
      or ("payState" in ('unpaid', 'paying') and money <> unit * "unitPrice")`,
  said,
);

const stateFits = invariant(
  "state_fits",
  "an order has begun when it charges, and has an end, a reason and minutes when it is finished",
  () => sql<Said>`
    select "orderId" as subject, state || ', start ' || coalesce('' || "startTime", 'none') || ', end '
      || coalesce('' || "endTime", 'none') || ', minutes ' || coalesce('' || minutes, 'none') as detail
    from order_info
    where case state when 'starting' then "startTime" is null and "endTime" is null
      when 'charging' then "startTime" is not null and "endTime" is null
      when 'finished' then "startTime" is not null and "endTime" is not null and "endReason" is not null
        and minutes between 0 and 360
      when 'cancelled' then "endTime" is not null and "cancelReason" is not null
      else 1 = 0 end is not true`,
  said,
);

const orderTimes = invariant(
  "order_times",
  "a charge begins when it was ordered or later, and ends when it began or later",
  () => sql<Said>`
    select "orderId" as subject, 'ordered at ' || "orderTime" || ', began at ' || "startTime" || ', ended at '
      || coalesce('' || "endTime", 'no time') as detail
    from order_info
    where state in ('charging', 'finished') and ("startTime" < "orderTime" or "endTime" < "startTime")`,
  said,
);

/** As the spec says it: a charge that gave less than this has given nothing. */
const FREE_BELOW_MINUTES = 5;

/** Of money and not of units: when the payer had a part back before the end, the units stay and say what it was for. */
const provenMinutes = invariant(
  "proven_minutes",
  "a charge that its user did not end bills no more than its proven minutes in units begun",
  () => sql<Said>`
    select "orderId" as subject, minutes || ' minutes, ' || "endReason" || ', bill ' || money || ' fen at '
      || "unitPrice" || ' fen' as detail
    from order_info
    where state = 'finished' and "endReason" <> 'user' and "payState" <> 'waived'
      and money > "unitPrice" * case when minutes < ${sql.lit(FREE_BELOW_MINUTES)} then 0
        else (minutes + ${sql.lit(UNIT_MINUTES - 1)}) / ${sql.lit(UNIT_MINUTES)} end`,
  said,
);

const cancelledBillsNothing = invariant(
  "cancelled_bills_nothing",
  "a cancelled order is not paid, or what was paid went back",
  () => sql<Said>`
    select "orderId" as subject, "payState" || ', ' || pmoney || ' coins and ' || cash || ' fen' as detail
    from order_info
    where state = 'cancelled' and (pmoney <> 0 or cash <> 0 or ("payState" = 'paid' and money <> 0))`,
  said,
);

const toldStays = invariant(
  "told_cancelled_stays",
  "an order whose user was told that it is cancelled stays so and is never paid",
  () => sql<Said>`
    select "orderId" as subject, state || ' and ' || "payState" as detail from order_info
    where "toldCancelled" = 1
      and (state <> 'cancelled' or ("agreedMoney" > 0 and "payState" <> 'unpaid'))`,
  said,
);

const flagFits = invariant(
  "flag_fits",
  "nothing is to be withdrawn of a free, waived or emptied order, and nothing was of an unpaid one",
  () => sql<Said>`
    select "orderId" as subject, 'cashOutFlag ' || "cashOutFlag" || ', ' || "payState" || ', ' || money || ' fen' as detail
    from order_info
    where case when "agreedMoney" = 0 or "payState" = 'waived' then "cashOutFlag" = 2
      when "payState" = 'paid' and money = 0 then "cashOutFlag" in (1, 2)
      when "payState" = 'paid' then "cashOutFlag" in (0, 1, 2)
      else "cashOutFlag" = 0 end is not true`,
  said,
);

const portSlot = invariant(
  "port_slot",
  "a live order has the slot of its port, which nothing holds that has ended or is another's",
  () => sql<Said>`
    select o."orderId" as subject, 'is live without the slot of its port' as detail from order_info o
      left join live_order l on l."orderId" = o."orderId"
      where o.state in ('starting', 'charging') and o.source = 'cloud' and l."orderId" is null
    union all
    select l."orderId", 'holds the slot of ' || l."deviceCode" || ' port ' || l.port || ' and has ended or is of another'
      from live_order l left join order_info o on o."orderId" = l."orderId"
      where (o.state <> 'finished' and o."deviceCode" = l."deviceCode" and o.port = l.port) is not true`,
  said,
);

const userSlot = invariant(
  "user_slot",
  "the slot of a user's unpaid order is held by an order of that user that waits to be paid",
  () => sql<Said>`
    select n."orderId" as subject, 'holds the slot of ' || n."user" || ' and is no unpaid order of theirs' as detail
    from unpaid_order n left join order_info o on o."orderId" = n."orderId"
    where (o."user" = n."user" and o.state <> 'cancelled' and o."payState" in ('unpaid', 'paying')) is not true`,
  said,
);

/** A bill that a correction has opened anew may wait for the slot that another of the same user's holds. */
const billHasSlot = invariant(
  "bill_has_slot",
  "who owes a bill holds the slot that keeps them from ordering again, of a charge that is not over with that very order",
  () => sql<Said>`
    select o."orderId" as subject, o.state || ' and ' || o."payState" || ', and ' || o."user" || ' is free' as detail
    from order_info o
      left join unpaid_order n on n."orderId" = o."orderId"
      left join unpaid_order u on u."user" = o."user"
    where o.source = 'cloud' and o.state <> 'cancelled' and o."payState" in ('unpaid', 'paying')
      and o."agreedMoney" > 0
      and case o.state when 'finished' then u."orderId" else n."orderId" end is null`,
  said,
);

/** Of orders and their slots. */
export const orderInvariants = [
  orderIsPaid,
  orderInLedger,
  billIsPayment,
  priceFits,
  stateFits,
  orderTimes,
  provenMinutes,
  cancelledBillsNothing,
  toldStays,
  flagFits,
  portSlot,
  userSlot,
  billHasSlot,
];
