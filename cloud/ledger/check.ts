import { sql } from "kysely";
import type { Db } from "../database/database.ts";
import { mustNotBeNegative } from "./accounts.ts";
import { coinValue } from "./coins.ts";

/** An invariant that does not hold, and where. */
export interface Violation {
  rule:
    | "sum_is_zero"
    | "balance_is_sum"
    | "not_negative"
    | "pmoney_is_coins"
    | "held_is_pending"
    | "order_is_paid"
    | "order_in_ledger"
    | "slots";
  subject: string;
  detail: string;
}

/** More of one rule tell nothing new. */
const LIMIT = 100;

/**
 * Proves invariant 1 over the whole database and returns what is violated: postings sum to zero, balances are their
 * sums, no account that must not be negative is, `user_info.pmoney` is the spendable coins, held coins are those of open
 * payments, a paid order was paid what it bills, and the ledger holds exactly that for its manager. Reads only.
 */
export async function checkLedger(db: Db): Promise<Violation[]> {
  const coin = await coinValue(db);
  const rules = [balances, pmoney, held, orders, slots];
  const found: Violation[] = [];
  for (const rule of rules) found.push(...(await rule(db, coin)).slice(0, LIMIT));
  return found;
}

async function balances(db: Db): Promise<Violation[]> {
  const { rows } = await sql<{ account: string; kept: number; summed: number }>`
    select account, sum(kept) as kept, sum(summed) as summed from (
      select account, balance as kept, 0 as summed from ledger_account
      union all select "fromAccount", 0, -amount from ledger_transfer
      union all select "toAccount", 0, amount from ledger_transfer) as all_of
    group by account`.execute(db);
  const total = rows.reduce((sum, r) => sum + Number(r.kept), 0);
  const found: Violation[] = [];
  if (total !== 0) found.push({ rule: "sum_is_zero", subject: "ledger_account", detail: `${total} fen` });
  for (const r of rows) {
    const kept = Number(r.kept);
    const summed = Number(r.summed);
    if (kept !== summed) {
      found.push({ rule: "balance_is_sum", subject: r.account, detail: `${kept}, not ${summed}` });
    }
    if (kept < 0 && mustNotBeNegative(r.account)) {
      found.push({ rule: "not_negative", subject: r.account, detail: `${kept} fen` });
    }
  }
  return found;
}

async function pmoney(db: Db, coin: number): Promise<Violation[]> {
  const { rows } = await sql<{ person: string; pmoney: number | null; balance: number | null }>`
    select u."user" as person, u.pmoney as pmoney, coalesce(a.balance, 0) as balance
      from user_info u left join ledger_account a on a.account = 'user_coins:' || u."user"
      where u.pmoney * ${coin} <> coalesce(a.balance, 0)
    union all
    select substr(a.account, 12), null, a.balance from ledger_account a
      left join user_info u on a.account = 'user_coins:' || u."user"
      where substr(a.account, 1, 11) = 'user_coins:' and u."user" is null
    limit ${LIMIT}`.execute(db);
  return rows.map((r) => ({
    rule: "pmoney_is_coins" as const,
    subject: r.person,
    detail: `${r.pmoney} coins, ledger ${r.balance} fen`,
  }));
}

async function held(db: Db, coin: number): Promise<Violation[]> {
  const { rows } = await sql<{ person: string; held: number; pending: number }>`
    select person, sum(held) as held, sum(pending) as pending from (
      select substr(account, 17) as person, balance as held, 0 as pending from ledger_account
        where substr(account, 1, 16) = 'user_coins_held:'
      union all
      select "user", 0, pmoney * ${coin} from order_pay_info where state = 0) as all_of
    group by person having sum(held) <> sum(pending) limit ${LIMIT}`.execute(db);
  return rows.map((r) => ({
    rule: "held_is_pending" as const,
    subject: r.person,
    detail: `${r.held} fen held, ${r.pending} fen in open payments`,
  }));
}

async function orders(db: Db, coin: number): Promise<Violation[]> {
  const paid = await sql<{ orderId: string; money: number; given: number }>`
    select "orderId", money, pmoney * ${coin} + cash as given from order_info
      where "payState" = 'paid' and money <> pmoney * ${coin} + cash
    union all
    select "orderId", 0, pmoney * ${coin} + cash from order_info
      where "payState" <> 'paid' and (pmoney <> 0 or cash <> 0) limit ${LIMIT}`.execute(db);
  const ledger = await sql<{ orderId: string; booked: number; given: number }>`
    select "orderId", sum(booked) as booked, sum(given) as given from (
      select "orderId", case when substr("toAccount", 1, 16) = 'manager_payable:' then amount else -amount end as booked,
          0 as given from ledger_transfer
        where "orderId" is not null
          and (substr("toAccount", 1, 16) = 'manager_payable:' or substr("fromAccount", 1, 16) = 'manager_payable:')
      union all
      select "orderId", 0, pmoney * ${coin} + cash from order_info) as all_of
    group by "orderId" having sum(booked) <> sum(given) limit ${LIMIT}`.execute(db);
  return [
    ...paid.rows.map((r) => ({
      rule: "order_is_paid" as const,
      subject: r.orderId,
      detail: `bills ${r.money} fen, was paid ${r.given} fen`,
    })),
    ...ledger.rows.map((r) => ({
      rule: "order_in_ledger" as const,
      subject: r.orderId,
      detail: `${r.booked} fen for the manager in the ledger, ${r.given} fen in the order`,
    })),
  ];
}

/** Invariant 2: whoever is live has its port's slot, and the slot of the unpaid order is that of an unpaid order. */
async function slots(db: Db): Promise<Violation[]> {
  const { rows } = await sql<{ orderId: string; detail: string }>`
    select o."orderId", 'live without the slot of its port' as detail from order_info o
      left join live_order l on l."orderId" = o."orderId"
      where o.state in ('starting', 'charging') and o.source = 'cloud' and l."orderId" is null
    union all
    select l."orderId", 'holds the slot of a port and has ended' from live_order l
      left join order_info o on o."orderId" = l."orderId"
      where o."orderId" is null or o.state = 'finished'
    union all
    select n."orderId", 'holds the slot of the unpaid order and is none' from unpaid_order n
      left join order_info o on o."orderId" = n."orderId"
      where o."orderId" is null or o.state = 'cancelled' or o."payState" in ('paid', 'waived')
    limit ${LIMIT}`.execute(db);
  return rows.map((r) => ({ rule: "slots" as const, subject: r.orderId, detail: r.detail }));
}
