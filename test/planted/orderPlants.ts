import type { Plant } from "./plant.ts";

/** The cloud's orders, and what goes between it and the gateways. */
export const orderPlants: readonly Plant[] = [
  {
    name: "a port that is damaged is sold",
    file: "cloud/orders/place.ts",
    find: `((await portDamaged(tx, { device, port: order.port, at })) ? "PORT_DAMAGED" : undefined);`,
    plant: "undefined;",
    caught: { file: "cloud/orders/place.test.ts", test: "the port is damaged" },
  },
  {
    name: "price of today not checked",
    file: "cloud/orders/place.ts",
    find: `  if (order.unitPrice !== price) return "PRICE_CHANGED";\n`,
    plant: "",
    caught: { file: "cloud/orders/place.test.ts", test: "the price is another one today" },
  },
  {
    name: "who owes may order again",
    file: "cloud/orders/place.ts",
    find: `return (await unpaidBills(tx, user)).length > 0 ? "ORDER_UNPAID" : undefined;`,
    plant: "return undefined;",
    caught: {
      file: "cloud/orders/place.test.ts",
      test: "not while a bill waits, also one that has no slot; again when it is paid",
    },
  },
  {
    name: "two unpaid orders of one user at once",
    file: "cloud/orders/place.ts",
    find: "if (order.money > 0 && !(await takeUnpaid(tx, { user: order.user, orderId: id }))) {",
    plant:
      "if (order.money > 0 && !(await takeUnpaid(tx, { user: order.user, orderId: id })) && order.unit < 0) {",
    caught: {
      file: "cloud/orders/place.test.ts",
      test: "of two of one user one wins, also when both have read before either has written",
    },
  },
  {
    name: "the black list of another manager",
    file: "cloud/orders/place.ts",
    find: `    .where("manager", "=", manager)\n`,
    plant: "",
    caught: {
      file: "cloud/orders/place.test.ts",
      test: "from a user who is on another manager's black list",
    },
  },
  {
    name: "port freed when the user is told that it is cancelled",
    file: "cloud/orders/cancel.ts",
    find: "  await freeUser(tx, orderId);\n  if (told.gatewayId",
    plant: `  await freeUser(tx, orderId);
  await tx.deleteFrom("live_order").where("orderId", "=", orderId).execute();
  if (told.gatewayId`,
    caught: {
      file: "cloud/orders/charge.test.ts",
      test: "no word: the user is told cancelled and is free, the port stays taken until the gateway has spoken",
    },
  },
  {
    name: "cancelled by a report older than the order",
    file: "cloud/orders/cancelLimits.ts",
    find: `    .where("insertTime", ">=", order.orderTime)\n`,
    plant: "",
    caught: {
      file: "cloud/orders/charge.test.ts",
      test: "is refused when the report is older than the order",
    },
  },
  {
    name: "cancelled by another's report",
    file: "cloud/orders/cancelLimits.ts",
    find: `    .where("user", "=", order.user)\n    .where("insertTime"`,
    plant: `    .where("insertTime"`,
    caught: { file: "cloud/orders/charge.test.ts", test: "is refused when > another has reported it" },
  },
  {
    name: "told cancelled is not switched off",
    file: "cloud/orders/machine.ts",
    find: `cancelled: { started: "switch_off",`,
    plant: `cancelled: { started: "nothing",`,
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "a start that is confirmed after its user was told it is cancelled is stopped, never billed, and frees its port at its end",
    },
  },
  {
    name: "desired version not raised",
    file: "cloud/orders/words.ts",
    find: "  if (order.gatewayId !== null) await gateways.touchDesired(tx, order.gatewayId);\n",
    plant: "",
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "the desired state shows the live orders, with the time of their beginning",
    },
  },
  {
    name: "a new order not in the desired state",
    file: "cloud/orders/place.ts",
    find: "  await gateways.touchDesired(tx, gatewayId);\n",
    plant: "",
    caught: {
      file: "cloud/orders/place.test.ts",
      test: "is starting, with its start command, its slots and its price at the time",
    },
  },
  {
    name: "events of a gateway that is not the order's",
    file: "cloud/orders/gatewayOrders.ts",
    find: "if (order === undefined || order.gatewayId !== fact.gatewayId) {",
    plant: "if (order === undefined) {",
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "events count only from the gateway that is assigned; others and unknown orders are kept as facts",
    },
  },
  {
    name: "two stops on the way",
    file: "cloud/orders/words.ts",
    find: `    (await openCommand(tx, { orderId, gatewayId }, "stop")) ??\n`,
    plant: "",
    caught: {
      file: "cloud/orders/charge.test.ts",
      test: "goes on being asked for when the charger is not in reach, and is not sent as two commands",
    },
  },
  {
    name: "answer of another gateway taken",
    file: "cloud/gateways/commands.ts",
    find: "if ((sender !== null && sender !== gateway) || (flight !== undefined && flight.gatewayId !== gateway)) {",
    plant: "if (sender !== null && sender !== gateway) {",
    caught: {
      file: "cloud/gateways/commands.test.ts",
      test: "an answer by another gateway is refused, by its connection and by its words",
    },
  },
  {
    name: "command published after its deadline",
    file: "cloud/gateways/commands.ts",
    find: "if (sentAt >= flight.deadline) {",
    plant: "if (sentAt >= flight.deadline && flight.published > 0) {",
    caught: {
      file: "cloud/gateways/commands.test.ts",
      test: "a command whose deadline has passed is never published",
    },
  },
  {
    name: "a gap in the events passed over",
    file: "cloud/gateways/intake.ts",
    find: `        if (event.seq !== result.acked + 1) {
          result.gap = true;
          break;
        }\n`,
    plant: "",
    caught: {
      file: "cloud/gateways/intake.test.ts",
      test: "after a gap nothing is applied; the answer says where to go on",
    },
  },
  {
    name: "an order's event put aside",
    file: "cloud/gateways/intake.ts",
    find: "if (isOrder || count < FAILURES_MAX) return before;",
    plant: "if (count < FAILURES_MAX) return before;",
    caught: {
      file: "cloud/gateways/intake.test.ts",
      test: "is never put aside when it is an order's: it blocks, and says so",
    },
  },
  {
    name: "subscriptions allowed by prefix",
    file: "cloud/gateways/broker.ts",
    find: "if (access.get(client)?.subscribe.has(subscription.topic)) {",
    plant: `const prefix = subscription.topic.replace(/[#+].*$/, "");
      if ([...(access.get(client)?.subscribe ?? [])].some((topic) => topic.startsWith(prefix))) {`,
    caught: {
      file: "cloud/gateways/broker.test.ts",
      test: "to its own topics, and to nothing else, is granted; a refusal ends nothing",
    },
  },
  {
    name: "a revoked gateway logs in",
    file: "cloud/gateways/identity.ts",
    find: `&& row?.revoked === 0 && token !== "";`,
    plant: `&& token !== "";`,
    caught: { file: "cloud/gateways/broker.test.ts", test: "a revoked gateway is refused" },
  },
  {
    name: "another stream taken",
    file: "cloud/gateways/intake.ts",
    find: "if (cursor === undefined || cursor.stream !== message.stream || cursor.revoked === 1) return undefined;",
    plant: "if (cursor === undefined || cursor.revoked === 1) return undefined;",
    caught: {
      file: "cloud/gateways/intake.test.ts",
      test: "another stream, a gateway without a cursor and a revoked gateway are not answered, and nothing is written",
    },
  },
  {
    name: "an old answer ends a charge that its event has ended",
    file: "cloud/orders/outcomes.ts",
    find: `      if (word.kind === "finished" && (await storedOrder(tx, orderId))?.state === "finished") return [];\n`,
    plant: "",
    caught: {
      file: "cloud/orders/charge.test.ts",
      test: "bills nothing on its own: the event of an end that came first holds, also when the call is repeated",
    },
  },
  {
    name: "times of a gateway believed as they are",
    file: "cloud/orders/gatewayOrders.ts",
    find: "return instant(Math.min(now, Math.max(from, fact.at)));",
    plant: "return instant(fact.at);",
    caught: { file: "cloud/orders/words.test.ts", test: "lie between the order and now" },
  },
  {
    name: "jam codes to a gateway that is not accepted",
    file: "cloud/gateways/desired.ts",
    find: "if (this.#stopped || this.#planned.has(gatewayId) || !this.#isAccepted(gatewayId)) return;",
    plant: "if (this.#stopped || this.#planned.has(gatewayId)) return;",
    caught: {
      file: "cloud/gateways/desired.test.ts",
      test: "calls that come together make one document; who is not accepted gets none",
    },
  },
  {
    name: "an order closed while its port may supply",
    file: "cloud/orders/overdue.ts",
    find: `if (by.at < due || order.state === "starting") return`,
    plant: `if (order.state === "starting") return`,
    caught: {
      file: "cloud/orders/overdue.test.ts",
      test: "an order is not closed while its port may supply, and what is no live order is not either",
    },
  },
  {
    name: "a bill without the slot that keeps its user from ordering",
    file: "cloud/orders/slots.ts",
    find: "  if (next !== undefined) await takeUnpaid(tx, next);\n",
    plant: "",
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "a bill that a correction opens while another of its user's holds the slot has it next",
    },
  },
  {
    name: "an end before the start",
    file: "cloud/orders/words.ts",
    find: "endTime: Math.max(startTime, endTime), startTime",
    plant: "endTime, startTime",
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "a clock that is set back while a charge runs makes no end before its start, and no start before the order",
    },
  },
  {
    name: "a start before the order",
    file: "cloud/orders/words.ts",
    find: "startTime: Math.max(order.orderTime, word.startTime)",
    plant: "startTime: word.startTime",
    caught: {
      file: "cloud/orders/words.test.ts",
      test: "a clock that is set back while a charge runs makes no end before its start, and no start before the order",
    },
  },
];
