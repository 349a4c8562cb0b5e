import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import { MAX_CHARGE_MINUTES } from "@bluepower/protocol/units";
import { touchDesired } from "../gateways/desired.ts";
import { closeOrder, liveOrders } from "../orders/overdue.ts";
import { command, required, toggle } from "./command.ts";
import { masked, table, yuan } from "./output.ts";
import { orderIdValue, wholeValue } from "./values.ts";

/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

const orderList = command({
  name: "order list",
  role: "viewer",
  summary: "List the orders that hold a port, the one that was due first in front.",
  argument: null,
  flags: { overdue: toggle("those alone that should have ended by now") },
  examples: ["order list", "order list --overdue --json"],
  async run({ flags }, { db, clock, zone }) {
    const before = flags.overdue === true ? { before: clock.now() } : {};
    const live = await liveOrders(db, { ...before, limit: LIST_MAX });
    const list = live.map((o) => ({ ...o, user: masked(o.user), due: wireTime(wallTime(o.due, zone)) }));
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

const orderClose = command({
  name: "order close",
  summary: "End an order of which its gateway will say nothing more; its port is free then.",
  argument: { name: "ORDER", parse: orderIdValue },
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
        return { problem: `there is no order "${orderId}"` };
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

export const orderCommands = [orderList, orderClose];
