import { sql } from "kysely";
import { mustNotBeNegativeKinds } from "../ledger/accounts.ts";
import {
  FOUND_MAX,
  type Found,
  type Invariant,
  invariant,
  ofPosting,
  postingsOf,
  type Said,
} from "./invariant.ts";
import { anyOf, isKind, isOf, subjectIn, ways } from "./ways.ts";

const sumIsZero = invariant(
  "sum_is_zero",
  "the balances of all accounts sum to zero",
  () => sql<{ total: number }>`
    select sum(balance) as total from ledger_account having sum(balance) <> 0`,
  (r) => ({ subject: "ledger_account", detail: `${r.total} fen` }),
);

const balanceIsSum: Invariant = {
  name: "balance_is_sum",
  says: "the balance of an account is the sum of its postings",
  async check(db) {
    const { rows } = await sql<{ account: string; kept: number; summed: number }>`
      select account, sum(kept) as kept, sum(summed) as summed from (
        select account, balance as kept, 0 as summed from ledger_account
        union all select "fromAccount", 0, -amount from ledger_transfer
        union all select "toAccount", 0, amount from ledger_transfer) as both_sides
      group by account having sum(kept) <> sum(summed) limit ${FOUND_MAX}`.execute(db);
    const found: Found[] = [];
    for (const r of rows) {
      const [kept, summed] = [Number(r.kept), Number(r.summed)];
      const named = await postingsOf(db, r.account, kept - summed);
      found.push({ subject: r.account, detail: `${kept} fen are kept, postings sum to ${summed}`, ...named });
    }
    return found;
  },
};

const notNegative = invariant(
  "not_negative",
  "no account that must not be negative is",
  () => sql<{ account: string; balance: number }>`
    select account, balance from ledger_account
    where balance < 0 and ${anyOf(mustNotBeNegativeKinds.map((k) => isKind("account", k)))}`,
  (r) => ({ subject: r.account, detail: `${r.balance} fen` }),
);

const single = ["wechat_clearing", "platform", "opening"];
const ofPerson = ["user_coins", "user_coins_held", "manager_payable", "manager_paid_out"];
/** A colon and eleven digits. */
const PHONE_PART = 12;

const accountKnown = invariant(
  "account_known",
  "every account is one of the ledger's, a person's with a phone number behind a colon",
  () => {
    const singles = single.map((name) => sql<boolean>`account = ${name}`);
    const persons = ofPerson.map(
      (kind) =>
        sql<boolean>`(substr(account, 1, ${sql.lit(kind.length + 1)}) = ${`${kind}:`}
          and length(account) = ${sql.lit(kind.length + PHONE_PART)})`,
    );
    return sql<{ account: string; balance: number }>`
      select account, balance from ledger_account where not ${anyOf([...singles, ...persons])}`;
  },
  (r) => ({ subject: r.account, detail: `an account of no known kind, ${r.balance} fen` }),
);

/** From or to `opening` everything may go. */
const opening = anyOf([isKind("fromAccount", "opening"), isKind("toAccount", "opening")]);

const postingWay = invariant(
  "posting_way",
  "every posting has the id of a known purpose and moves between the accounts of that purpose",
  () => {
    const right = ways.map(
      (w) => sql<boolean>`(${isOf(w)}
        and ${anyOf(w.from.map((k) => isKind("fromAccount", k)))}
        and ${anyOf(w.to.map((k) => isKind("toAccount", k)))})`,
    );
    return sql<{ id: string; fromAccount: string; toAccount: string }>`
      select id, "fromAccount", "toAccount" from ledger_transfer where not ${anyOf([opening, ...right])}`;
  },
  (r) => ({
    subject: r.id,
    detail: `moves from ${r.fromAccount} to ${r.toAccount}`,
    postings: [r.id],
  }),
);

const postingSubject = invariant(
  "posting_subject",
  "what a posting is for exists",
  () =>
    sql<Said>`${sql.join(
      ways.map(
        (w) => sql`
          select id as subject, ${`nothing in ${w.table} that it is for`} as detail from ledger_transfer
          where ${isOf(w)} and not ${opening} and not exists (
            select 1 from ${sql.table(w.table)} of_it where of_it.${sql.ref(w.key)} = ${subjectIn(w)})`,
      ),
      sql` union all `,
    )}`,
  ofPosting,
);

const orderOfPosting = invariant(
  "posting_order",
  "an order that a posting names exists",
  () => sql<Said>`
    select t.id as subject, 'names the order ' || t."orderId" || ', which does not exist' as detail
    from ledger_transfer t left join order_info o on o."orderId" = t."orderId"
    where t."orderId" is not null and o."orderId" is null`,
  ofPosting,
);

const postingNamesOrder = invariant(
  "posting_names_order",
  "what an order's payments and refunds post names that order",
  () => sql<Said>`
    select t.id as subject, 'names ' || coalesce(t."orderId", 'no order') || ', it is for ' || a."orderId" as detail
      from order_pay_info a inner join ledger_transfer t on t.id in ('pay/' || a."outTradeNo" || '/hold',
        'pay/' || a."outTradeNo" || '/void', 'pay/' || a."outTradeNo" || '/coins',
        'pay/' || a."outTradeNo" || '/cash', 'pay/' || a."outTradeNo" || '/unwanted')
      where t."orderId" is null or t."orderId" <> a."orderId"
    union all
    select t.id, 'names ' || coalesce(t."orderId", 'no order') || ', it is for ' || r.subject
      from refund_info r inner join ledger_transfer t on t.id in ('refund/' || r."refundNo" || '/coins',
        'refund/' || r."refundNo" || '/cash', 'refund/' || r."refundNo" || '/paid')
      where r.purpose = 'order' and (t."orderId" is null or t."orderId" <> r.subject)`,
  ofPosting,
);

const wholeCoins = invariant(
  "whole_coins",
  "coins move whole",
  ({ coin }) => sql<Said>`
    select id as subject, amount || ' fen are no whole coins' as detail from ledger_transfer
    where amount % ${sql.lit(coin)} <> 0
      and ${anyOf(["fromAccount", "toAccount"].flatMap((c) => ["user_coins", "user_coins_held"].map((k) => isKind(c as "fromAccount", k))))}`,
  ofPosting,
);

/** Of the ledger itself. */
export const ledgerInvariants = [
  sumIsZero,
  balanceIsSum,
  notNegative,
  accountKnown,
  postingWay,
  postingSubject,
  orderOfPosting,
  postingNamesOrder,
  wholeCoins,
];
