import { minutes } from "@bluepower/protocol/units";
import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { awaitCancel, planCancel } from "./cancel.ts";
import { watchReportedPort } from "./cancelLimits.ts";
import { moveLiveOrders } from "./gatewayOrders.ts";
import type { StoredOrder } from "./orderRow.ts";
import { startCharging } from "./start.ts";
import { planStop, stopCharging } from "./stop.ts";
import {
  cancelled,
  GATED,
  OTHER,
  PHONED,
  START,
  started,
  type TestWorld,
  testWorld,
  USER,
} from "./testWorld.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const kinds = () => world.gateways.sent.map((c) => c.kind);
const answers = (by: Partial<Record<CommandBody["kind"], CommandOutcome>>): void => {
  world.gateways.answer = (body) => by[body.kind] ?? { kind: "no_answer" };
};

async function start(order = {}): Promise<StoredOrder> {
  const placed = await world.place(order);
  if (placed.kind !== "placed") throw new Error(placed.reason);
  return await startCharging(world, placed);
}
async function stop(orderId: string, user = USER) {
  const at = world.clock.now();
  const plan = await transaction(world.db, (tx) => planStop(tx, world.gateways, { orderId, user, at }));
  return plan.kind === "refused" ? plan.reason : await stopCharging(world, plan);
}
async function cancel(orderId: string, user = USER) {
  const of = { orderId, user, at: world.clock.now(), zone: "Asia/Shanghai" };
  const plan = await transaction(world.db, (tx) => planCancel(tx, world.gateways, of));
  if (plan.kind === "refused") return plan.reason;
  return plan.kind === "send" ? await awaitCancel(world, plan) : plan.kind;
}
const slotHeld = (orderId: string) => world.portTaken(orderId);

describe("starting", () => {
  test("answers once the charger has confirmed; the event that follows changes nothing", async () => {
    answers({ start: { kind: "started", minutes: minutes(60) } });
    const order = await start();
    expect(order).toMatchObject({ state: "charging", startTime: START });
    world.clock.jump(1000 as never);
    await world.event(started(order.orderId));
    expect((await world.order(order.orderId)).startTime).toBe(START);
    expect(kinds()).toEqual(["start"]);
  });

  test("refused by the charger: cancelled with the reason, port and user are free", async () => {
    answers({ start: { kind: "failed", reason: "port_damaged", detail: "" } });
    const order = await start();
    expect(order).toMatchObject({ state: "cancelled", cancelReason: "PORT_DAMAGED", toldCancelled: 0 });
    expect(await slotHeld(order.orderId)).toBe(false);
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  });

  test("no answer: the order is starting and becomes charging when the gateway says so", async () => {
    const order = await start();
    expect(order.state).toBe("starting");
    expect(await slotHeld(order.orderId)).toBe(true);
    await world.event(started(order.orderId));
    expect((await world.order(order.orderId)).state).toBe("charging");
  });
});

