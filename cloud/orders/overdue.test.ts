import { afterEach, beforeEach, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { closeOrder, liveOrders } from "./overdue.ts";
import { startOrders } from "./sweeper.ts";
import { cancelled, START, started, type TestWorld, testWorld } from "./testWorld.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const HOUR = 3_600_000;
const close = (orderId: string, minutes = 0) => {
  const { touchDesired } = world.gateways;
  const by = { who: "operator:test", at: world.clock.now() };
  return transaction(world.db, (tx) => closeOrder(tx, { orderId, minutes, touchDesired }, by));
};

test("a charge whose gateway is gone is closed by the operator: billed what is proven, port and user are free", async () => {
  const { orderId } = await world.charging();
  world.clock.jump(HOUR as never);
  expect(await close(orderId)).toEqual({ kind: "closed", billed: 0 });
  expect(await world.order(orderId)).toMatchObject({
    state: "finished",
    endReason: "operator",
    evidence: "none",
    minutes: 0,
    endTime: START + HOUR,
    money: 0,
    payState: "paid",
  });
  expect(world.gateways.touched.at(-1)).toBe("gw-1");
  expect(await world.place()).toMatchObject({ kind: "placed" });
  expect(await world.db.selectFrom("audit_log").select(["who", "what", "object"]).execute()).toEqual([
    { who: "operator:test", what: "order.close", object: orderId },
  ]);
  expect(await world.violations()).toEqual([]);
  expect(await close(orderId)).toEqual({ kind: "not_live" });

  // The gateway comes back after all.
  await world.finish(orderId, 60);
  expect(await world.order(orderId)).toMatchObject({ minutes: 60, money: 300, payState: "unpaid" });
  expect(await world.violations()).toEqual([]);
});

test("the minutes that the operator names are billed in units begun", async () => {
  const { orderId } = await world.charging();
  world.clock.jump(HOUR as never);
  expect(await close(orderId, 20)).toEqual({ kind: "closed", billed: 150 });
});

test("an order is not closed while its port may supply, and what is no live order is not either", async () => {
  const { orderId } = await world.charging();
  world.clock.jump((HOUR - 1) as never);
  expect(await close(orderId)).toEqual({ kind: "not_due", due: START + HOUR });
  expect((await world.order(orderId)).state).toBe("charging");
  expect(await world.portTaken(orderId)).toBe(true);
  expect(await close("90001800000999")).toEqual({ kind: "unknown" });
  expect(await world.db.selectFrom("audit_log").select("id").execute()).toEqual([]);
});

test("of an order whose user was told that it is cancelled the port is freed, nothing is billed", async () => {
  const placed = await world.place();
  if (placed.kind !== "placed") throw new Error(placed.reason);
  const { orderId } = placed;
  await world.db
    .updateTable("order_info")
    .set({ state: "cancelled", toldCancelled: 1, cancelReason: "USER", endTime: world.clock.now() })
    .execute();
  await world.db.deleteFrom("unpaid_order").execute();
  world.clock.jump(HOUR as never);
  expect(await close(orderId, 60)).toEqual({ kind: "closed", billed: 0 });
  expect(await world.portTaken(orderId)).toBe(false);
  expect((await world.order(orderId)).state).toBe("cancelled");
  expect(await world.violations()).toEqual([]);
});

test("the operator is told of charges that nobody ends, once an hour, and of no others", async () => {
  const sweeper = startOrders(world);
  const round = () => world.clock.advance(5000 as never);
  const told = () => world.warnings.filter((w) => w.includes("order.overdue"));
  const { orderId } = await world.charging();
  const free = await world.charging({ port: 2, user: "13800000002" });
  await world.event(cancelled(free.orderId));

  world.clock.jump((2 * HOUR - 6000) as never);
  await round();
  expect(told()).toEqual([]);
  await round();
  await round();
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain(`${orderId} (gw-1)`);
  expect(told()[0]).not.toContain(free.orderId);
  expect(told()[0]).not.toContain("13800000001");
  await world.clock.advance(HOUR as never);
  expect(told()).toHaveLength(2);
  expect(await liveOrders(world.db, { limit: 10 })).toMatchObject([{ orderId, due: START + HOUR }]);
  await sweeper.stop();
});

test("absurd minutes of a gateway are no more than a charger can count", async () => {
  const { orderId } = await world.charging();
  await world.event(started(orderId));
  await world.finish(orderId, Number.MAX_SAFE_INTEGER);
  expect(await world.order(orderId)).toMatchObject({ minutes: 360, unit: 2, money: 300 });
});
