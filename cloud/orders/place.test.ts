import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { placeOrder } from "./place.ts";
import { FREE, GATED, MANAGER, OTHER, PHONED, START, type TestWorld, testWorld, USER } from "./testWorld.ts";

let world: TestWorld;
beforeEach(async () => {
  world = await testWorld();
});
afterEach(() => world.close());

const device = (values: Record<string, unknown>, deviceCode = GATED) =>
  world.db.updateTable("device_info").set(values).where("deviceCode", "=", deviceCode).execute();
const nothingWritten = async () => {
  for (const table of ["order_info", "live_order", "unpaid_order", "command"] as const) {
    expect(await world.db.selectFrom(table).selectAll().execute()).toEqual([]);
  }
};

describe("an order behind a gateway", () => {
  test("is starting, with its start command, its slots and its price at the time", async () => {
    const placed = await world.place();
    if (placed.kind !== "placed") throw new Error(placed.reason);
    const order = await world.order(placed.orderId);
    expect(order).toMatchObject({
      state: "starting",
      payState: "unpaid",
      user: USER,
      deviceName: `充电器 ${GATED}`,
      manager: MANAGER,
      money: 300,
      agreedMoney: 300,
      startTime: null,
      gatewayId: "gw-1",
    });
    expect(order.orderId).toMatch(/^90001\d{9}$/);
    const command = await world.db.selectFrom("command").selectAll().executeTakeFirstOrThrow();
    expect(command).toMatchObject({ gatewayId: "gw-1", orderId: order.orderId, deadline: START + 60_000 });
    expect(JSON.parse(command.body)).toEqual({
      kind: "start",
      orderId: order.orderId,
      deviceCode: GATED,
      port: 1,
      minutes: 60,
    });
    expect(world.gateways.touched).toEqual(["gw-1"]);
    expect(await world.violations()).toEqual([]);
  });

  test("of two for one port one wins; the other writes nothing and no command", async () => {
    const [first, second] = await Promise.all([world.place(), world.place({ user: OTHER })]);
    expect([first.kind, second]).toEqual(["placed", { kind: "refused", reason: "PORT_BUSY" }]);
    expect(await world.db.selectFrom("command").selectAll().execute()).toHaveLength(1);
    expect(await world.db.selectFrom("order_info").selectAll().execute()).toHaveLength(1);
    expect(await world.db.selectFrom("unpaid_order").selectAll().execute()).toHaveLength(1);
  });

  test("of two of one user one wins, also when both have read before either has written", async () => {
    const [first, second] = await Promise.all([world.place(), world.place({ port: 2 })]);
    expect([first.kind, second]).toEqual(["placed", { kind: "refused", reason: "ORDER_UNPAID" }]);
    expect(await world.db.selectFrom("live_order").selectAll().execute()).toHaveLength(1);
  });

  test("two users with the same four digits in one second get two ids", async () => {
    const twin = "13700000001";
    await world.db
      .insertInto("user_info")
      .values({ user: twin, userName: "用户", setupTime: START, professionId: null })
      .execute();
    const first = await world.place();
    const second = await world.place({ user: twin, port: 2 });
    if (first.kind !== "placed" || second.kind !== "placed") throw new Error("refused");
    expect(Number(second.orderId) - Number(first.orderId)).toBe(1);
  });
});

describe("without a gateway", () => {
  test("an order charges at once and nobody is sent a command", async () => {
    const placed = await world.place({ deviceCode: PHONED });
    expect(placed).toMatchObject({ kind: "placed", commandId: null });
    const order = await world.order(placed.kind === "placed" ? placed.orderId : "");
    expect(order).toMatchObject({ state: "charging", startTime: START, payState: "unpaid" });
    expect(world.gateways.sent).toEqual([]);
  });

  test("a free order is born paid, is nobody's income and keeps no one from another free one", async () => {
    for (const port of [1, 2]) {
      const placed = await world.place({ deviceCode: FREE, unitPrice: 0, money: 0, port });
      const order = await world.order(placed.kind === "placed" ? placed.orderId : "");
      expect(order).toMatchObject({ payState: "paid", cashOutFlag: 2, money: 0, payTime: null });
    }
    expect(await world.violations()).toEqual([]);
  });

  test("one phone's word of a damaged port holds ten minutes, two people's word holds until somebody sees it work", async () => {
    const report = (user: string, value: number) =>
      world.db
        .insertInto("port_report")
        .values({ deviceCode: PHONED, port: 1, user, value, insertTime: world.clock.now() })
        .execute();
    const trying = () => world.place({ deviceCode: PHONED });
    await report(OTHER, 999);
    expect(await trying()).toEqual({ kind: "refused", reason: "PORT_DAMAGED" });
    world.clock.jump(600_000 as never);
    await report(USER, 999);
    world.clock.jump(86_400_000 as never);
    expect(await trying()).toEqual({ kind: "refused", reason: "PORT_DAMAGED" });
    expect(await world.place({ deviceCode: PHONED, port: 2 })).toMatchObject({ kind: "placed" });
    await report(OTHER, 0);
    expect(await world.place({ deviceCode: PHONED, user: OTHER })).toMatchObject({ kind: "placed" });
  });

  test("a single word is forgotten after ten minutes", async () => {
    await world.db
      .insertInto("port_report")
      .values({ deviceCode: PHONED, port: 1, user: OTHER, value: 999, insertTime: START })
      .execute();
    world.clock.jump(600_001 as never);
    expect(await world.place({ deviceCode: PHONED })).toMatchObject({ kind: "placed" });
  });
});

