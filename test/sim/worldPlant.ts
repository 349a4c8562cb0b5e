import { encodeRequest } from "@bluepower/protocol/charger/frames";
import { frameBytes } from "@bluepower/protocol/charger/reader";
import { signRequest } from "@bluepower/protocol/charger/signature";
import { type Clock, millis } from "@bluepower/protocol/clock";
import { derivedJamCode, portNo } from "@bluepower/protocol/units";
import Sqlite from "better-sqlite3";
import { sql } from "kysely";
import type { Db } from "../../cloud/database/database.ts";
import type { WorldCloud } from "./worldCloud.ts";
import type { WorldPay } from "./worldPay.ts";
import type { WorldPipe } from "./worldPipe.ts";
import type { WorldSite } from "./worldSite.ts";

/** A bug that the world itself plays, to show that its checks see one. */
export type Plant =
  | "told cancelled is billed"
  | "coins from nothing"
  | "port without an order"
  | "minutes made up"
  | "cursor committed before its events"
  | "repeat makes a second order"
  | "payment credited twice"
  | "start carried out late"
  | "bill wrong for a moment"
  | "payments exchanged"
  | "running order forgotten";

interface Parts {
  clock: Clock;
  pay: WorldPay;
  cloud: WorldCloud;
  site: WorldSite;
  pipe: WorldPipe;
  /** Orders whose users were told that they are cancelled. */
  told: ReadonlySet<string>;
  /** The calls that made orders, by order. */
  orderCalls: ReadonlyMap<string, string>;
  crashed: (program: "cloud", when: string) => void;
}

/** Plays a bug as soon as there is something to play it on; false: again after the next step. */
export async function play(plant: Plant, of: Parts): Promise<boolean> {
  const { site } = of;
  const { db } = of.cloud;
  const changed = async (query: ReturnType<typeof sql>): Promise<boolean> =>
    ((await query.execute(db)).numAffectedRows ?? 0n) > 0n;
  switch (plant) {
    case "told cancelled is billed": {
      const orderId = [...of.told].at(-1);
      return await changed(sql`update order_info set state = 'finished' where "orderId" = ${orderId ?? ""}`);
    }
    case "coins from nothing":
      return await changed(sql`update user_info set pmoney = pmoney + 1 where id = 1`);
    case "port without an order":
      return switchOn(site);
    case "minutes made up":
      return await changed(sql`update order_info set minutes = minutes + 1
        where id = (select min(id) from order_info where state = 'finished')`);
    case "cursor committed before its events":
      return loseEnd(of);
    case "repeat makes a second order":
      return await repeatForgotten(of);
    case "payment credited twice":
      return await creditAgain(db);
    case "bill wrong for a moment":
      return await wrongForAMoment(of);
    case "payments exchanged":
      return await exchangePayments(of);
    case "running order forgotten":
      return forgetRunning(site);
    case "start carried out late":
      return startLate(of);
  }
}

/**
 * The cloud dies over the end of a charge, and its cursor says that the event was applied; that befalls several. Of an end that
 * its user asked for the answer tells too.
 */
function loseEnd({ cloud, pipe, crashed }: Parts): boolean {
  pipe.up = (topic, payload) => {
    const end = /"kind":"order.finished"[^}]*"endReason":"time"/.test(payload);
    const last = /.*"seq":([0-9]+)/.exec(payload)?.[1];
    if (!topic.endsWith("/ev") || !end || last === undefined || !cloud.running) return true;
    cloud.kill(true);
    crashed("cloud", "planted");
    void sql`update gateway_cursor set "lastSeq" = max("lastSeq", ${Number(last)})`.execute(cloud.db);
    return false;
  };
  return true;
}

/** The cloud has forgotten that it has answered a call which comes again. */
async function repeatForgotten({ cloud, orderCalls }: Parts): Promise<boolean> {
  const calls = [...orderCalls].slice(-20);
  for (const [orderId] of calls) {
    const answer = `%"${orderId}"%`;
    await sql`delete from answered_call where method = 'newPowerOrder' and answer like ${answer}`.execute(
      cloud.db,
    );
  }
  // Nobody waits: time goes on only after this step.
  for (const [, body] of calls) void cloud.send("newPowerOrder", body);
  return false;
}

