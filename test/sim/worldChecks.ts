import type { OrderId } from "@bluepower/protocol/units";
import { sql } from "kysely";
import type { Db } from "../../cloud/database/database.ts";
import { booksWrong } from "../books.ts";
import type { WorldPay } from "./worldPay.ts";
import type { WorldSite } from "./worldSite.ts";

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
  /** Orders that people were told of, and whether they were told that it is paid. */
  told: ReadonlyMap<string, "made" | "paid">;
}): Promise<string[]> {
  const { db, site, pay } = of;
  return [
    ...(await cloudOpen(db)),
    ...siteOpen(site),
    ...(await apart(of)),
    ...(await moneyApart(db, pay)),
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

/** What WeChat keeps of payments is what orders were paid in cash. */
async function moneyApart(db: Db, pay: WorldPay): Promise<string[]> {
  const { rows } = await sql<{ cash: number | null }>`select sum(cash) as cash from order_info`.execute(db);
  const booked = rows[0]?.cash ?? 0;
  const kept = [...pay.kept().values()].reduce((sum, fen) => sum + fen, 0);
  return booked === kept ? [] : [`WeChat keeps ${kept} fen, orders were paid ${booked} fen in cash`];
}