describe("is refused and nothing is written", () => {
  const cases: [
    name: string,
    reason: string,
    before: () => Promise<unknown>,
    order?: Record<string, unknown>,
  ][] = [
    ["nobody knows the user", "NAME_MISSING", async () => {}, { user: "13800000099" }],
    [
      "the user has no name",
      "NAME_MISSING",
      () => world.db.updateTable("user_info").set({ userName: "" }).execute(),
    ],
    ["nobody knows the charger", "DEVICE_UNKNOWN", async () => {}, { deviceCode: "NOBODY01" }],
    ["the charger is disabled", "DEVICE_DISABLED", () => device({ state: 1 })],
    ["nobody manages the charger", "DEVICE_UNMANAGED", () => device({ manager: null })],
    [
      "the user is on the manager's black list",
      "BLACKLISTED",
      () =>
        world.db
          .insertInto("black_user_info")
          .values({ user: USER, manager: MANAGER, setupTime: START })
          .execute(),
    ],
    ["there are no units", "UNIT_RANGE", async () => {}, { unit: 0, money: 0 }],
    ["there are more units than the charger allows", "UNIT_RANGE", () => device({ maxUnit: 1 })],
    ["the price is another one today", "PRICE_CHANGED", () => device({ unitPrice: 160 })],
    ["the charger is free today", "PRICE_CHANGED", () => device({ chargeFlag: 0 })],
    ["the sum is wrong", "AMOUNT_MISMATCH", async () => {}, { money: 299 }],
    ["the gateway cannot drive the charger", "CHARGER_MISCONFIGURED", () => device({ misconfigured: "jam" })],
    ["the gateway is offline", "DEVICE_OFFLINE", async () => void world.gateways.offline.add("gw-1")],
    [
      "the gateway lost the charger more than 90 s ago",
      "CHARGER_UNREACHABLE",
      () => device({ chargerSeenTime: START - 100_000, chargerLostTime: START - 90_001 }),
    ],
    ["the port is damaged", "PORT_DAMAGED", () => device({ portState: "1999200030004000" })],
  ];
  test.each(cases)("%s: %s", async (_, reason, before, order = {}) => {
    await before();
    expect(await world.place(order)).toEqual({ kind: "refused", reason });
    await nothingWritten();
  });
});

describe("is taken", () => {
  test.each([
    ["lost 90 s ago", { chargerSeenTime: START - 100_000, chargerLostTime: START - 90_000 }],
    ["lost long ago and seen since", { chargerSeenTime: START - 10, chargerLostTime: START - 900_000 }],
    ["with another port damaged", { portState: "1000299930004000" }],
  ])("by a charger %s", async (_, values) => {
    await device(values);
    expect(await world.place()).toMatchObject({ kind: "placed" });
  });

  test("from a user who is on another manager's black list", async () => {
    const black = { user: USER, manager: "13900000099", setupTime: START };
    await world.db.insertInto("black_user_info").values(black).execute();
    expect(await world.place()).toMatchObject({ kind: "placed" });
  });

  test("not while a bill waits, also one that has no slot; again when it is paid", async () => {
    const order = await world.charging();
    await world.finish(order.orderId, 60);
    await world.db.deleteFrom("unpaid_order").execute();
    expect(await world.place({ port: 2 })).toEqual({ kind: "refused", reason: "ORDER_UNPAID" });
    await world.db.updateTable("order_info").set({ payState: "waived" }).execute();
    expect(await world.place({ port: 2 })).toMatchObject({ kind: "placed" });
  });

  test("a transaction that fails later leaves no order", async () => {
    const failing = transaction(world.db, async (tx) => {
      await placeOrder(
        tx,
        { user: USER, deviceCode: GATED, port: 1, unitPrice: 150, unit: 1, money: 150, plateNo: "" },
        { at: START, gateways: world.gateways },
      );
      throw new Error("later");
    });
    await expect(failing).rejects.toThrow("later");
    await nothingWritten();
  });
});