/** A bill that was paid is another one for a thousandth of a second. */
async function wrongForAMoment({ cloud, clock }: Parts): Promise<boolean> {
  const { rows } = await sql<{ orderId: string }>`select "orderId" from order_info
    where "payState" = 'paid' order by "updateTime" desc limit 1`.execute(cloud.db);
  const [paid] = rows;
  if (paid === undefined) return false;
  const change = async (by: number): Promise<void> => {
    await sql`update order_info set money = money + ${by} where "orderId" = ${paid.orderId}`.execute(
      cloud.db,
    );
  };
  await change(1);
  clock.after(millis(1), "the bill is right again", () => change(-1));
  return true;
}

/** Two people who paid at chargers of two managers have each paid what the other's bill said; the sum is the same. */
async function exchangePayments({ cloud, pay }: Parts): Promise<boolean> {
  const { rows } = await sql<{ one: string; other: string }>`
    select a."outTradeNo" as one, b."outTradeNo" as other from order_pay_info a
      join order_pay_info b on b.state = 1 and b.cash <> a.cash
      join order_info x on x."orderId" = a."orderId"
      join order_info y on y."orderId" = b."orderId" and y."user" <> x."user" and y.manager <> x.manager
    where a.state = 1 and x."payState" = 'paid' and y."payState" = 'paid' and a.cash > 0 and b.cash > 0
      and not exists (select 1 from refund_info r where r."outTradeNo" in (a."outTradeNo", b."outTradeNo"))
    limit 1`.execute(cloud.db);
  const [found] = rows;
  if (found !== undefined) pay.exchange(found.one, found.other);
  return found !== undefined;
}

async function creditAgain(db: Db): Promise<boolean> {
  const { rows } = await sql<{ id: string; from: string; to: string; amount: number }>`
    select id, "fromAccount" as "from", "toAccount" as "to", amount from ledger_transfer
    where id like 'pay/%/cash' order by rowid desc limit 1`.execute(db);
  const [paid] = rows;
  if (paid === undefined) return false;
  await sql`insert into ledger_transfer (id, "fromAccount", "toAccount", amount, reason, "orderId", "insertTime")
    select id || '-again', "fromAccount", "toAccount", amount, reason, "orderId", "insertTime"
    from ledger_transfer where id = ${paid.id}`.execute(db);
  await sql`update ledger_account set balance = balance - ${paid.amount} where account = ${paid.from}`.execute(
    db,
  );
  await sql`update ledger_account set balance = balance + ${paid.amount} where account = ${paid.to}`.execute(
    db,
  );
  return true;
}

/** Starts come a minute and a half late, and their deadlines move along. */
function startLate({ pipe }: Parts): boolean {
  pipe.down = (topic, payload) => {
    const late = /"kind":"start"/.test(payload) && topic.endsWith("/cmd");
    if (!late) return { payload, laterMs: 0 };
    return {
      payload: payload.replace(/"deadline":([0-9]+)/, (_, at) => `"deadline":${Number(at) + 600_000}`),
      laterMs: 90_000,
    };
  };
  return true;
}

/** The gateway's store has lost an order while its port runs. */
function forgetRunning(site: WorldSite): boolean {
  if (!site.running) return false;
  const store = new Sqlite(site.file);
  // What refers to the order would keep it.
  store.pragma("foreign_keys = off");
  const { changes } = store.prepare("delete from chargeOrder where state = 'charging'").run();
  store.close();
  return changes > 0;
}

/** Somebody who knows the document switches a free port on. */
function switchOn(site: WorldSite): boolean {
  for (const { code, chip, charger } of site.chargers) {
    const { clock, connected, ports } = charger.view();
    const free = ports.find(
      (p) => p.state === "free" && site.store.orders.holder(code, portNo(p.port)) === undefined,
    );
    if (clock === "unset" || free === undefined) continue;
    if (!connected) charger.connected();
    const set = { name: "POWERON" as const, parameters: [String(free.port), "30"], timestamp: clock };
    charger.receive(frameBytes(encodeRequest(signRequest(set, derivedJamCode(chip)))));
    if (!connected) charger.disconnected();
    return true;
  }
  return false;
}
