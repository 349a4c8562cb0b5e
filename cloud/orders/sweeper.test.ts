import { minutes } from "@bluepower/protocol/units";
import type { CommandBody, CommandOutcome } from "@bluepower/protocol/uplink/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { moveLiveOrders } from "./gatewayOrders.ts";
import type { StoredOrder } from "./orderRow.ts";
import { startCharging } from "./start.ts";
import { startOrders } from "./sweeper.ts";
import { GATED, PHONED, START, type TestWorld, testWorld } from "./testWorld.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const kinds = () => world.gateways.sent.map((c) => c.kind);
const answers = (by: Partial<Record<CommandBody["kind"], CommandOutcome>>): void => {
  world.gateways.answer = (body) => by[body.kind] ?? { kind: "no_answer" };
};
async function start(): Promise<StoredOrder> {
  const placed = await world.place();
  if (placed.kind !== "placed") throw new Error(placed.reason);
  return await startCharging(world, placed);
}
const slotHeld = (orderId: string) => world.portTaken(orderId);

describe("what nobody else moves on", () => {
  let sweeper: { stop(): Promise<void> };
  beforeEach(() => {
    sweeper = startOrders(world);
  });
  afterEach(() => sweeper.stop());
  const round = () => world.clock.advance(5000 as never);

  test("a charge without a gateway ends when its time has passed, and not before", async () => {
    const { orderId } = await world.charging({ deviceCode: PHONED });
    world.clock.jump((3_600_000 - 6000) as never);
    await round();
    expect((await world.order(orderId)).state).toBe("charging");
    await round();
    expect(await world.order(orderId)).toMatchObject({
      state: "finished",
      endReason: "time",
      minutes: 60,
      endTime: START + 3_600_000,
      money: 300,
    });
  });

  test("a charge behind a gateway is not ended by time: its gateway says when", async () => {
    const { orderId } = await world.charging();
    world.clock.jump(86_400_000 as never);
    await round();
    expect((await world.order(orderId)).state).toBe("charging");
  });

  test("a start that nobody answers is asked after when it can no more be carried out", async () => {
    const { orderId } = await start();
    await world.db.updateTable("command").set({ state: "expired" }).execute();
    world.clock.jump(80_000 as never);
    await round();
    expect(kinds()).toEqual(["start"]);
    answers({ cancel: { kind: "cancelled" } });
    world.clock.jump(10_000 as never);
    await round();
    expect(kinds()).toEqual(["start", "cancel"]);
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", cancelReason: "NO_ANSWER" });
    expect(await slotHeld(orderId)).toBe(false);
  });

  test("a gateway is asked also while a question to the one before it is still open", async () => {
    const { orderId } = await start();
    await transaction(world.db, (tx) =>
      moveLiveOrders(tx, world.gateways, { deviceCode: GATED, gatewayId: "gw-2" }),
    );
    answers({ cancel: { kind: "cancelled" } });
    world.clock.jump(90_000 as never);
    await round();
    expect(kinds()).toEqual(["start", "cancel"]);
    expect(await slotHeld(orderId)).toBe(false);
  });

  test("after fifteen minutes the user is told cancelled; the port is freed when the gateway is back and has spoken", async () => {
    const { orderId } = await start();
    await world.db.updateTable("command").set({ state: "expired" }).execute();
    world.gateways.offline.add("gw-1");
    world.clock.jump((15 * 60_000) as never);
    await round();
    expect(await world.order(orderId)).toMatchObject({
      state: "cancelled",
      toldCancelled: 1,
      cancelReason: "NO_ANSWER",
    });
    expect(await slotHeld(orderId)).toBe(true);
    expect(kinds()).toEqual(["start"]);

    world.gateways.offline.clear();
    answers({
      cancel: { kind: "already", state: "charging" },
      stop: { kind: "stopped", minutes: minutes(2) },
    });
    await round();
    // It runs although its user was told that it is cancelled: it is stopped.
    expect(kinds()).toEqual(["start", "cancel", "stop"]);
    await world.event({
      kind: "order.finished",
      body: { orderId: orderId as never, minutes: minutes(2), endReason: "user", evidence: "reply" },
    });
    expect(await slotHeld(orderId)).toBe(false);
    expect(await world.order(orderId)).toMatchObject({ state: "cancelled", payState: "unpaid" });
  });
});
