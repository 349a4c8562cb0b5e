import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { changeOrder, insertOrder } from "../orders/orderRow.ts";
import { GATED, MANAGER, OTHER, PHONED, type TestWorld, testWorld, USER } from "../orders/testWorld.ts";
import { payer } from "../payments/payer.ts";
import { monthsAfter } from "../people/vip.ts";
import { TestTerminal } from "./testTerminal.ts";

let terminal: TestTerminal;
let world: TestWorld;
beforeEach(async () => {
  terminal = new TestTerminal();
  world = await testWorld(terminal.url);
  terminal.clock = world.clock;
});
afterEach(async () => {
  await world.close();
  terminal.close();
});
const { open, balance } = payer(() => world);
const deeds = async () =>
  (await terminal.audited()).filter((a) => a.who.startsWith("operator:")).map((a) => [a.what, a.object]);

test("a manager's name is not changed in silence, also when the manager is approved already", async () => {
  await terminal.json(["manager", "approve", MANAGER, "--name", "甲"]);
  await terminal.json(["manager", "approve", MANAGER, "--name", "乙"]);
  await terminal.json(["manager", "approve", MANAGER, "--name", "乙"]);
  const log = (await terminal.audited()).filter((a) => a.what.startsWith("manager."));
  expect(log.map((a) => [a.what, a.object, a.detail]).slice(-1)).toEqual([
    ["manager.rename", MANAGER, '"甲" to "乙"'],
  ]);
  expect(log.filter((a) => a.what === "manager.rename")).toHaveLength(2);
  expect(log.every((a) => a.who.startsWith("operator:"))).toBe(true);
});

describe("a bill is waived", () => {
  test("when it is unpaid: nobody pays it, no list has it, and its user orders again", async () => {
    const { orderId } = await world.charging();
    expect((await world.place({ port: 2 })).kind).toBe("refused");
    expect(await terminal.json(["order", "waive", orderId, "--reason", "port was broken"])).toEqual({
      orderId,
      money: 3,
    });
    expect(await world.order(orderId)).toMatchObject({
      ...{ state: "charging", payState: "waived", cashOutFlag: 2, money: 300 },
    });
    expect((await world.place({ port: 2 })).kind).toBe("placed");
    expect(await world.portTaken(orderId)).toBe(true);
    await world.finish(orderId, 60);
    expect(await world.order(orderId)).toMatchObject({ state: "finished", payState: "waived" });
    expect(await world.db.selectFrom("order_day").select("money").execute()).toEqual([{ money: 0 }]);
    expect(await balance(`manager_payable:${MANAGER}`)).toBe(0);
    expect(await world.violations()).toEqual([]);
    expect((await terminal.audited()).at(-1)).toMatchObject({
      what: "order.waive",
      object: orderId,
      detail: "300 fen: port was broken",
    });
    expect(await terminal.refused(`order waive ${orderId} --reason X`)).toContain("is waived already");
  });

  test("also one of a charge that a gateway took offline, while the slot is another's", async () => {
    const first = await world.charging();
    await world.finish(first.orderId, 60);
    const second = { ...first, orderId: "90001799999999", source: "offline" as const };
    const { id: _, ...values } = second;
    await transaction(world.db, async (tx) => {
      await insertOrder(tx, { ...values, state: "finished", payState: "unpaid" });
    });
    await terminal.json(`order waive ${second.orderId} --reason offline`);
    expect(await world.order(second.orderId)).toMatchObject({ payState: "waived" });
    expect((await world.place({ port: 2 })).kind).toBe("refused");
    await terminal.json(`order waive ${first.orderId} --reason too`);
    expect((await world.place({ port: 2 })).kind).toBe("placed");
  });

  test("not when it is paid, being paid, cancelled, or has not begun; nothing is noted then", async () => {
    const waive = (orderId: string) => terminal.refused(`order waive ${orderId} --reason X`);
    const placed = await world.place();
    if (placed.kind !== "placed") throw new Error(placed.kind);
    const { orderId } = placed;
    expect(await waive(orderId)).toContain("has no bill");
    await world.event({
      kind: "order.failed",
      body: { orderId: orderId as never, reason: "port_busy", detail: "" },
    });
    expect(await waive(orderId)).toContain("has no bill");
    const paying = await world.charging({ port: 2 });
    await open(paying.orderId);
    expect(await waive(paying.orderId)).toContain("is being paid");
    await transaction(world.db, (tx) =>
      changeOrder(tx, paying.orderId, { set: { payState: "paid", pmoney: 3 } }),
    );
    expect(await waive(paying.orderId)).toContain("is paid");
    expect(await waive("90000000000000")).toContain("there is no order");
    expect(await deeds()).toEqual([]);
  });
});