describe("stopping", () => {
  test("is over when the charger is off; what was agreed is owed", async () => {
    answers({
      start: { kind: "started", minutes: minutes(60) },
      stop: { kind: "stopped", minutes: minutes(3) },
    });
    const { orderId } = await start();
    expect(await stop(orderId)).toBe("stopped");
    expect(await world.order(orderId)).toMatchObject({
      state: "finished",
      endReason: "user",
      minutes: 3,
      money: 300,
      unit: 2,
    });
    expect(await slotHeld(orderId)).toBe(false);
    expect(await stop(orderId)).toBe("ORDER_ENDED");
  });

  test("goes on being asked for when the charger is not in reach, and is not sent as two commands", async () => {
    answers({ stop: { kind: "unreachable", detail: "" } });
    const { orderId } = await world.charging();
    expect(await stop(orderId)).toBe("pending");
    answers({});
    expect(await stop(orderId)).toBe("pending");
    expect(await stop(orderId)).toBe("pending");
    const stops = await world.db
      .selectFrom("command")
      .select("deadline")
      .where("body", "like", '%"stop"%')
      .execute();
    // The unreachable one was answered; the two after it are one.
    expect(stops).toHaveLength(2);
    expect(stops[0]?.deadline).toBe(START + 3_600_000);
    expect((await world.order(orderId)).state).toBe("charging");
  });

  test("goes to the gateway that drives the charger now, whatever is still on its way to the former one", async () => {
    const { orderId } = await world.charging();
    expect(await stop(orderId)).toBe("pending");
    await transaction(world.db, (tx) =>
      moveLiveOrders(tx, world.gateways, { deviceCode: GATED, gatewayId: "gw-2" }),
    );
    expect(await stop(orderId)).toBe("pending");
    const stops = world.db.selectFrom("command").select("gatewayId").where("body", "like", '%"stop"%');
    const sentTo = await stops.orderBy("id").execute();
    expect(sentTo.map((c) => c.gatewayId)).toEqual(["gw-1", "gw-2"]);
  });

  test("an offline gateway is not waited for", async () => {
    const { orderId } = await world.charging();
    world.gateways.offline.add("gw-1");
    expect(await stop(orderId)).toBe("pending");
    expect((await world.order(orderId)).state).toBe("charging");
  });

  test("bills nothing on its own: the event of an end that came first holds, also when the call is repeated", async () => {
    const { orderId } = await world.charging();
    world.gateways.answer = async () => {
      await world.finish(orderId, 2, "charger_lost");
      return { kind: "stopped", minutes: minutes(2) };
    };
    const at = world.clock.now();
    const plan = await transaction(world.db, (tx) =>
      planStop(tx, world.gateways, { orderId, user: USER, at }),
    );
    if (plan.kind === "refused") throw new Error(plan.reason);
    for (let i = 0; i < 2; i++) {
      expect(await stopCharging(world, plan)).toBe("stopped");
      expect(await world.order(orderId)).toMatchObject({
        state: "finished",
        endReason: "charger_lost",
        evidence: "sta",
        endTime: at,
        money: 0,
        payState: "paid",
      });
      world.clock.jump(60_000 as never);
    }
    expect(await world.violations()).toEqual([]);
  });

  test("of a charge that has ended at the gateway says so", async () => {
    answers({ stop: { kind: "already", state: "finished" } });
    expect(await stop((await world.charging()).orderId)).toBe("ended");
  });

  test("without a gateway the phone has switched it off", async () => {
    const { orderId } = await world.charging({ deviceCode: PHONED });
    world.clock.jump((7 * 60_000) as never);
    expect(await stop(orderId)).toBe("stopped");
    expect(await world.order(orderId)).toMatchObject({
      state: "finished",
      minutes: 7,
      money: 300,
      endReason: "user",
    });
  });

  test("is refused for what does not charge and for what is another's", async () => {
    const { orderId } = await start();
    expect(await stop(orderId)).toBe("ORDER_NOT_STARTED");
    expect(await stop(orderId, OTHER)).toBe("NOT_YOURS");
    expect(await stop("90000000000000")).toBe("NOT_YOURS");
    await world.event(cancelled(orderId));
    expect(await stop(orderId)).toBe("ORDER_CANCELLED");
    expect(kinds()).toEqual(["start"]);
  });
});

describe("cancelling behind a gateway", () => {
  test("the gateway says that it never began: cancelled, the port is free", async () => {
    answers({ cancel: { kind: "cancelled" } });
    const { orderId } = await start();
    expect(await cancel(orderId)).toBe("cancelled");
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", toldCancelled: 0 });
    expect(await slotHeld(orderId)).toBe(false);
  });

  test("it runs already: refused, the order is charging", async () => {
    answers({ cancel: { kind: "already", state: "charging" } });
    const { orderId } = await start();
    expect(await cancel(orderId)).toBe("running");
    expect(await world.order(orderId)).toMatchObject({ state: "charging", cancelReason: null });
    expect(await cancel(orderId)).toBe("ORDER_RUNNING");
  });

  test("no word: the user is told cancelled and is free, the port stays taken until the gateway has spoken", async () => {
    const { orderId } = await start();
    const before = world.gateways.touched.length;
    expect(await cancel(orderId)).toBe("cancelled");
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", toldCancelled: 1 });
    // It is in the desired state no more, so that no gateway takes it up.
    expect(world.gateways.touched.slice(before)).toEqual(["gw-1"]);
    expect(await slotHeld(orderId)).toBe(true);
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
    await world.event(cancelled(orderId));
    expect(await slotHeld(orderId)).toBe(false);
    expect(await cancel(orderId)).toBe("cancelled");
  });

  test("another's order cannot be cancelled, nor one that has ended", async () => {
    const order = await world.charging();
    expect(await cancel(order.orderId, OTHER)).toBe("NOT_YOURS");
    await world.finish(order.orderId, 60);
    expect(await cancel(order.orderId)).toBe("ORDER_ENDED");
    expect(kinds()).toEqual([]);
  });

  test("a free order is cancelled too", async () => {
    await world.db
      .updateTable("device_info")
      .set({ chargeFlag: 0 })
      .where("deviceCode", "=", GATED)
      .execute();
    answers({ cancel: { kind: "cancelled" } });
    const { orderId } = await start({ unitPrice: 0, money: 0 });
    expect(await cancel(orderId)).toBe("cancelled");
    expect(await world.violations()).toEqual([]);
  });
});

