import Sqlite from "better-sqlite3";
import { billedUnits } from "../../cloud/orders/bill.ts";
import { partOf } from "../../cloud/orders/giveBack.ts";
import type { ChargeAt, ScriptedGateway } from "./gateway.ts";
import type { Journal, KnownOrder } from "./journal.ts";
import type { World } from "./world.ts";

const COIN = 100;

/** A payment as the sandbox lists it; amounts are fen. */
export interface Transaction {
  out_trade_no: string;
  trade_state: string;
  amount: { total: number };
  refunds: { status: string; amount: { refund: number } }[];
}

interface OrderRow {
  orderId: string;
  user: string;
  deviceCode: string;
  port: number;
  state: string;
  payState: string;
  unit: number;
  money: number;
  pmoney: number;
  cash: number;
  plateNo: string;
  toldCancelled: number;
  minutes: number | null;
}

function read<T>(world: World, work: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(world.site.databaseFile(), { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

export async function transactionsOf(world: World): Promise<Transaction[]> {
  const answer = await fetch(`${world.site.controlUrl}/transactions`, {
    signal: AbortSignal.timeout(10_000),
  });
  return ((await answer.json()) as { transactions: Transaction[] }).transactions;
}

/** What has not come together yet; nothing, some time after the last trouble. */
export function unsettled(world: World, gateways: readonly ScriptedGateway[]): string[] {
  const rows = read(world, (db) =>
    db
      .prepare<[], { what: string; n: number }>(
        `select 'orders that have not ended' as what, count(*) as n from order_info where state in ('starting', 'charging')
         union all select 'orders that are being paid', count(*) from order_info where payState = 'paying'
         union all select 'bills', count(*) from unpaid_order
         union all select 'ports that are taken', count(*) from live_order
         union all select 'refunds that are not confirmed', count(*) from refund_info where state = 'pending'
         union all select 'commands on their way', count(*) from command where state = 'open'`,
      )
      .all(),
  );
  return [
    ...rows.filter(({ n }) => n > 0).map(({ what, n }) => `${n} ${what}`),
    ...gateways.flatMap((g) => [
      ...(g.waiting > 0 ? [`${g.waiting} events wait at ${g.id}`] : []),
      ...(g.running > 0 ? [`${g.running} ports of ${g.id} supply`] : []),
    ]),
  ];
}

/** Everything that is not as it was acknowledged, or is there twice, when all has settled. */
export function wrongs(
  world: World,
  of: { gateways: readonly ScriptedGateway[]; transactions: readonly Transaction[] },
): string[] {
  const { journal } = world;
  return read(world, (db) => {
    const orders = db.prepare<[], OrderRow>("select * from order_info order by id").all();
    return [
      ...ordersWrong(orders, journal),
      ...chargesWrong(orders, of.gateways),
      ...billsWrong(orders, journal, of.gateways),
      ...coinsWrong(db, world, orders),
      ...moneyWrong(db, of.transactions),
      ...managersWrong(db, journal),
      ...refundsWrong(db, journal),
    ];
  });
}

/** Each call made one order or none, and what was told of an order is so. */
function ordersWrong(orders: readonly OrderRow[], journal: Journal): string[] {
  const found: string[] = [];
  const byPlate = new Map<string, OrderRow[]>();
  for (const order of orders) byPlate.set(order.plateNo, [...(byPlate.get(order.plateNo) ?? []), order]);
  for (const [plate, made] of byPlate) {
    const ids = made.map((o) => o.orderId).join(", ");
    const answered = journal.plates.get(plate);
    if (made.length > 1) found.push(`one call made the orders ${ids}`);
    if (answered === undefined) found.push(`order ${ids} was made by no call`);
    if (answered === null && made.some((o) => o.state !== "cancelled")) {
      found.push(`the call that made order ${ids} was refused`);
    }
  }
  const stored = new Map(orders.map((o) => [o.orderId, o]));
  for (const known of journal.orders.values()) {
    const { orderId, told, toldPaid } = known;
    const order = stored.get(orderId);
    if (order === undefined) {
      found.push(`order ${orderId} was answered and is not stored`);
      continue;
    }
    const same =
      order.user === known.user && order.deviceCode === known.deviceCode && order.port === known.port;
    if (!same) found.push(`order ${orderId} is another than was ordered`);
    const mayBe = told === "charging" ? ["finished"] : told === "made" ? ["finished", "cancelled"] : [told];
    if (!mayBe.includes(order.state)) found.push(`order ${orderId} was told ${told} and is ${order.state}`);
    if (toldPaid && order.payState !== "paid")
      found.push(`order ${orderId} was told paid and is ${order.payState}`);
  }
  return found;
}

/** Cloud and gateway say the same of each charge. */
function chargesWrong(orders: readonly OrderRow[], gateways: readonly ScriptedGateway[]): string[] {
  const charges = chargesOf(gateways);
  return orders.flatMap((o) => {
    const there = charges.get(o.orderId);
    const neverRan = there === undefined || there.state === "failed" || there.state === "cancelled";
    const agree =
      o.state === "finished"
        ? there?.state === "finished" && there.delivered === o.minutes
        : o.state === "cancelled" && (neverRan || (there.state === "finished" && o.toldCancelled === 1));
    const said = there === undefined ? "nothing" : `${there.state} ${there.delivered} ${there.endReason}`;
    return agree ? [] : [`order ${o.orderId} is ${o.state} ${o.minutes}, its gateway says ${said}`];
  });
}

const chargesOf = (gateways: readonly ScriptedGateway[]): Map<string, ChargeAt> =>
  new Map(gateways.flatMap((g) => [...g.charges]));

interface Bill {
  unit: number;
  money: number;
  coins: number;
  cash: number;
}

/** What an order that charged costs and is paid with: what was agreed, what was delivered, what went back. */
export function billOf(known: KnownOrder, charge: ChargeAt | undefined): Bill {
  const { unit, unitPrice, paid = { coins: 0, cash: 0 }, back } = known;
  const billed =
    charge?.endReason === undefined
      ? unit
      : billedUnits({ agreedUnit: unit, minutes: charge.delivered, endReason: charge.endReason });
  const given = paid.coins * COIN + paid.cash;
  const lowered = partOf(
    { pmoney: paid.coins, cash: paid.cash },
    Math.max(0, given - billed * unitPrice),
    COIN,
  );
  const coins = paid.coins - lowered.coins - back.coins;
  const cash = paid.cash - lowered.cash - back.cash;
  return { unit: billed, money: coins * COIN + cash, coins, cash };
}

function billsWrong(
  orders: readonly OrderRow[],
  journal: Journal,
  gateways: readonly ScriptedGateway[],
): string[] {
  const charges = chargesOf(gateways);
  return orders.flatMap((o) => {
    const known = journal.orders.get(o.orderId);
    const isBilled = o.state === "finished";
    const wanted =
      known !== undefined && isBilled
        ? billOf(known, charges.get(o.orderId))
        : { unit: o.unit, money: 0, coins: 0, cash: 0 };
    const is = { unit: o.unit, money: isBilled ? o.money : 0, coins: o.pmoney, cash: o.cash };
    if (isBilled && o.payState !== "paid") return [`order ${o.orderId} is ${o.payState} in the end`];
    return JSON.stringify(is) === JSON.stringify(wanted)
      ? []
      : [
          `the bill of ${o.orderId} is ${JSON.stringify(is)}, by what was acknowledged ${JSON.stringify(wanted)}`,
        ];
  });
}

/** Everybody has the coins that they bought, got, gave, spent and got back by what they were told. */
function coinsWrong(db: Sqlite.Database, world: World, orders: readonly OrderRow[]): string[] {
  const { journal, users } = world;
  const found: string[] = [];
  const has = new Map(
    db
      .prepare<[], { user: string; pmoney: number }>("select user, pmoney from user_info")
      .all()
      .map((u) => [u.user, u.pmoney]),
  );
  const bought = db
    .prepare<[], { payId: string; user: string; pmoney: number; state: number }>(
      "select payId, user, pmoney, state from pmoney_charge_pay",
    )
    .all();
  const stored = new Map(bought.map((b) => [b.payId, b]));
  for (const { payId, paid, toldPaid, coins } of journal.purchases.values()) {
    const row = stored.get(payId);
    if (row?.pmoney !== coins) found.push(`purchase ${payId} of ${coins} coins is stored as ${row?.pmoney}`);
    if ((paid || toldPaid) !== (row?.state === 1))
      found.push(`purchase ${payId} is ${paid ? "" : "not "}paid and has state ${row?.state}`);
  }
  for (const { payId, state } of bought) {
    if (state === 1 && !journal.purchases.has(payId))
      found.push(`purchase ${payId} is paid, and no call has made it`);
  }
  const gifts = db
    .prepare<[], string>("select fromUser || ' ' || toUser || ' ' || pmoney from pmoney_gift_info")
    .pluck()
    .all();
  found.push(
    ...differ("gifts", tally(gifts), tally(journal.gifts.map((g) => `${g.from} ${g.to} ${g.coins}`))),
  );
  for (const user of users) {
    const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
    const purchases = [...journal.purchases.values()].filter((p) => p.user === user && p.paid);
    const coins =
      sum(purchases.map((p) => p.coins - p.back)) +
      sum(journal.gifts.map((g) => (g.to === user ? g.coins : g.from === user ? -g.coins : 0))) -
      sum(orders.filter((o) => o.user === user).map((o) => o.pmoney));
    if (has.get(user) !== coins)
      found.push(`${user} has ${has.get(user)} coins, by what was acknowledged ${coins}`);
  }
  return found;
}

/** WeChat keeps of each payment what the cloud has booked of it. */
function moneyWrong(db: Sqlite.Database, transactions: readonly Transaction[]): string[] {
  const booked = new Map(
    db
      .prepare<[], { outTradeNo: string; fen: number }>(
        `select w.outTradeNo, w.cash - coalesce((select sum(r.cash) from refund_info r
           where r.outTradeNo = w.outTradeNo and r.state = 'success'), 0) as fen
         from wx_payment w where w.wxPayid is not null`,
      )
      .all()
      .map((w) => [w.outTradeNo, w.fen]),
  );
  const found: string[] = [];
  let total = 0;
  for (const t of transactions) {
    const took = ["SUCCESS", "REFUND"].includes(t.trade_state) ? t.amount.total : 0;
    const gave = t.refunds.filter((r) => r.status === "SUCCESS").reduce((sum, r) => sum + r.amount.refund, 0);
    total += took - gave;
    const known = booked.get(t.out_trade_no) ?? 0;
    if (took - gave !== known)
      found.push(`WeChat keeps ${took - gave} fen of ${t.out_trade_no}, booked are ${known}`);
    booked.delete(t.out_trade_no);
  }
  for (const [outTradeNo, fen] of booked)
    found.push(`${fen} fen of ${outTradeNo} are booked, WeChat does not know it`);
  const clearing = db.prepare<[], number>(
    "select -balance from ledger_account where account = 'wechat_clearing'",
  );
  const inLedger = clearing.pluck().get() ?? 0;
  if (inLedger !== total) found.push(`WeChat keeps ${total} fen, in the ledger are ${inLedger}`);
  return found;
}

/** Chargers, black lists and cash-outs are as managers and operator were told. */
function managersWrong(db: Sqlite.Database, journal: Journal): string[] {
  const devices = db
    .prepare<[], { deviceCode: string; manager: string | null; unitPrice: number; deviceName: string }>(
      "select deviceCode, manager, unitPrice, deviceName from device_info",
    )
    .all();
  const black = db.prepare<[], string>("select manager || ' ' || user from black_user_info").pluck().all();
  const cashOuts = db
    .prepare<[], { cashOutId: string; manager: string; step: string }>(
      "select cashOutId, manager, step from cashout_info",
    )
    .all();
  return [
    ...devices.flatMap((d) => {
      const { owner, price, name } = journal.devices.get(d.deviceCode) ?? {};
      return differ(d.deviceCode, [d.manager, d.unitPrice, d.deviceName], [owner, price, name]);
    }),
    ...differ(
      "black lists",
      tally(black),
      tally([...journal.black].filter(([, on]) => on).map(([key]) => key)),
    ),
    ...differ(
      "cash-outs",
      tally(cashOuts.map((c) => c.manager)),
      Object.fromEntries([...journal.cashOuts].toSorted(([a], [b]) => a.localeCompare(b))),
    ),
    ...cashOuts.flatMap(({ cashOutId, step }) =>
      differ(`cash-out ${cashOutId}`, step, journal.processed.get(cashOutId)?.step ?? "requested"),
    ),
  ];
}

/** The operator's refunds are those that were told. */
function refundsWrong(db: Sqlite.Database, journal: Journal): string[] {
  const made = db.prepare<[], string>("select refundNo from refund_info where note <> ''").pluck().all();
  return differ("refunds of the operator", made.toSorted(), [...journal.refunds].toSorted());
}

/** How often each is there, by name. */
function tally(of: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const key of of.toSorted()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function differ(what: string, is: unknown, wanted: unknown): string[] {
  if (JSON.stringify(is) === JSON.stringify(wanted)) return [];
  if (typeof is === "object" && is !== null && !Array.isArray(is)) {
    const [a, b] = [is as Record<string, unknown>, wanted as Record<string, unknown>];
    return [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .filter((key) => a[key] !== b[key])
      .map((key) => `${what}: ${key} is there ${a[key] ?? 0} times, by what was acknowledged ${b[key] ?? 0}`);
  }
  return [`${what} is ${JSON.stringify(is)}, by what was acknowledged ${JSON.stringify(wanted)}`];
}