describe("orders", () => {
  test("are listed by whom, where, when and how they stand", async () => {
    const first = await world.charging();
    await world.finish(first.orderId, 60);
    const second = await world.charging({ user: OTHER, deviceCode: PHONED, port: 3 });
    const ids = async (flags: string) =>
      (await terminal.json(`order list ${flags}`)).map((o) => o.orderId as string);
    expect(await ids(`--user ${USER}`)).toEqual([first.orderId]);
    expect(await ids(`--device ${PHONED}`)).toEqual([second.orderId]);
    expect(await ids("--state finished")).toEqual([first.orderId]);
    expect(await ids(`--manager ${MANAGER} --pay unpaid`)).toEqual([second.orderId, first.orderId]);
    expect(await ids("--pay waived")).toEqual([]);
    expect(await ids("--from 2027-01-15 --to 20270115")).toHaveLength(2);
    expect(await ids("--to 2027-01-14")).toEqual([]);
    expect(await ids("--from 2027-01-16")).toEqual([]);
    expect((await terminal.json(`order list --user ${USER}`))[0]).toMatchObject({ user: "138****0001" });
    expect((await terminal.json(`order list --user ${USER} --phones`))[0]).toMatchObject({ user: USER });
    expect(await terminal.refused("order list --from 2027-01-16 --to 2027-01-15")).toBe(
      "--from is after --to",
    );
    expect(await terminal.refused("order list --from 2027-02-30", 2)).toContain("--from is a date such as");
    expect(await terminal.refused("order list --overdue --state charging")).toContain("goes with no filter");
  });

  test("are shown with their payments", async () => {
    await world.giveCoins(USER, 3);
    const { orderId } = await world.charging();
    await open(orderId, { pmoney: 3, cash: 0 });
    expect(await terminal.json(`order show ${orderId}`)).toMatchObject({
      ...{ orderId, user: "138****0001", deviceCode: GATED, state: "charging", payState: "paid", money: 3 },
      payments: [{ channel: "coins", state: "success", pmoney: 3, cash: 0 }],
      refunds: [],
    });
    const { out } = await terminal.run(`order show ${orderId}`);
    expect(out).toContain("3 coins and 0.00 yuan by coins, success");
    expect(out).not.toContain(USER);
    expect(await terminal.refused("order show 90000000000000")).toContain("there is no order");
  });
});

test("a manager is suspended, waits like a new one, and is approved again", async () => {
  expect(await terminal.json("manager list --pending")).toEqual([]);
  await terminal.json(`manager suspend ${MANAGER}`);
  expect(await terminal.json("manager list --pending")).toMatchObject([
    { manager: "139****0001", approved: 0 },
  ]);
  expect((await terminal.run(`manager suspend ${MANAGER}`)).out).toContain("was not approved");
  await terminal.json(`manager approve ${MANAGER}`);
  expect(await terminal.refused("manager suspend 13900000009")).toContain("there is no manager");
  expect(await deeds()).toEqual([
    ["manager.suspend", MANAGER],
    ["manager.approve", MANAGER],
  ]);
});

test("professions are added, renamed and removed, but not one that somebody has", async () => {
  const before = (await terminal.json("profession list")).length;
  const { professionId } = await terminal.json("profession add 幕墙工");
  expect(await terminal.refused("profession add 幕墙工")).toContain("already");
  await terminal.json(`profession rename ${professionId} --name 玻璃工`);
  await world.db
    .updateTable("user_info")
    .set({ professionId: Number(professionId) })
    .execute();
  expect(await terminal.refused(`profession remove ${professionId}`)).toContain("is somebody's");
  await world.db.updateTable("user_info").set({ professionId: null }).execute();
  await terminal.json(`profession remove ${professionId}`);
  expect(await terminal.json("profession list")).toHaveLength(before);
  expect(await terminal.refused(`profession rename ${professionId} --name X`)).toContain(
    "there is no profession",
  );
});

