import type { Clock } from "@bluepower/protocol/clock";
import Sqlite from "better-sqlite3";
import { testConfig } from "../../cloud/api/scenario.ts";
import { mustNotBeNegative } from "../../cloud/ledger/accounts.ts";

/** Orders that were changed so long ago, in simulated time, are not looked at again but by the full check; clocks step less. */
const RECENT_MS = 5 * 60_000;
const COIN = testConfig.coinFen;

interface OrderRow {
  orderId: string;
  user: string;
  at: string;
  state: string;
  payState: string;
  money: number;
  pmoney: number;
  cash: number;
  told: number;
  plateNo: string;
  updateTime: number;
}

/**
 * The rules of `unsafe`, checked after every commit and event on what has changed since the last one: new transfers are added to sums kept
 * here, orders are looked at when their row is new. What changes an old row and hides it is found by the full check.
 */
export class Watch {
  readonly #db: Sqlite.Database;
  readonly #clock: Clock;
  /** Uptime at which each order was made. */
  readonly made = new Map<string, number>();
  readonly #ask;
  #version = -1;
  #lastTransfer = 0;
  /** Sums of all transfers, of each account and for the manager by order. */
  readonly #accounts = new Map<string, number>();
  readonly #booked = new Map<string, number>();
  /** Rows as last seen, and which call made which order. */
  readonly #rows = new Map<string, string>();
  readonly #calls = new Map<string, string>();
  #newest = 0;

