import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { MAX_CHARGE_MINUTES } from "@bluepower/protocol/units";
import { touchDesired } from "../gateways/desired.ts";
import { operatorOrders, orderHistory } from "../orders/operatorList.ts";
import type { StoredOrder } from "../orders/orderRow.ts";
import { closeOrder, liveOrders } from "../orders/overdue.ts";
import { waiveOrder } from "../orders/waive.ts";
import { maySee } from "./actor.ts";
import { command, optional, required, toggle } from "./command.ts";
import { masked, table, yuan } from "./output.ts";
import { fromDate, shownTime, span, toDate } from "./span.ts";
import { deviceCodeValue, oneOfValue, orderIdValue, phoneValue, textValue, wholeValue } from "./values.ts";

/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;
const ORDER = { name: "ORDER", parse: orderIdValue };
const unknown = (orderId: string) => ({ problem: `there is no order "${orderId}"` });

const phones = toggle("show whole phone numbers; their middle is left out otherwise");

const orderList = command({
  name: "order list",
  role: "viewer",
  summary:
    "List the orders that hold a port, the one that was due first in front; with a filter any orders, the newest first.",
  argument: null,
  flags: {
    overdue: toggle("of those that hold a port the ones that should have ended by now"),
    user: optional("PHONE", phoneValue, "filter: those of one user"),
    manager: optional("PHONE", phoneValue, "filter: those of one manager"),
    device: optional("CODE", deviceCodeValue, "filter: those at one charger"),
    state: optional("STATE", oneOfValue("starting", "charging", "finished", "cancelled"), "filter"),
    pay: optional("STATE", oneOfValue("unpaid", "paying", "paid", "waived"), "filter: by its payment"),
    from: fromDate,
    to: toDate,
    phones,
  },
  examples: [
    "order list",
    "order list --overdue --json",
    "order list --user 13800000001 --pay unpaid",
    "order list --manager 13900000001 --from 2026-11-01 --to 2026-11-30",
  ],
  async run({ flags: { overdue, phones, ...filter } }, { db, clock, zone, actor }) {
    const hidden = maySee(actor, "phones", phones === true);
    if (hidden !== undefined) return hidden;
    const phone = (p: string) => (phones === true ? p : masked(p));
    if (Object.values(filter).some((value) => value !== undefined)) {
      if (overdue === true) return { problem: "--overdue goes with no filter" };
      const of = span(filter, zone);
      if ("problem" in of) return of;
      const { user, manager, device: deviceCode, state, pay: payState } = filter;
      const orders = await operatorOrders(
        db,
        { user, manager, deviceCode, state, payState, ...of },
        LIST_MAX,
      );
      return orderTable(orders, { phone, zone });
    }
    const before = overdue === true ? { before: clock.now() } : {};
    const live = await liveOrders(db, { ...before, limit: LIST_MAX });
    const list = live.map((o) => ({ ...o, user: phone(o.user), due: shownTime(o.due, zone) ?? "" }));
    const rows = list.map((o) => [
      o.orderId,
      o.user,
      o.deviceCode,
      o.port,
      o.state,
      o.gatewayId ?? "-",
      o.due,
    ]);
    const head = ["ORDER", "USER", "CHARGER", "PORT", "STATE", "GATEWAY", "DUE"];
    return { text: table(head, rows, "no order holds a port"), json: list };
  },
});

interface Shown {
  phone(p: string): string;
  zone: string;
}

function orderTable(orders: readonly StoredOrder[], { phone, zone }: Shown) {
  const list = orders.map((o) => ({
    orderId: o.orderId,
    orderTime: shownTime(o.orderTime, zone),
    user: phone(o.user),
    manager: phone(o.manager),
    deviceCode: o.deviceCode,
    port: o.port,
    state: o.state,
    payState: o.payState,
    unit: o.unit,
    money: Number(yuan(o.money)),
  }));
  const rows = list.map((o) => [
    ...[o.orderId, o.orderTime ?? "", o.user, o.deviceCode, o.port],
    ...[o.state, o.payState, o.money.toFixed(2)],
  ]);
  const head = ["ORDER", "TIME", "USER", "CHARGER", "PORT", "STATE", "PAYMENT", "MONEY"];
  const more = orders.length === LIST_MAX ? `\nthe newest ${LIST_MAX} alone` : "";
  return { text: table(head, rows, "no such order") + more, json: list };
}