test("VIP is granted for months of the calendar, from the end of what there is", async () => {
  expect((await terminal.run(`vip show ${USER}`)).out).toContain("was never VIP");
  await terminal.json(`vip grant ${USER} --months 1 --reason X`);
  expect(await terminal.json(`vip grant ${USER} --months 2 --reason X`)).toEqual({
    user: USER,
    vipUntil: "2027-04-15 16:00:00",
  });
  expect(await terminal.json(`vip show ${USER}`)).toMatchObject({ vip: true });
  world.clock.jump((200 * 86_400_000) as never);
  expect((await terminal.run(`vip show ${USER}`)).out).toContain("was VIP until 2027-04-15");
  expect(await terminal.refused("vip grant 13800000009 --months 1 --reason X")).toContain("there is no user");
  expect(await terminal.refused(`vip grant ${USER} --months 0 --reason X`, 2)).toContain("from 1 to 36");
  expect(await deeds()).toEqual([
    ["vip.grant", USER],
    ["vip.grant", USER],
  ]);
});

test.each([
  ["2027-01-31T12:00:00+08:00", 1, "2027-02-28T12:00:00+08:00"],
  ["2027-12-31T12:00:00+08:00", 2, "2028-02-29T12:00:00+08:00"],
  ["2027-03-01T00:30:00+08:00", 24, "2029-03-01T00:30:00+08:00"],
])("from %s %d months are until %s", (from, months, until) => {
  expect(monthsAfter(Date.parse(from), months, "Asia/Shanghai")).toBe(Date.parse(until));
});

test("cards are issued once, listed and taken back", async () => {
  await terminal.json("card add 0000000001 --kind physical");
  await terminal.json("card add 111111786 --kind virtual");
  expect(await terminal.refused("card add 0000000001 --kind virtual")).toContain("already");
  expect(await terminal.refused("card add 12a4 --kind virtual", 2)).toContain("NUMBER is 4 to 20 digits");
  await world.db.updateTable("charge_card").set({ user: USER }).where("cardNo", "=", "111111786").execute();
  expect(await terminal.json("card list")).toMatchObject([
    { cardNo: "0000000001", kind: "physical", user: null },
    { cardNo: "111111786", kind: "virtual", user: "138****0001" },
  ]);
  expect(await terminal.json(`card list --user ${USER}`)).toMatchObject([{ cardNo: "111111786" }]);
  await terminal.json("card remove 111111786");
  expect(await terminal.json("card list")).toHaveLength(1);
  expect(await terminal.refused("card remove 111111786")).toContain("there is no card");
  expect((await deeds()).map(([what]) => what)).toEqual(["card.add", "card.add", "card.remove"]);
});

test("the log is searched, and shows no whole phone number unless it is asked for", async () => {
  await terminal.json(`manager suspend ${MANAGER}`);
  world.clock.jump(86_400_000 as never);
  await terminal.json(`vip grant ${USER} --months 1 --reason ${OTHER}`);
  const whats = async (flags: string) => (await terminal.json(`audit log ${flags}`)).map((e) => e.what);
  expect(await whats("")).toEqual(["vip.grant", "manager.suspend"]);
  expect(await whats("--what vip")).toEqual(["vip.grant"]);
  expect(await whats("--what manager.suspend")).toEqual(["manager.suspend"]);
  expect(await whats("--what vi")).toEqual([]);
  expect(await whats(`--object ${MANAGER}`)).toEqual(["manager.suspend"]);
  expect(await whats("--from 2027-01-16")).toEqual(["vip.grant"]);
  expect(await whats("--to 2027-01-15")).toEqual(["manager.suspend"]);
  expect(await whats("--who nobody")).toEqual([]);
  const who = (await terminal.audited())[0]?.who ?? "";
  expect(await whats(`--who ${who.slice("operator:".length)}`)).toHaveLength(2);
  const { out } = await terminal.run("audit log");
  for (const phone of [USER, OTHER, MANAGER]) expect(out).not.toContain(phone);
  expect(out).toContain("1 months: 138****0002");
  expect((await terminal.run("audit log --full")).out).toContain(OTHER);
});
