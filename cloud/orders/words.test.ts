import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import type { OrderState } from "../database/schema.ts";
import { tellCancelled } from "./cancel.ts";
import { desiredOrders, moveLiveOrders, type OrderEvent } from "./gatewayOrders.ts";
import { moves, type WordKind } from "./machine.ts";
import type { StoredOrder } from "./orderRow.ts";
import { cancelled, failed, GATED, OTHER, START, started, type TestWorld, testWorld } from "./testWorld.ts";
import { waiveOrder } from "./waive.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const finished = (
  orderId: string,
  minutes = 60,
  endReason: "time" | "user" | "charger_lost" = "time",
): OrderEvent => ({
  kind: "order.finished",
  body: { orderId: orderId as never, minutes: minutes as never, endReason, evidence: "sta" },
});

async function starting(order = {}): Promise<StoredOrder> {
  const placed = await world.place(order);
  if (placed.kind !== "placed") throw new Error(placed.reason);
  return await world.order(placed.orderId);
}
const told = (orderId: string) =>
  transaction(world.db, (tx) =>
    tellCancelled(tx, world.gateways, { orderId, reason: "USER", at: world.clock.now() }),
  );

/** Brings an order into a state by what was said of it before. */
const reach: Record<OrderState, (id: string) => Promise<unknown>> = {
  starting: async () => {},
  charging: (id) => world.event(started(id)),
  finished: async (id) => {
    await world.event(started(id));
    await world.event(finished(id));
  },
  cancelled: (id) => told(id),
};
const say: Record<WordKind, (id: string) => OrderEvent> = {
  started,
  failed,
  cancelled,
  finished: (id) => finished(id),
};
/** State afterwards, whether the port's slot is held, whether a stop is sent. */
const outcome: Record<string, [state: OrderState, slot: boolean, stop: boolean]> = {
  "starting started": ["charging", true, false],
  "starting failed": ["cancelled", false, false],
  "starting cancelled": ["cancelled", false, false],
  "starting finished": ["finished", false, false],
  "charging started": ["charging", true, false],
  "charging failed": ["cancelled", false, false],
  "charging cancelled": ["cancelled", false, false],
  "charging finished": ["finished", false, false],
  "finished started": ["finished", false, false],
  "finished failed": ["finished", false, false],
  "finished cancelled": ["finished", false, false],
  "finished finished": ["finished", false, false],
  "cancelled started": ["cancelled", true, true],
  "cancelled failed": ["cancelled", false, false],
  "cancelled cancelled": ["cancelled", false, false],
  "cancelled finished": ["cancelled", false, false],
};

describe("every state and every word of the gateway", () => {
  for (const state of Object.keys(moves) as OrderState[]) {
    for (const word of Object.keys(moves[state]) as WordKind[]) {
      test(`${state}, then ${word}; twice is as once`, async () => {
        const { orderId } = await starting();
        await reach[state](orderId);
        const [after, slot, stop] = outcome[`${state} ${word}`] ?? ["starting", false, false];
        for (let i = 0; i < 2; i++) {
          const { commands } = await world.event(say[word](orderId));
          expect((await world.order(orderId)).state).toBe(after);
          expect(await world.portTaken(orderId)).toBe(slot);
          expect(commands).toHaveLength(stop ? 1 : 0);
        }
        const stops = await world.db
          .selectFrom("command")
          .select("body")
          .where("body", "like", '%"stop"%')
          .execute();
        expect(stops).toHaveLength(stop ? 1 : 0);
        expect(await world.violations()).toEqual([]);
      });
    }
  }
});

test("a start that is confirmed after its user was told it is cancelled is stopped, never billed, and frees its port at its end", async () => {
  const { orderId } = await starting();
  await told(orderId);
  // The user is free at once, the port is not.
  expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  expect(await world.place({ user: OTHER })).toEqual({ kind: "refused", reason: "PORT_BUSY" });
  const { commands } = await world.event(started(orderId));
  const stop = await world.db
    .selectFrom("command")
    .select("body")
    .where("id", "=", commands[0] ?? "")
    .executeTakeFirstOrThrow();
  expect(JSON.parse(stop.body)).toMatchObject({ kind: "stop", orderId });
  await world.event(finished(orderId, 10, "user"));
  const order = await world.order(orderId);
  expect(order).toMatchObject({ state: "cancelled", toldCancelled: 1, minutes: 10, cancelReason: "USER" });
  expect(await world.db.selectFrom("ledger_transfer").selectAll().execute()).toEqual([]);
  expect(await world.place({ user: OTHER })).toMatchObject({ kind: "placed" });
});

test.each([
  ["port_busy", "PORT_BUSY"],
  ["port_damaged", "PORT_DAMAGED"],
  ["charger_unreachable", "CHARGER_UNREACHABLE"],
  ["charger_misconfigured", "CHARGER_MISCONFIGURED"],
  ["store_full", "DEVICE_OFFLINE"],
  ["late", "CHARGER_UNREACHABLE"],
] as const)("an order that failed as %s is cancelled as %s", async (reason, cancelReason) => {
  const { orderId } = await starting();
  await world.event({ kind: "order.failed", body: { orderId: orderId as never, reason, detail: "" } });
  expect(await world.order(orderId)).toMatchObject({ state: "cancelled", cancelReason, toldCancelled: 0 });
  expect(await world.place()).toMatchObject({ kind: "placed" });
});

