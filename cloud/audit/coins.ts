import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

const pmoneyIsCoins = invariant(
  "pmoney_is_coins",
  "user_info.pmoney is what the ledger has as spendable coins",
  ({ coin }) => sql<{ person: string; pmoney: number | null; balance: number }>`
    select u."user" as person, u.pmoney as pmoney, coalesce(a.balance, 0) as balance
      from user_info u left join ledger_account a on a.account = 'user_coins:' || u."user"
      where u.pmoney * ${sql.lit(coin)} <> coalesce(a.balance, 0)
    union all
    select substr(a.account, 12), null, a.balance from ledger_account a
      left join user_info u on u."user" = substr(a.account, 12)
      where substr(a.account, 1, 11) = 'user_coins:' and u."user" is null`,
  (r) => ({
    subject: r.person,
    detail: `${r.pmoney ?? "no"} coins in user_info, ${r.balance} fen in the ledger`,
  }),
);

const heldIsPending = invariant(
  "held_is_pending",
  "held coins are those of open payments",
  ({ coin }) => sql<{ person: string; held: number; pending: number }>`
    select person, sum(held) as held, sum(pending) as pending from (
      select substr(account, 17) as person, balance as held, 0 as pending from ledger_account
        where substr(account, 1, 16) = 'user_coins_held:'
      union all
      select "user", 0, pmoney * ${sql.lit(coin)} from order_pay_info where state = 0) as both_sides
    group by person having sum(held) <> sum(pending)`,
  (r) => ({ subject: r.person, detail: `${r.held} fen held, ${r.pending} fen in open payments` }),
);

const attemptCoins = invariant(
  "attempt_coins",
  "coins of a payment are held while it is open, the manager's when it succeeded, their owner's again when it failed",
  ({ coin }) => sql<{ outTradeNo: string; state: number; coins: number; given: number; wrong: string }>`
    select a."outTradeNo", a.state, a.pmoney * ${sql.lit(coin)} as coins,
      'held ' || coalesce(h.amount, 0) || ', voided ' || coalesce(v.amount, 0)
        || ', the manager''s ' || coalesce(c.amount, 0) as wrong
    from order_pay_info a
      left join ledger_transfer h on h.id = 'pay/' || a."outTradeNo" || '/hold'
      left join ledger_transfer v on v.id = 'pay/' || a."outTradeNo" || '/void'
      left join ledger_transfer c on c.id = 'pay/' || a."outTradeNo" || '/coins'
    where case when a.channel = 'coins' then h.id is null and v.id is null
        else coalesce(h.amount, 0) = a.pmoney * ${sql.lit(coin)} end is not true
      or case a.state when 0 then v.id is null and c.id is null
        when 1 then coalesce(c.amount, 0) = a.pmoney * ${sql.lit(coin)}
        else coalesce(v.amount, 0) = a.pmoney * ${sql.lit(coin)} and c.id is null end is not true`,
  (r) => ({
    subject: r.outTradeNo,
    detail: `state ${r.state}, ${r.coins} fen in coins: ${r.wrong}`,
    postings: ["hold", "void", "coins"].map((of) => `pay/${r.outTradeNo}/${of}`),
  }),
);

const giftIsPosted = invariant(
  "gift_is_posted",
  "a gift has moved its coins from the giver to the receiver",
  ({ coin }) => sql<{ giftId: string; pmoney: number; amount: number | null }>`
    select g."giftId", g.pmoney, t.amount from pmoney_gift_info g
      left join ledger_transfer t on t.id = 'gift/' || g."giftId"
        and t."fromAccount" = 'user_coins:' || g."fromUser" and t."toAccount" = 'user_coins:' || g."toUser"
    where t.id is null or t.amount <> g.pmoney * ${sql.lit(coin)}`,
  (r) => ({
    subject: r.giftId,
    detail: `${r.pmoney} coins, ${r.amount ?? 0} fen in the ledger`,
    postings: [`gift/${r.giftId}`],
  }),
);

const giftNames = invariant(
  "gift_names",
  "giver and receiver of a gift are known users",
  () => sql<Said>`
    select "giftId" as subject, "fromUser" || ' gave, ' || "toUser" || ' got' as detail from pmoney_gift_info
    where (select count(*) from user_info where "user" in ("fromUser", "toUser")) <> 2`,
  said,
);

const purchaseIsRecorded = invariant(
  "purchase_is_recorded",
  "pmoney_charge_info holds exactly the purchases of coins that were paid",
  () => sql<Said>`
    select p."payId" as subject, 'was paid and is not recorded' as detail from pmoney_charge_pay p
      left join pmoney_charge_info i on i."payId" = p."payId" and i."user" = p."user" and i.pmoney = p.pmoney
      where p.state = 1 and i.id is null
    union all
    select i."payId", 'is recorded and was not paid' from pmoney_charge_info i
      left join pmoney_charge_pay p on p."payId" = i."payId" and p.state = 1
      where p.id is null`,
  said,
);

const purchaseIsPayment = invariant(
  "purchase_is_payment",
  "a purchase of coins and its payment at WeChat say the same",
  ({ coin }) => sql<Said>`
    select p."payId" as subject, 'state ' || p.state || ', ' || p.pmoney || ' coins; the payment '
        || coalesce('state ' || w.state || ', ' || w.cash || ' fen', 'does not exist') as detail
      from pmoney_charge_pay p left join wx_payment w on w."outTradeNo" = p."outTradeNo"
      where (w.purpose = 'coins' and w.subject = p."payId" and w."user" = p."user" and w.state = p.state
        and w.cash = p.pmoney * ${sql.lit(coin)} and coalesce(w."wxPayid", '') = coalesce(p."wxPayid", '')
        and coalesce(w."payTime", 0) = coalesce(p."payTime", 0)) is not true
    union all
    select w.subject, 'payment ' || w."outTradeNo" || ' buys no coins that are known' from wx_payment w
      left join pmoney_charge_pay p on p."outTradeNo" = w."outTradeNo"
      where w.purpose = 'coins' and p.id is null`,
  said,
);

/** Of coins: purses, holds, gifts, purchases. */
export const coinInvariants = [
  pmoneyIsCoins,
  heldIsPending,
  attemptCoins,
  giftIsPosted,
  giftNames,
  purchaseIsRecorded,
  purchaseIsPayment,
];
