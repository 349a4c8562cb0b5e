import { join } from "node:path";
import { instant } from "@bluepower/protocol/clock";
import Sqlite from "better-sqlite3";
import type { Db } from "../../cloud/database/database.ts";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import { coinValue } from "../../cloud/ledger/coins.ts";
import { post } from "../../cloud/ledger/ledger.ts";
import { booksWrong } from "../books.ts";
import type { Site } from "../e2e/site.ts";
import { COINS, type Expected, type Run } from "./scenarios.ts";

/** Nobody else's connection stands in the way of a program that is killed: it is open only while this works. */
async function withDatabase<T>(site: Site, work: (db: Db) => Promise<T>): Promise<T> {
  const { db, close } = await openDatabase({ url: `sqlite:${site.databaseFile()}` });
  try {
    return await work(db);
  } finally {
    await close();
  }
}

/** Coins that a person has from before, through the ledger. */
export async function giveCoins(site: Site, user: string): Promise<void> {
  await withDatabase(site, (db) =>
    transaction(db, async (tx) => {
      await post(tx, {
        id: `opening/${user}`,
        from: "opening",
        to: `user_coins:${user}`,
        amount: COINS * (await coinValue(tx)),
        reason: "OPENING",
        at: instant(Date.now()),
      });
    }),
  );
}

/**
 * What is not as it has to be once everything has come together: the order on all three sides, the port, the ledger, the bill,
 * what WeChat keeps. Empty is good.
 */
export async function wrongs(run: Run, expected: Expected, switchedOn: number): Promise<string[]> {
  const { site } = run;
  const found = [
    ...(await withDatabase(site, (db) => cloudWrongs(db, run, expected))),
    ...(await siteWrongs(run)),
    ...(await moneyWrongs(site, expected)),
  ];
  const most = expected.state === "finished" ? [1] : [0, 1];
  if (!most.includes(switchedOn)) found.push(`the charger was switched on ${switchedOn} times`);
  return found;
}

const differ = (what: string, is: unknown, wanted: unknown): string[] =>
  JSON.stringify(is) === JSON.stringify(wanted)
    ? []
    : [`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`];

async function cloudWrongs(db: Db, { site, phone }: Run, expected: Expected): Promise<string[]> {
  const { orderId, state, bill, coins, cash, refunded = false } = expected;
  const orders = await db.selectFrom("order_info").selectAll().where("user", "=", phone.user).execute();
  const order = orders[0];
  if (orders.length !== 1 || order?.orderId !== orderId) {
    return [`orders of ${phone.user} are ${orders.map((o) => o.orderId).join()}, not ${orderId}`];
  }
  const isBilled = state === "finished";
  const found = [
    ...differ("the order", order.state, state),
    ...(isBilled
      ? [
          ...differ(
            "the bill",
            [order.money, order.pmoney, order.cash],
            refunded ? [0, 0, 0] : [bill, coins, cash],
          ),
          ...differ("the payment", order.payState, "paid"),
          ...(expected.endReasons.includes(order.endReason ?? "") ? [] : [`the end is ${order.endReason}`]),
        ]
      : differ("what is paid", [order.payState, order.pmoney, order.cash], ["unpaid", 0, 0])),
  ];
  const told = gatewayOrder(site, orderId);
  // Who was told that it is cancelled owes nothing, also when it had begun and was stopped.
  const mayHaveRun = order.toldCancelled === 1 && told?.state === "finished";
  const there =
    told?.state === "finished"
      ? [told.state, told.delivered, told.endReason]
      : [told?.state === undefined || told.state === "failed" ? "cancelled" : told.state];
  const here = isBilled ? ["finished", order.minutes, order.endReason] : mayHaveRun ? there : ["cancelled"];
  found.push(
    ...differ("the gateway's order", there, here),
    ...differ("what the gateway told twice", toldTwice(site, orderId), []),
  );

  const count = async (what: string, of: Promise<unknown[]>): Promise<string[]> => {
    const rows = await of;
    return rows.length === 0 ? [] : [`${rows.length} ${what}: ${JSON.stringify(rows).slice(0, 300)}`];
  };
  found.push(
    ...(await booksWrong(db)),
    ...(await count("ports are taken", db.selectFrom("live_order").selectAll().execute())),
    ...(await count("people owe something", db.selectFrom("unpaid_order").selectAll().execute())),
    ...(await count("events were put aside", db.selectFrom("dead_event").selectAll().execute())),
    ...(await count(
      "payments are open",
      db.selectFrom("order_pay_info").selectAll().where("state", "=", 0).execute(),
    )),
    ...(await count(
      "deliveries are not told",
      db.selectFrom("wx_payment").select("outTradeNo").where("shipTime", "is not", null).execute(),
    )),
    ...(await count(
      "commands are on their way",
      db.selectFrom("command").select(["body", "deadline"]).where("state", "=", "open").execute(),
    )),
    ...(await count(
      "accounts hold coins",
      db
        .selectFrom("ledger_account")
        .selectAll()
        .where("account", "like", "user_coins_held:%")
        .where("balance", "<>", 0)
        .execute(),
    )),
  );
  const payments = await db
    .selectFrom("order_pay_info")
    .select(["pmoney", "cash"])
    .where("orderId", "=", orderId)
    .where("state", "=", 1)
    .execute();
  found.push(...differ("payments", payments, bill > 0 ? [{ pmoney: coins, cash }] : []));
  const refunds = await db
    .selectFrom("refund_info")
    .select(["state", "cash", "coins"])
    .where("user", "=", phone.user)
    .execute();
  const coinsFen = coins * (await coinValue(db));
  found.push(...differ("refunds", refunds, refunded ? [{ state: "success", cash, coins: coinsFen }] : []));
  const person = await db
    .selectFrom("user_info")
    .select("pmoney")
    .where("user", "=", phone.user)
    .executeTakeFirst();
  found.push(...differ("the purse", person?.pmoney, refunded ? COINS : COINS - coins));

  const cursor = await db
    .selectFrom("gateway_cursor")
    .innerJoin("gateway", "gateway.id", "gateway_cursor.gatewayId")
    .select(["lastSeq", "desiredVersion"])
    .executeTakeFirstOrThrow();
  const kept = gatewayMarks(site);
  found.push(
    ...differ("events that were applied", cursor.lastSeq, kept.last),
    ...differ("events that the gateway believes applied", kept.acknowledged, kept.last),
    ...differ("the desired state", kept.desired, cursor.desiredVersion),
    ...differ("what the gateway has open", kept.open, []),
  );
  return found;
}