  constructor(of: { file: string; clock: Clock }) {
    this.#clock = of.clock;
    const db = new Sqlite(of.file, { readonly: true });
    this.#db = db;
    this.#ask = {
      version: db.prepare<[], number>("pragma data_version").pluck(),
      transfers: db.prepare<[number], Transfer>(
        'select rowid as id, "fromAccount", "toAccount", amount, "orderId" from ledger_transfer where rowid > ?',
      ),
      balances: db.prepare<[], { account: string; balance: number }>(
        "select account, balance from ledger_account",
      ),
      coins: db.prepare<[number], { person: string }>(`select u."user" as person from user_info u
        left join ledger_account a on a.account = 'user_coins:' || u."user"
        where u.pmoney * ? <> coalesce(a.balance, 0)`),
      pending: db.prepare<[], { person: string; pmoney: number }>(
        'select "user" as person, pmoney from order_pay_info where state = 0',
      ),
      recent: db.prepare<
        [number],
        OrderRow
      >(`select "orderId", "user", "deviceCode" || ' port ' || port as at, state,
        "payState", money, pmoney, cash, "toldCancelled" as told, "plateNo", "updateTime" from order_info
        where state in ('starting', 'charging', 'finished', 'cancelled') and "updateTime" >= ?`),
      order: db.prepare<[string], { given: number }>(
        `select pmoney * ${COIN} + cash as given from order_info where "orderId" = ?`,
      ),
      live: db.prepare<[], { at: string }>(`select "deviceCode" || ' port ' || port as at from order_info
        where state in ('starting', 'charging') group by "deviceCode", port having count(*) > 1`),
      unpaid: db.prepare<[string], { n: number }>(`select count(*) as n from order_info where "user" = ?
        and state in ('starting', 'charging', 'finished') and "payState" in ('unpaid', 'paying')`),
      slots: db.prepare<[], { orderId: string; detail: string }>(`
        select o."orderId", 'live without the slot of its port' as detail from order_info o
          left join live_order l on l."orderId" = o."orderId"
          where o.state in ('starting', 'charging') and l."orderId" is null
        union all select l."orderId", 'holds the slot of a port and has ended' from live_order l
          left join order_info o on o."orderId" = l."orderId" where o."orderId" is null or o.state = 'finished'
        union all select n."orderId", 'holds the slot of the unpaid order and is none' from unpaid_order n
          left join order_info o on o."orderId" = n."orderId"
          where o."orderId" is null or o.state = 'cancelled' or o."payState" in ('paid', 'waived')`),
    };
  }

  /** What is wrong with what was committed since the last look; undefined when nothing was. */
  look(told: ReadonlySet<string>): string[] | undefined {
    const version = this.#ask.version.get() ?? this.#version;
    if (version === this.#version) return undefined;
    this.#version = version;
    const before = this.#lastTransfer;
    const touched = this.#takeTransfers();
    // Balances change by transfers; whatever else changes one is found by the full check.
    const balances = this.#lastTransfer === before ? [] : this.#balances();
    return [...balances, ...this.#orders(touched, told), ...this.#slots()];
  }

  close(): void {
    this.#db.close();
  }

  /** Adds new transfers to the sums; the orders that they are about. */
  #takeTransfers(): Set<string> {
    const touched = new Set<string>();
    const add = (sums: Map<string, number>, key: string, amount: number): void => {
      sums.set(key, (sums.get(key) ?? 0) + amount);
    };
    for (const { id, fromAccount, toAccount, amount, orderId } of this.#ask.transfers.all(
      this.#lastTransfer,
    )) {
      this.#lastTransfer = Math.max(this.#lastTransfer, id);
      add(this.#accounts, fromAccount, -amount);
      add(this.#accounts, toAccount, amount);
      if (orderId === null) continue;
      touched.add(orderId);
      if (toAccount.startsWith("manager_payable:")) add(this.#booked, orderId, amount);
      else if (fromAccount.startsWith("manager_payable:")) add(this.#booked, orderId, -amount);
    }
    return touched;
  }

  #balances(): string[] {
    const found: string[] = [];
    const held = new Map<string, number>();
    for (const { account, balance } of this.#ask.balances.all()) {
      const sum = this.#accounts.get(account) ?? 0;
      if (balance !== sum) found.push(`balance_is_sum ${account}: ${balance}, not ${sum}`);
      if (balance < 0 && mustNotBeNegative(account)) found.push(`not_negative ${account}: ${balance} fen`);
      const [kind, person] = account.split(":");
      if (kind === "user_coins_held" && person !== undefined) held.set(person, balance);
    }
    for (const { person, pmoney } of this.#ask.pending.all()) {
      held.set(person, (held.get(person) ?? 0) - pmoney * COIN);
    }
    for (const [person, rest] of held) {
      if (rest !== 0)
        found.push(`held_is_pending ${person}: ${rest} fen more are held than open payments say`);
    }
    for (const { person } of this.#ask.coins.all(COIN)) found.push(`pmoney_is_coins ${person}`);
    return found;
  }

  #orders(touched: Set<string>, told: ReadonlySet<string>): string[] {
    const found: string[] = [];
    const users = new Set<string>();
    for (const order of this.#ask.recent.all(this.#newest - RECENT_MS)) {
      const { orderId, user, state, payState, money, pmoney, cash, plateNo } = order;
      this.#newest = Math.max(this.#newest, order.updateTime);
      if (!this.made.has(orderId)) this.made.set(orderId, this.#clock.uptime());
      const isTold = order.told === 1 || told.has(orderId);
      const row = `${state} ${payState} ${money} ${pmoney} ${cash} ${isTold}`;
      if (this.#rows.get(orderId) === row) continue;
      this.#rows.set(orderId, row);
      touched.add(orderId);
      users.add(user);
      const first = this.#calls.get(plateNo);
      if (first === undefined) this.#calls.set(plateNo, orderId);
      else if (first !== orderId) found.push(`one call made the orders ${first}, ${orderId}`);
      const given = pmoney * COIN + cash;
      if (payState === "paid" ? given !== money : given !== 0) {
        found.push(`order_is_paid ${orderId}: ${payState}, bills ${money} fen, was paid ${given} fen`);
      }
      if (isTold && (state !== "cancelled" || payState !== "unpaid" || given !== 0)) {
        found.push(`order ${orderId} was told to be cancelled and is billed`);
      }
    }
    for (const orderId of touched) {
      const given = this.#ask.order.get(orderId)?.given ?? 0;
      const booked = this.#booked.get(orderId) ?? 0;
      if (booked !== given)
        found.push(`order_in_ledger ${orderId}: ${booked} fen in the ledger, ${given} fen in the order`);
    }
    for (const user of users) {
      if ((this.#ask.unpaid.get(user)?.n ?? 0) > 1) found.push(`two unpaid orders of ${user}`);
    }
    return found;
  }

  #slots(): string[] {
    return [
      ...this.#ask.live.all().map(({ at }) => `two live orders at ${at}`),
      ...this.#ask.slots.all().map(({ orderId, detail }) => `slots ${orderId}: ${detail}`),
    ];
  }
}

interface Transfer {
  id: number;
  fromAccount: string;
  toAccount: string;
  amount: number;
  orderId: string | null;
}
