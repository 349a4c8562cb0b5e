import type { DeviceCode, OrderId, Phone } from "@bluepower/protocol/units";
import { sql } from "kysely";
import { testConfig } from "../../cloud/api/scenario.ts";
import type { Db } from "../../cloud/database/database.ts";
import { booksWrong } from "../books.ts";
import type { WorldPay } from "./worldPay.ts";
import type { WorldSite } from "./worldSite.ts";

/** Fen for a coin. */
const COIN = testConfig.coinFen;

/**
 * What must hold at any moment, whatever is broken, over the whole database. `told`: orders whose users were told that they are
 * cancelled.
 */
export async function unsafe(db: Db, told: ReadonlySet<string>): Promise<string[]> {
  const books = await booksWrong(db);
  const ports = await sql<{ at: string }>`
    select "deviceCode" || ' port ' || port as at from order_info where state in ('starting', 'charging')
    group by "deviceCode", port having count(*) > 1`.execute(db);
  const users = await sql<{ at: string }>`
    select "user" as at from order_info
    where state in ('starting', 'charging', 'finished') and "payState" in ('unpaid', 'paying')
    group by "user" having count(*) > 1`.execute(db);
  const billed = await sql<{ at: string }>`
    select "orderId" as at from order_info
    where ("toldCancelled" = 1 or "orderId" in (select value from json_each(${JSON.stringify([...told])})))
      and (state <> 'cancelled' or "payState" <> 'unpaid' or pmoney <> 0 or cash <> 0)`.execute(db);
  const calls = await sql<{ orders: string }>`
    select group_concat("orderId", ', ') as orders from order_info group by "plateNo" having count(*) > 1`.execute(
    db,
  );
  return [
    ...books,
    ...calls.rows.map(({ orders }) => `one call made the orders ${orders}`),
    ...ports.rows.map(({ at }) => `two live orders at ${at}`),
    ...users.rows.map(({ at }) => `two unpaid orders of ${at}`),
    ...billed.rows.map(({ at }) => `order ${at} was told to be cancelled and is billed`),
  ];
}

/** What has not come together yet, after all faults are mended: nothing, once enough time has passed. */
export async function unsettled(of: {
  db: Db;
  site: WorldSite;
  pay: WorldPay;
  /** How often each order's port was switched on. */
  starts: ReadonlyMap<string, number>;
  /** How many different calls were made to pay each order. */
  payCalls: ReadonlyMap<string, number>;
  /** Who paid which number at WeChat, and with how many coins everybody came. */
  paidBy: ReadonlyMap<string, Phone>;
  coins: ReadonlyMap<Phone, number>;
  managerOf: (code: DeviceCode) => Phone;
  /** Orders that people were told of, and whether they were told that it is paid. */
  told: ReadonlyMap<string, "made" | "paid">;
}): Promise<string[]> {
  const { db, site } = of;
  return [
    ...(await cloudOpen(db)),
    ...siteOpen(site),
    ...(await apart(of)),
    ...(await moneyApart(of)),
    ...(await coinsApart(db, of.coins)),
    ...(await repeated(db, of.payCalls)),
    ...(await forgotten(db, of.told)),
  ];
}

/** What the cloud has answered it has not forgotten. */
async function forgotten(db: Db, told: ReadonlyMap<string, "made" | "paid">): Promise<string[]> {
  const rows = await db.selectFrom("order_info").select(["orderId", "payState"]).execute();
  const stored = new Map(rows.map(({ orderId, payState }) => [orderId, payState]));
  return [...told].flatMap(([orderId, what]) => {
    const payState = stored.get(orderId);
    if (payState === undefined) return [`order ${orderId} was answered and is not stored`];
    return what === "made" || payState === "paid"
      ? []
      : [`order ${orderId} was answered as paid and is ${payState}`];
  });
}

/** A repeat of a call to pay opens no second payment. */
async function repeated(db: Db, calls: ReadonlyMap<string, number>): Promise<string[]> {
  const { rows } = await sql<{ orderId: string; n: number }>`
    select "orderId", count(*) as n from order_pay_info group by "orderId"`.execute(db);
  return rows
    .filter(({ orderId, n }) => n > (calls.get(orderId) ?? 0))
    .map(({ orderId, n }) => `order ${orderId} has ${n} payments of ${calls.get(orderId) ?? 0} calls`);
}

async function cloudOpen(db: Db): Promise<string[]> {
  const { rows } = await sql<{ what: string; n: number }>`
    select 'orders that have not ended' as what, count(*) as n from order_info where state in ('starting', 'charging')
    union all select 'orders that are being paid', count(*) from order_info where "payState" = 'paying'
    union all select 'ports that are taken', count(*) from live_order
    union all select 'open payments', count(*) from order_pay_info where state = 0
    union all select 'refunds that are not confirmed', count(*) from refund_info where state <> 'success'
    union all select 'commands on their way', count(*) from command where state = 'open'
    union all select 'events that were put aside', count(*) from dead_event
    union all select 'accounts with held coins', count(*) from ledger_account
      where account like 'user_coins_held:%' and balance <> 0`.execute(db);
  return rows.filter((r) => r.n > 0).map((r) => `${r.n} ${r.what}`);
}