test("events count only from the gateway that is assigned; others and unknown orders are kept as facts", async () => {
  const { orderId } = await starting();
  await world.event(started(orderId), { gatewayId: "gw-2" });
  await world.event(started("90000000000000"));
  expect((await world.order(orderId)).state).toBe("starting");
  const facts = await world.db.selectFrom("gateway_fact").select(["gatewayId", "kind"]).execute();
  expect(facts).toEqual([
    { gatewayId: "gw-2", kind: "order.started" },
    { gatewayId: "gw-1", kind: "order.started" },
  ]);
});

test("when its charger is assigned anew a live order moves along, and the former gateway counts no more", async () => {
  const { orderId } = await world.charging();
  await transaction(world.db, (tx) =>
    moveLiveOrders(tx, world.gateways, { deviceCode: GATED, gatewayId: "gw-2" }),
  );
  await world.event(finished(orderId));
  expect((await world.order(orderId)).state).toBe("charging");
  expect(await desiredOrders(world.db, "gw-1")).toEqual([]);
  expect(await desiredOrders(world.db, "gw-2")).toMatchObject([{ orderId }]);
  await world.event(finished(orderId), { gatewayId: "gw-2" });
  expect((await world.order(orderId)).state).toBe("finished");
});

test("the desired state shows the live orders, with the time of their beginning", async () => {
  const { orderId } = await starting();
  const shown = { orderId, deviceCode: GATED, port: 1, minutes: 60 };
  expect(await desiredOrders(world.db, "gw-1")).toEqual([{ ...shown, startedAt: null }]);
  await world.event(started(orderId));
  expect(await desiredOrders(world.db, "gw-1")).toEqual([{ ...shown, startedAt: START }]);
  await world.event(finished(orderId));
  expect(await desiredOrders(world.db, "gw-1")).toEqual([]);
  expect(world.gateways.touched).toHaveLength(3);
});

describe("times of a gateway", () => {
  test("lie between the order and now", async () => {
    const { orderId } = await starting();
    await world.event(started(orderId), { at: (START - 5000) as never });
    expect((await world.order(orderId)).startTime).toBe(START);
    world.clock.jump(3_600_000 as never);
    await world.event(finished(orderId), { at: (START + 999_999_999) as never });
    expect((await world.order(orderId)).endTime).toBe(START + 3_600_000);
  });
});

describe("the bill follows the proven minutes", () => {
  const end = async (minutes: number, endReason: "time" | "user" | "charger_lost" = "charger_lost") => {
    const { orderId } = await world.charging({ unit: 4, money: 600 });
    await world.finish(orderId, minutes, endReason);
    return orderId;
  };

  test("an unpaid bill is lowered to the units begun", async () => {
    const orderId = await end(31);
    expect(await world.order(orderId)).toMatchObject({
      unit: 2,
      money: 300,
      agreedUnit: 4,
      agreedMoney: 600,
    });
  });

  test("below five minutes nothing is owed, and the user is free", async () => {
    const orderId = await end(4);
    expect(await world.order(orderId)).toMatchObject({ unit: 0, money: 0, payState: "paid", cashOutFlag: 2 });
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
    expect(await world.violations()).toEqual([]);
  });

  test("who ended it owes what was agreed", async () => {
    expect(await world.order(await end(1, "user"))).toMatchObject({
      unit: 4,
      money: 600,
      payState: "unpaid",
    });
  });

  test("a waived bill stays waived, whatever is proven later", async () => {
    const orderId = await end(31);
    await world.db.updateTable("order_info").set({ payState: "waived" }).execute();
    await world.db.deleteFrom("unpaid_order").execute();
    for (const minutes of [90, 0]) {
      await world.finish(orderId, minutes);
      expect(await world.order(orderId)).toMatchObject({ minutes, money: 300, payState: "waived" });
    }
    expect(await world.db.selectFrom("unpaid_order").selectAll().execute()).toEqual([]);
  });

  test("a later word corrects the first, up and down, and opens a bill of nothing again", async () => {
    const orderId = await end(0);
    await world.finish(orderId, 70);
    expect(await world.order(orderId)).toMatchObject({
      unit: 3,
      money: 450,
      payState: "unpaid",
      cashOutFlag: 0,
    });
    expect(await world.place({ port: 2 })).toEqual({ kind: "refused", reason: "ORDER_UNPAID" });
    await world.finish(orderId, 20);
    expect(await world.order(orderId)).toMatchObject({
      unit: 1,
      money: 150,
      payState: "unpaid",
      minutes: 20,
    });
    expect(await world.violations()).toEqual([]);
  });
});

test("a clock that is set back while a charge runs makes no end before its start, and no start before the order", async () => {
  const { orderId, orderTime } = await starting();
  world.clock.jump(-60_000 as never);
  await world.event(started(orderId));
  expect((await world.order(orderId)).startTime).toBe(orderTime);
  await world.event(finished(orderId));
  expect(await world.order(orderId)).toMatchObject({ state: "finished", endTime: orderTime });
  expect(await world.violations()).toEqual([]);
});

test("a bill that a correction opens while another of its user's holds the slot has it next", async () => {
  const first = await starting();
  await world.event(started(first.orderId));
  await world.event(finished(first.orderId, 0));
  const second = await starting({ port: 2 });
  await world.event(started(second.orderId));
  await world.event(finished(first.orderId, 60));
  const slots = () => world.db.selectFrom("unpaid_order").select("orderId").execute();
  expect(await slots()).toEqual([{ orderId: second.orderId }]);
  await transaction(world.db, (tx) =>
    waiveOrder(tx, { orderId: second.orderId, reason: "x" }, { who: "operator:a", at: world.clock.now() }),
  );
  expect(await slots()).toEqual([{ orderId: first.orderId }]);
  expect(await world.violations()).toEqual([]);
});