interface GatewayOrder {
  state: string;
  delivered: number | null;
  endReason: string | null;
}

function withStore<T>(site: Site, work: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(join(site.dir, "gateway/gateway.db"), { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const gatewayOrder = (site: Site, orderId: string): GatewayOrder | undefined =>
  withStore(site, (db) =>
    db
      .prepare<[string], GatewayOrder>(
        "select state, delivered, endReason from chargeOrder where orderId = ?",
      )
      .get(orderId),
  );

const toldTwice = (site: Site, orderId: string): string[] =>
  withStore(site, (db) =>
    db
      .prepare<[string], string>(
        `select kind from journal where json_extract(body, '$.orderId') = ? group by kind having count(*) > 1`,
      )
      .pluck()
      .all(orderId),
  );

const gatewayMarks = (site: Site) =>
  withStore(site, (db) => {
    const one = (sql: string): number => Number(db.prepare<[], number>(sql).pluck().get() ?? 0);
    return {
      last: one("select max(seq) from journal"),
      acknowledged: one("select value from meta where key = 'acknowledged'"),
      desired: one("select version from desired"),
      open: db
        .prepare<[], string>(
          `select orderId from chargeOrder where state in ('starting', 'charging') or settled = 0
           union all select orderId from livePort union all select id from command where outcome is null`,
        )
        .pluck()
        .all(),
    };
  });

/** The port is free, everybody is connected, and the next run can begin. */
async function siteWrongs({ site, port }: Run): Promise<string[]> {
  const found: string[] = [];
  const answer = await fetch(`${site.gatewayUrl}/status`, { signal: AbortSignal.timeout(2000) });
  const { chargers, cloud, outbox } = (await answer.json()) as {
    chargers: { charger: string; linked: boolean }[];
    cloud: { state: string };
    outbox: { waiting: number };
  };
  for (const { charger, linked } of chargers) {
    if (!linked) found.push(`the gateway has no link to ${charger}`);
    const running = (await site.charger(charger)).ports.filter((p) => p.state !== "free");
    if (running.length > 0) found.push(`${charger}: ${JSON.stringify(running)} (port ${port} was used)`);
  }
  if (cloud.state !== "online") found.push(`the gateway is ${cloud.state}`);
  if (outbox.waiting > 0) found.push(`${outbox.waiting} events wait`);
  return found;
}

/** WeChat keeps for the order what it was paid in cash, by one payment; what went back, went back once. */
async function moneyWrongs(site: Site, { orderId, cash, refunded = false }: Expected): Promise<string[]> {
  const answer = await fetch(`${site.controlUrl}/transactions`, { signal: AbortSignal.timeout(2000) });
  const { transactions } = (await answer.json()) as {
    transactions: {
      out_trade_no: string;
      trade_state: string;
      amount: { total: number };
      refunds: unknown[];
    }[];
  };
  const paid = transactions
    .filter(
      (t) => t.out_trade_no.startsWith(orderId) && t.trade_state !== "NOTPAY" && t.trade_state !== "CLOSED",
    )
    .map((t) => [t.trade_state, t.amount.total, t.refunds.length]);
  const kept = refunded ? ["REFUND", cash, 1] : ["SUCCESS", cash, 0];
  return differ("what WeChat keeps", paid, cash === 0 ? [] : [kept]);
}