function siteOpen(site: WorldSite): string[] {
  if (!site.running) return ["the gateway does not run"];
  const { outbox, cloud } = site.gateway.status();
  const running = site.chargers.flatMap(({ code, charger }) =>
    charger
      .view()
      .ports.filter((p) => p.state === "running")
      .map((p) => `${code} port ${p.port} runs`),
  );
  const open = site.store.orders.open().map((o) => `the gateway has order ${o.orderId} as ${o.state}`);
  return [
    ...(cloud.state === "online" ? [] : [`the gateway is ${cloud.state}`]),
    ...(outbox.waiting === 0 ? [] : [`${outbox.waiting} events wait in the outbox`]),
    ...open,
    ...running,
  ];
}

/** Where cloud, gateway and charger do not say the same of an order. */
async function apart(of: {
  db: Db;
  site: WorldSite;
  starts: ReadonlyMap<string, number>;
}): Promise<string[]> {
  const orders = await of.db.selectFrom("order_info").selectAll().orderBy("id").execute();
  const found: string[] = [];
  for (const order of orders) {
    const { orderId, state, minutes, endReason } = order;
    const stored = of.site.store.orders.get(orderId as OrderId);
    const there =
      stored === undefined
        ? "unknown"
        : stored.state === "finished"
          ? `finished ${stored.delivered} ${stored.endReason}`
          : stored.state;
    const here = state === "finished" ? `finished ${minutes} ${endReason}` : state;
    const started = (of.starts.get(orderId) ?? 0) > 0;
    const neverRan = there === "unknown" || there === "failed" || there === "cancelled";
    const agree =
      state === "finished"
        ? here === there && (started || minutes === 0)
        : state === "cancelled" && (neverRan || (there.startsWith("finished") && order.toldCancelled === 1));
    if (!agree) {
      found.push(`order ${orderId}: cloud ${here}, gateway ${there}, ${started ? "" : "never "}switched on`);
    }
  }
  return found;
}

/**
 * What WeChat keeps of each person's payments is what that person's orders were paid in cash; and with the coins given for them
 * it is what the manager of the chargers is owed.
 */
async function moneyApart(of: {
  db: Db;
  pay: WorldPay;
  paidBy: ReadonlyMap<string, Phone>;
  managerOf: (code: DeviceCode) => Phone;
}): Promise<string[]> {
  const columns = ["orderId", "user", "deviceCode", "pmoney", "cash"] as const;
  const orders = await of.db.selectFrom("order_info").select(columns).execute();
  const managers = new Map(orders.map((o) => [o.orderId, of.managerOf(o.deviceCode as DeviceCode)]));
  const [kept, owed] = [new Sums(), new Sums()];
  for (const [number, fen] of of.pay.kept()) {
    kept.add(of.paidBy.get(number) ?? "nobody", fen);
    owed.add(managers.get(number.split("-")[0] ?? "") ?? "nobody", fen);
  }
  const cash = new Sums();
  for (const order of orders) {
    cash.add(order.user, order.cash);
    owed.add(managers.get(order.orderId) ?? "nobody", order.pmoney * COIN);
  }
  const { rows } = await sql<{ manager: string; balance: number }>`
    select substr(account, 17) as manager, balance from ledger_account
    where account like 'manager_payable:%'`.execute(of.db);
  const payable = new Sums();
  for (const { manager, balance } of rows) payable.add(manager, balance);
  return [
    ...kept.unlike(
      cash,
      (who, a, b) => `WeChat keeps ${a} fen of ${who}, whose orders were paid ${b} fen in cash`,
    ),
    ...owed.unlike(payable, (who, a, b) => `${a} fen were paid at chargers of ${who}, who is owed ${b} fen`),
  ];
}

/** Everybody has the coins that they came with, but for those that their orders were paid with. */
async function coinsApart(db: Db, came: ReadonlyMap<Phone, number>): Promise<string[]> {
  const { rows } = await sql<{ user: string; has: number; gave: number }>`
    select u."user", u.pmoney as has, coalesce(sum(o.pmoney), 0) as gave
    from user_info u left join order_info o on o."user" = u."user" group by u."user"`.execute(db);
  return rows.flatMap(({ user, has, gave }) => {
    const coins = came.get(user as Phone) ?? 0;
    return has + gave === coins ? [] : [`${user} came with ${coins} coins, gave ${gave} and has ${has}`];
  });
}

/** Sums by name, of which two sides are compared. */
class Sums {
  readonly #sums = new Map<string, number>();

  add(name: string, amount: number): void {
    this.#sums.set(name, (this.#sums.get(name) ?? 0) + amount);
  }

  unlike(other: Sums, tell: (name: string, here: number, there: number) => string): string[] {
    const names = new Set([...this.#sums.keys(), ...other.#sums.keys()]);
    return [...names].flatMap((name) => {
      const [here, there] = [this.#sums.get(name) ?? 0, other.#sums.get(name) ?? 0];
      return here === there ? [] : [tell(name, here, there)];
    });
  }
}