const orderShow = command({
  name: "order show",
  role: "viewer",
  summary: "Show an order with its payments and refunds.",
  argument: ORDER,
  flags: { phones },
  examples: ["order show 90001800000000", "order show 90001800000000 --json"],
  async run({ argument: orderId, flags: { phones } }, { db, zone, actor }) {
    const hidden = maySee(actor, "phones", phones === true);
    if (hidden !== undefined) return hidden;
    const found = await orderHistory(db, orderId);
    if (found === undefined) return unknown(orderId);
    const { order: o, payments, refunds } = found;
    const phone = (p: string) => (phones === true ? p : masked(p));
    const time = (at: number | null) => shownTime(at, zone);
    const amount = (fen: number) => Number(yuan(fen));
    const order = {
      ...{ orderId, user: phone(o.user), manager: phone(o.manager) },
      ...{ deviceCode: o.deviceCode, deviceName: o.deviceName, port: o.port, gateway: o.gatewayId },
      ...{ source: o.source, state: o.state, payState: o.payState, cashOutFlag: o.cashOutFlag },
      ...{ cashOutId: o.cashOutId, unitPrice: amount(o.unitPrice), unit: o.unit, money: amount(o.money) },
      ...{ agreedUnit: o.agreedUnit, agreedMoney: amount(o.agreedMoney), pmoney: o.pmoney },
      ...{ cash: amount(o.cash), orderTime: time(o.orderTime), startTime: time(o.startTime) },
      ...{ endTime: time(o.endTime), payTime: time(o.payTime), minutes: o.minutes },
      ...{ endReason: o.endReason, evidence: o.evidence, cancelReason: o.cancelReason, plateNo: o.plateNo },
    };
    const json = {
      ...order,
      payments: payments.map((p) => ({
        ...{ outTradeNo: p.outTradeNo, channel: p.channel, state: PAID_STATES[p.state] ?? p.state },
        ...{ pmoney: p.pmoney, cash: amount(p.cash), insertTime: time(p.insertTime) },
        ...{ payTime: time(p.payTime), failReason: p.failReason },
      })),
      refunds: refunds.map((r) => ({
        ...r,
        cash: amount(r.cash),
        coins: amount(r.coins),
        insertTime: time(r.insertTime),
      })),
    };
    const lines = Object.entries(order)
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => `${name.padEnd(12)}  ${value}`);
    for (const p of json.payments) {
      const end = p.failReason === null ? "" : ` (${p.failReason})`;
      lines.push(
        `payment ${p.outTradeNo}: ${p.pmoney} coins and ${p.cash.toFixed(2)} yuan by ${p.channel}, ${p.state}${end}, ${p.insertTime}`,
      );
    }
    for (const r of json.refunds) {
      const what = `${r.cash.toFixed(2)} yuan in cash and ${r.coins.toFixed(2)} yuan in coins`;
      lines.push(`refund ${r.refundNo}: ${what}, ${r.state}, ${r.reason}, ${r.insertTime}`);
    }
    return { text: lines.join("\n"), json };
  },
});

const PAID_STATES = ["pending", "success", "failed"];

const orderWaive = command({
  name: "order waive",
  role: "cashier",
  summary: "Let an unpaid bill go: nobody pays it, and its user may order again. A charge that runs goes on.",
  argument: ORDER,
  flags: { reason: required("TEXT", textValue(200), "why, for the audit log") },
  examples: ["order waive 90001800000000 --reason charger-was-broken"],
  async run({ argument: orderId, flags: { reason } }, { change }) {
    const waived = await change((tx, by) => waiveOrder(tx, { orderId, reason }, by));
    switch (waived.kind) {
      case "unknown":
        return unknown(orderId);
      case "not_billed":
        return { problem: `order "${orderId}" has no bill: it has not begun, or was cancelled` };
      case "paying":
        return { problem: `order "${orderId}" is being paid; wait until the payment has ended` };
      case "paid":
        return { problem: `order "${orderId}" is paid` };
      case "already":
        return { problem: `order "${orderId}" is waived already` };
      case "waived": {
        const money = Number(yuan(waived.money));
        return {
          text: `the bill of order ${orderId}, ${yuan(waived.money)} yuan, is waived`,
          json: { orderId, money },
        };
      }
    }
  },
});

const orderClose = command({
  name: "order close",
  summary: "End an order of which its gateway will say nothing more; its port is free then.",
  argument: ORDER,
  flags: {
    minutes: required(
      "N",
      wholeValue(0, MAX_CHARGE_MINUTES),
      "the minutes that are billed, in units begun; 0 when nothing proves any. What was paid beyond goes back",
    ),
  },
  examples: ["order close 90001800000000 --minutes 0"],
  async run({ argument: orderId, flags: { minutes } }, { change, clock, zone }) {
    const closed = await change((tx, by) =>
      closeOrder(tx, { orderId, minutes, touchDesired }, { ...by, at: clock.now() }),
    );
    switch (closed.kind) {
      case "unknown":
        return unknown(orderId);
      case "not_live":
        return { problem: `order "${orderId}" holds no port: it has ended` };
      case "not_due":
        return {
          problem: `order "${orderId}" may run until ${wireTime(wallTime(closed.due, zone))}; it is closed after that only`,
        };
      case "closed": {
        const { billed } = closed;
        return {
          text: `order ${orderId} is closed, ${yuan(billed)} yuan are billed`,
          json: { orderId, billed: Number(yuan(billed)) },
        };
      }
    }
  },
});

export const orderCommands = [orderList, orderShow, orderClose, orderWaive];
