import { type RawBuilder, sql } from "kysely";
import type { Tx } from "../database/database.ts";
import { coinValue } from "../ledger/coins.ts";
import { managerMoney } from "../orders/managerMoney.ts";
import { storedOrder } from "../orders/orderRow.ts";
import { wayOf, ways } from "./ways.ts";

/** A posting as it moves one account. */
export interface Move {
  /** Epoch ms. */
  at: number;
  id: string;
  /** Why, in words. */
  says: string;
  orderId: string | null;
  /** Fen, and what the account stands at afterwards. */
  amount: number;
  balance: number;
}

/** The postings of an account in the order in which they were made, and what they add up to. */
export interface Account {
  account: string;
  /** Postings before those that are listed, and what they summed to. */
  earlier: { count: number; balance: number };
  moves: Move[];
  balance: number;
}

/** A sum in words: the two sides are equal when the books are in order. */
export interface Sum {
  says: string;
  fen: number;
}

export interface Explanation {
  of: string;
  accounts: Account[];
  sums: Sum[];
  /** False: two numbers that have to be equal are not; the audit says which invariant that breaks. */
  adds_up: boolean;
}

/** Postings of one account that are listed; what was before them is one number. */
const LISTED_MAX = 2000;

interface Posting {
  id: string;
  fromAccount: string;
  toAccount: string;
  amount: number;
  reason: string;
  orderId: string | null;
  insertTime: number;
}

/** Tells a word – an order, a cash-out, a phone number – fen by fen; undefined when nothing is known of it. */
export async function explain(tx: Tx, word: string): Promise<Explanation | undefined> {
  if (word.startsWith("9")) return await explainOrder(tx, word);
  if (word.startsWith("C")) return await explainCashOut(tx, word);
  return await explainPerson(tx, word);
}

async function explainOrder(tx: Tx, orderId: string): Promise<Explanation | undefined> {
  const order = await storedOrder(tx, orderId);
  if (order === undefined) return undefined;
  const coin = await coinValue(tx);
  const payable = await accountOf(tx, `manager_payable:${order.manager}`, { orderId });
  const purses = [`user_coins:${order.user}`, `user_coins_held:${order.user}`];
  const others = [...purses, "wechat_clearing", "platform"];
  const accounts = [payable];
  for (const account of others) accounts.push(await accountOf(tx, account, { orderId }));
  const paid = order.pmoney * coin + order.cash;
  const bills = order.payState === "paid" ? order.money : 0;
  return explained(`order ${orderId}`, accounts, [
    [
      {
        says: `the order is ${order.state} and ${order.payState}; it was paid, less what went back`,
        fen: paid,
      },
      { says: "the ledger has of it for the manager", fen: payable.balance },
      { says: order.payState === "paid" ? "it bills" : "it bills nothing that was paid", fen: bills },
    ],
  ]);
}

async function explainCashOut(tx: Tx, cashOutId: string): Promise<Explanation | undefined> {
  const cashOut = await tx
    .selectFrom("cashout_info")
    .selectAll()
    .where("cashOutId", "=", cashOutId)
    .executeTakeFirst();
  if (cashOut === undefined) return undefined;
  const { manager, money, debt, service, cash, state } = cashOut;
  const like = `cashout/${cashOutId}/%`;
  const payable = await accountOf(tx, `manager_payable:${manager}`, { like });
  const accounts = [payable];
  for (const account of [`manager_paid_out:${manager}`, "platform"]) {
    accounts.push(await accountOf(tx, account, { like }));
  }
  const { rows } = await sql<{ now: number; back: number }>`
    select coalesce(sum(o.money), 0) as now, coalesce(sum(a.money - o.money), 0) as back from order_info o
      left join order_pay_info a on a."orderId" = o."orderId" and a.state = 1
    where o."cashOutId" = ${cashOutId}`.execute(tx);
  const [now, back] = [Number(rows[0]?.now), Number(rows[0]?.back)];
  const moved = state === 0 ? -money : 0;
  return explained(
    `cash-out ${cashOutId}`,
    accounts,
    [
      [
        { says: state === 0 ? "it took from what the manager is owed" : "it has moved nothing", fen: moved },
        { says: "the ledger says", fen: payable.balance },
      ],
    ],
    [
      { says: "money that was asked for", fen: money },
      { says: "of which the cash-out costs", fen: service },
      { says: "and brings", fen: cash },
      {
        says:
          debt < 0
            ? "given back of what an earlier one took too much"
            : "debt of earlier refunds that it took up",
        fen: Math.abs(debt),
      },
      { says: "its orders bill now", fen: now },
      { says: "went back of them, before or since", fen: back },
    ],
  );
}