describe("cancelling without a gateway", () => {
  const report = (value: number, user = USER, port = 1) =>
    world.db
      .insertInto("port_report")
      .values({ deviceCode: PHONED, port, user, value, insertTime: world.clock.now() })
      .execute();
  const placed = async () => (await world.charging({ deviceCode: PHONED })).orderId;

  test.each([0, 999])("after the user's own report of %d it is cancelled, nothing is owed", async (value) => {
    const orderId = await placed();
    await report(value);
    expect(await cancel(orderId)).toBe("cancelled");
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", cancelReason: "USER" });
    expect(await slotHeld(orderId)).toBe(false);
    expect(await world.violations()).toEqual([]);
  });

  test.each([
    ["nothing was reported", async () => {}],
    ["another has reported it", () => report(0, OTHER)],
    ["another port was reported", () => report(0, USER, 2)],
    ["the port runs", () => report(59)],
  ])("is refused when %s", async (_, before) => {
    const orderId = await placed();
    await before();
    expect(await cancel(orderId)).toBe("CANCEL_UNPROVEN");
    expect((await world.order(orderId)).state).toBe("charging");
  });

  test("is refused when the report is older than the order", async () => {
    await report(0);
    world.clock.jump(1000 as never);
    expect(await cancel(await placed())).toBe("CANCEL_UNPROVEN");
  });

  test("the latest report counts", async () => {
    const orderId = await placed();
    await report(0);
    await report(59);
    expect(await cancel(orderId)).toBe("CANCEL_UNPROVEN");
  });

  test("three a day, and again on the next day of the site", async () => {
    for (let i = 0; i < 3; i++) {
      const orderId = await placed();
      await report(0);
      expect(await cancel(orderId)).toBe("cancelled");
      world.clock.jump(60_000 as never);
    }
    const fourth = await placed();
    await report(0);
    expect(await cancel(fourth)).toBe("CANCEL_LIMIT");
    expect((await world.order(fourth)).state).toBe("charging");
    world.clock.jump(86_400_000 as never);
    expect(await cancel(fourth)).toBe("cancelled");
  });

  test("a cancelled port that is seen running suspends the user's cancels for thirty days and goes to the operator", async () => {
    const orderId = await placed();
    await report(0);
    expect(await cancel(orderId)).toBe("cancelled");
    world.clock.jump(60_000 as never);
    await report(57, OTHER);
    await transaction(world.db, (tx) =>
      watchReportedPort(tx, { deviceCode: PHONED, port: 1, value: 57, at: world.clock.now() }),
    );
    const told = await world.db.selectFrom("audit_log").select(["what", "object"]).execute();
    expect(told).toContainEqual({ what: "order.cancelled_runs", object: orderId });

    world.clock.jump(86_400_000 as never);
    const next = await placed();
    await report(0);
    expect(await cancel(next)).toBe("CANCEL_LIMIT");
    world.clock.jump((30 * 86_400_000) as never);
    await report(0);
    expect(await cancel(next)).toBe("cancelled");
  });

  test("a port that runs for the next order suspends nobody", async () => {
    const orderId = await placed();
    await report(0);
    await cancel(orderId);
    world.clock.jump(60_000 as never);
    await world.charging({ deviceCode: PHONED, user: OTHER });
    await report(57, OTHER);
    await transaction(world.db, (tx) =>
      watchReportedPort(tx, { deviceCode: PHONED, port: 1, value: 57, at: world.clock.now() }),
    );
    expect(await world.db.selectFrom("audit_log").select(["who", "what", "object"]).execute()).toEqual([
      { who: `user:${USER}`, what: "order.cancel", object: orderId },
    ]);
    const mine = (await world.charging({ deviceCode: PHONED, port: 2 })).orderId;
    await report(0, USER, 2);
    expect(await cancel(mine)).toBe("cancelled");
  });

  test("a paid order stays, an open payment has to be closed first", async () => {
    const orderId = await placed();
    await report(0);
    await world.db.updateTable("order_info").set({ payState: "paying" }).execute();
    expect(await cancel(orderId)).toBe("payment_open");
    await world.db.updateTable("order_info").set({ payState: "waived" }).execute();
    expect(await cancel(orderId)).toBe("ORDER_PAID");
    expect((await world.order(orderId)).state).toBe("charging");
  });
});
