import { type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "../database/database.ts";
import { dayOf } from "../orders/orderDay.ts";
import {
  FOUND_MAX,
  type Found,
  type Invariant,
  invariant,
  postingsOf,
  type Said,
  said,
} from "./invariant.ts";

/** An account whose balance follows from other tables: one row for each account that differs. */
function account(name: string, says: string, query: () => RawBuilder<Differs>): Invariant {
  return {
    name,
    says,
    async check(db) {
      const { rows } = await sql<Differs>`
        select * from (${query()}) as both_sides where is_there <> should_be limit ${FOUND_MAX}`.execute(db);
      const found: Found[] = [];
      for (const r of rows) {
        const [is, should] = [Number(r.is_there), Number(r.should_be)];
        const detail = `stands at ${is} fen, not at ${should}`;
        found.push({ subject: r.account, detail, ...(await postingsOf(db, r.account, is - should)) });
      }
      return found;
    },
  };
}

interface Differs {
  account: string;
  is_there: number;
  should_be: number;
}

const balance = (of: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`coalesce((select balance from ledger_account where account = ${of}), 0)`;

const clearing = account(
  "clearing_is_wechat",
  "wechat_clearing stands at minus what came in at WeChat and has not gone back",
  () => sql<Differs>`
    select 'wechat_clearing' as account, ${balance(sql`'wechat_clearing'`)} as is_there,
      coalesce((select sum(cash) from refund_info where state = 'success'), 0)
        - coalesce((select sum(cash) from wx_payment where "wxPayid" is not null), 0) as should_be`,
);

const platform = account(
  "platform_is_fees",
  "the platform has what cash-outs cost and what has not gone back yet",
  () => sql<Differs>`
    select 'platform' as account, ${balance(sql`'platform'`)} as is_there,
      coalesce((select sum(service) from cashout_info where state = 0), 0)
        + coalesce((select sum(cash) from refund_info where state <> 'success' and "replacedBy" is null), 0) as should_be`,
);

const paidOut = account(
  "paid_out_is_cashouts",
  "what was paid out to a manager is their cash-outs that succeeded",
  () => sql<Differs>`
    select account, sum(is_there) as is_there, sum(should_be) as should_be from (
      select account, balance as is_there, 0 as should_be from ledger_account
        where substr(account, 1, 17) = 'manager_paid_out:'
      union all
      select 'manager_paid_out:' || manager, 0, cash from cashout_info where state = 0) as sides
    group by account`,
);

const owed = account(
  "manager_is_owed",
  "a manager is owed what can be withdrawn, less the debt, and what is under way",
  () => sql<Differs>`
    select account, sum(is_there) as is_there, sum(should_be) as should_be from (
      select account, balance as is_there, 0 as should_be from ledger_account
        where substr(account, 1, 16) = 'manager_payable:'
      union all
      select 'manager_payable:' || manager, 0, money - debt from manager_money
      union all
      select 'manager_payable:' || manager, 0, money from cashout_info where state = 2) as sides
    group by account`,
);

const managerMoney = invariant(
  "manager_money",
  "manager_money counts the paid orders that nobody has withdrawn",
  () => sql<{ manager: string; kept: string; summed: string }>`
    select manager, max(kept) as kept, max(summed) as summed from (
      select manager, count as n, money, count || ' orders, ' || money || ' fen' as kept, null as summed
        from manager_money
      union all
      select manager, -count(*), -sum(money), null, count(*) || ' orders, ' || sum(money) || ' fen' from order_info
        where "payState" = 'paid' and "cashOutFlag" = 0 and money > 0 group by manager) as sides
    group by manager having sum(n) <> 0 or sum(money) <> 0`,
  (r) => ({ subject: r.manager, detail: `${r.kept ?? "nothing"} are kept, there are ${r.summed ?? "none"}` }),
);

/** Below nothing it is a credit: a cash-out took up refunds of orders whose own cash-out has failed since. */
const debtIsNone = invariant(
  "debt_not_negative",
  "what can be withdrawn, and a manager's debt with what cash-outs took up of it, are never below nothing",
  () => sql<Said>`
    select m.manager as subject, m.count || ' orders, ' || m.money || ' fen, debt ' || m.debt || ', taken up '
        || coalesce(c.debt, 0) as detail
    from manager_money m
      left join (select manager, sum(debt) as debt from cashout_info where state <> 1 group by manager) as c
        on c.manager = m.manager
    where m.count < 0 or m.money < 0 or m.debt + coalesce(c.debt, 0) < 0`,
  said,
);

/** Offsets of zones are whole quarters of an hour: orders of one quarter are of one day. */
const QUARTER_MS = 900_000;
/** Chargers whose orders are summed at once. */
const CHARGERS = 50;

interface DayRow {
  manager: string;
  deviceCode: string;
  count: number;
  unit: number;
  money: number;
  paidCount: number;
  pmoney: number;
  cash: number;
}
const SUMS = ["count", "unit", "money", "paidCount", "pmoney", "cash"] as const;

const orderDay: Invariant = {
  name: "order_day",
  says: "order_day holds the sums of the listed orders of each charger and day",
  async check(db, { zone }) {
    const found: Found[] = [];
    let after = "";
    for (;;) {
      const codes = await chargersAfter(db, after);
      const last = codes.at(-1);
      if (last === undefined || found.length >= FOUND_MAX) return found.slice(0, FOUND_MAX);
      found.push(...(await daysApart(db, codes, zone)));
      after = last;
    }
  },
};

async function chargersAfter(db: Db | Tx, after: string): Promise<string[]> {
  const { rows } = await sql<{ code: string }>`
    select code from (
      select distinct "deviceCode" as code from order_info where "deviceCode" > ${after}
      union select distinct "deviceCode" from order_day where "deviceCode" > ${after}) as codes
    order by code limit ${CHARGERS}`.execute(db);
  return rows.map((r) => r.code);
}

async function daysApart(db: Db | Tx, codes: readonly string[], zone: string): Promise<Found[]> {
  const among = sql`"deviceCode" in (${sql.join(codes)})`;
  const kept = await sql<DayRow & { day: number }>`
    select manager, "deviceCode", day, count, unit, money, "paidCount", pmoney, cash from order_day
    where ${among}`.execute(db);
  const orders = await sql<DayRow & { quarter: number }>`
    select manager, "deviceCode", "orderTime" / ${sql.lit(QUARTER_MS)} as quarter, count(*) as count, sum(unit) as unit,
      sum(money) as money, sum(case "payState" when 'paid' then 1 else 0 end) as "paidCount", sum(pmoney) as pmoney,
      sum(cash) as cash from order_info
    where ${among} and state in ('charging', 'finished') and "payState" <> 'waived'
    group by manager, "deviceCode", "orderTime" / ${sql.lit(QUARTER_MS)}`.execute(db);
  const apart = new Map<string, number[]>();
  const add = (row: DayRow, day: number, sign: 1 | -1): void => {
    const key = `${row.manager} ${row.deviceCode} ${day}`;
    const sums = apart.get(key) ?? SUMS.map(() => 0);
    apart.set(
      key,
      sums.map((n, i) => n + sign * Number(row[SUMS[i] ?? "count"])),
    );
  };
  for (const row of kept.rows) add(row, Number(row.day), 1);
  for (const row of orders.rows) add(row, dayOf(Number(row.quarter) * QUARTER_MS, zone), -1);
  return [...apart]
    .filter(([, sums]) => sums.some((n) => n !== 0))
    .map(([subject, sums]) => ({
      subject,
      detail: `kept beyond the orders: ${SUMS.map((name, i) => `${name} ${sums[i]}`).join(", ")}`,
    }));
}

/** Of sums that are kept, and of accounts that follow from other tables. */
export const sumInvariants = [clearing, platform, paidOut, owed, managerMoney, debtIsNone, orderDay];