async function explainPerson(tx: Tx, phone: string): Promise<Explanation | undefined> {
  const user = await tx.selectFrom("user_info").select("pmoney").where("user", "=", phone).executeTakeFirst();
  const manager = await tx
    .selectFrom("manager_info")
    .select("manager")
    .where("manager", "=", phone)
    .executeTakeFirst();
  if (user === undefined && manager === undefined) return undefined;
  const accounts: Account[] = [];
  const equal: Sum[][] = [];
  const add = async (account: string): Promise<Account> => {
    const made = await accountOf(tx, account, {});
    accounts.push(made);
    return made;
  };
  if (user !== undefined) {
    const coins = await add(`user_coins:${phone}`);
    const held = await add(`user_coins_held:${phone}`);
    const pending = await sql<{ coins: number }>`
      select coalesce(sum(pmoney), 0) as coins from order_pay_info where "user" = ${phone} and state = 0`.execute(
      tx,
    );
    const coin = await coinValue(tx);
    equal.push(
      [
        { says: `user_info has ${user.pmoney} coins`, fen: user.pmoney * coin },
        { says: "their postings sum to", fen: coins.balance },
      ],
      [
        { says: "coins in open payments", fen: Number(pending.rows[0]?.coins) * coin },
        { says: "held coins sum to", fen: held.balance },
      ],
    );
  }
  if (manager !== undefined) {
    const payable = await add(`manager_payable:${phone}`);
    const out = await add(`manager_paid_out:${phone}`);
    const { money, debt, count } = await managerMoney(tx, phone);
    const { rows } = await sql<{ under_way: number; paid: number }>`
      select coalesce(sum(case state when 2 then money else 0 end), 0) as under_way,
        coalesce(sum(case state when 0 then cash else 0 end), 0) as paid
      from cashout_info where manager = ${phone}`.execute(tx);
    const underWay = Number(rows[0]?.under_way);
    const says = `${count} orders to withdraw ${money} fen, less ${debt} fen of debt, and ${underWay} fen in pending cash-outs`;
    equal.push(
      [
        { says, fen: money - debt + underWay },
        { says: "what the manager is owed sums to", fen: payable.balance },
      ],
      [
        { says: "cash-outs that succeeded brought", fen: Number(rows[0]?.paid) },
        { says: "what was paid out sums to", fen: out.balance },
      ],
    );
  }
  return explained(phone, accounts, equal);
}

/** The numbers of each group have to be equal; `also` are told besides. */
function explained(of: string, accounts: Account[], equal: Sum[][], also: Sum[] = []): Explanation {
  const adds = equal.every((sums) => sums.every((s) => s.fen === sums[0]?.fen));
  return {
    of,
    accounts: accounts.filter((a) => a.moves.length > 0),
    sums: [...also, ...equal.flat()],
    adds_up: adds,
  };
}

async function accountOf(tx: Tx, account: string, of: { orderId?: string; like?: string }): Promise<Account> {
  const conditions: RawBuilder<unknown>[] = [sql`("fromAccount" = ${account} or "toAccount" = ${account})`];
  if (of.orderId !== undefined) conditions.push(sql`"orderId" = ${of.orderId}`);
  if (of.like !== undefined) conditions.push(sql`id like ${of.like}`);
  const where = sql.join(conditions, sql` and `);
  const all = await sql<{ count: number; balance: number }>`
    select count(*) as count, coalesce(sum(case when "toAccount" = ${account} then amount else -amount end), 0) as balance
    from ledger_transfer where ${where}`.execute(tx);
  const { rows } = await sql<Posting>`
    select * from ledger_transfer where ${where} order by "insertTime" desc, id desc limit ${LISTED_MAX}`.execute(
    tx,
  );
  const ordered = rows
    .map((row) => ({ ...row, amount: Number(row.amount) * (row.toAccount === account ? 1 : -1) }))
    .toSorted((a, b) => Number(a.insertTime) - Number(b.insertTime) || place(a.id) - place(b.id));
  const listed = ordered.reduce((sum, row) => sum + row.amount, 0);
  const balance = Number(all.rows[0]?.balance);
  const earlier = { count: Number(all.rows[0]?.count) - rows.length, balance: balance - listed };
  let at = earlier.balance;
  const moves = ordered.map((row) => {
    at += row.amount;
    const { id, orderId, reason } = row;
    return {
      at: Number(row.insertTime),
      id,
      says: wayOf(id)?.says ?? reason,
      orderId,
      amount: row.amount,
      balance: at,
    };
  });
  return { account, earlier, moves, balance };
}

/** What was posted at the same moment is told in the order in which one follows from the other. */
const place = (id: string): number => {
  const found = wayOf(id);
  return found === undefined ? -1 : ways.indexOf(found);
};
