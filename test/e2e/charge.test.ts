import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { MANAGER, one, type Site, startSite } from "./site.ts";
import { until } from "./until.ts";

/** The main job with every part as a real process; the air, and only the air, is simulated. */

let site: Site;

beforeAll(async () => {
  site = await startSite({
    chargers: [
      { code: "CHARGE01", chip: "A1B2C3D4E5F6" },
      { code: "CHARGE02", chip: "0123456789AB" },
      { code: "WRONGJAM", chip: "0BADC0DE0001", recordedJamCode: "ZZZZZZ" },
    ],
    // An hour of charging passes in a quarter of a minute.
    speed: 240,
  });
  await site.reachable("CHARGE01");
  await site.reachable("CHARGE02");
}, 120_000);
afterAll(() => site?.stop());

const price = { unitPrice: "1.50", unit: 1, money: "1.50" };
let people = 0;
/** Every scenario has a user of its own, so that an unpaid bill of one does not stop another. */
const newUser = () => site.user(`138${String(10_000_000 + people++)}`);

const portOf = async (code: string, port: number) =>
  (await site.charger(code)).ports.find((p) => p.port === port);
const poweronsOf = (code: string): number => site.lines(code, /POWERON/).length;

describe("the main job", { timeout: 90_000 }, () => {
  test("a charge is ordered, runs on the charger, ends by time, is billed and paid", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    const opened = one(
      await site.call("newPowerOrder", { ...who, deviceCode: "CHARGE01", port: 1, ...price }),
    );
    expect(opened.state).toBe("charging");
    expect(await portOf("CHARGE01", 1)).toMatchObject({ state: "running" });
    const orderId = String(opened.orderId);

    const bills = await site.call("getOrderPay", who);
    expect(bills.data).toMatchObject([{ orderId, deviceCode: "CHARGE01", port: 1, unit: 1, money: 1.5 }]);
    // Not two charges at once, and no new one before the bill is paid.
    const second = await site.call("newPowerOrder", { ...who, deviceCode: "CHARGE02", port: 1, ...price });
    expect(second).toMatchObject({ code: 5, reason: "ORDER_UNPAID", data: [] });
    expect(await portOf("CHARGE02", 1)).toMatchObject({ state: "free" });

    const ended = await until(
      "the charge has ended",
      () => site.order(who, orderId),
      (o) => o.state === "finished",
      60_000,
    );
    expect(ended).toMatchObject({ minutes: 30, unit: 1, money: 1.5 });
    expect(await portOf("CHARGE01", 1)).toMatchObject({ state: "free" });

    await site.pay(who, orderId, "1.50");
    expect(await site.order(who, orderId)).toMatchObject({ state: "finished", payState: "paid", cash: 1.5 });
    expect((await site.call("getOrderPay", who)).data).toEqual([]);
  });

  test("a charge is stopped early: the port is off at once, what was agreed is owed", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    const { orderId } = one(
      await site.call("newPowerOrder", {
        ...who,
        deviceCode: "CHARGE01",
        port: 2,
        unitPrice: "1.50",
        unit: 12,
        money: "18.00",
      }),
    );
    expect(one(await site.call("stopPowerOrder", { ...who, orderId: String(orderId) }))).toMatchObject({
      result: 0,
    });
    expect(await portOf("CHARGE01", 2)).toMatchObject({ state: "free" });
    expect(await site.order(who, String(orderId))).toMatchObject({ state: "finished", money: 18 });
    await site.pay(who, String(orderId), "18.00");
  });

  test("another person's order can neither be seen nor stopped nor paid", async () => {
    onTestFailed(() => console.log(site.log()));
    const owner = await newUser();
    const other = await newUser();
    const { orderId } = one(
      await site.call("newPowerOrder", {
        ...owner,
        deviceCode: "CHARGE02",
        port: 4,
        ...price,
        unit: 2,
        money: "3.00",
      }),
    );
    for (const method of ["getPowerOrder", "stopPowerOrder", "cancelPowerOrder"]) {
      const answer = await site.call(method, { ...other, orderId: String(orderId) });
      expect(answer).toMatchObject({ code: 5, reason: "NOT_YOURS", data: [] });
    }
    const answer = await site.call("payPowerOrder", {
      ...other,
      orderId: String(orderId),
      money: "3.00",
      pmoney: 0,
      cash: "3.00",
    });
    expect(answer).toMatchObject({ code: 5, reason: "NOT_YOURS" });
    expect(await portOf("CHARGE02", 4)).toMatchObject({ state: "running" });
    one(await site.call("stopPowerOrder", { ...owner, orderId: String(orderId) }));
  });
});

describe("what goes wrong on the air", { timeout: 90_000 }, () => {
  test("the reply of POWERON is lost: the port runs, the order is charging, no second POWERON", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    await site.chargerFault("CHARGE02", { kind: "lose-reply", times: 1 });
    const before = poweronsOf("CHARGE02");
    const opened = one(
      await site.call("newPowerOrder", {
        ...who,
        deviceCode: "CHARGE02",
        port: 1,
        ...price,
        unit: 12,
        money: "18.00",
      }),
    );
    expect(opened.state).toBe("charging");
    expect(await portOf("CHARGE02", 1)).toMatchObject({ state: "running" });
    expect(poweronsOf("CHARGE02") - before).toBe(1);
    one(await site.call("stopPowerOrder", { ...who, orderId: String(opened.orderId) }));
  });

  for (const [step, fault] of [
    ["before the command", { kind: "drop-link" }],
    ["while the command is on the air", { kind: "drop-write", times: 1 }],
    ["while the answer is on the air", { kind: "lose-notification", times: 1 }],
  ] as const) {
    test(`the link drops ${step}: the order runs once`, async () => {
      onTestFailed(() => console.log(site.log()));
      const who = await newUser();
      const before = poweronsOf("CHARGE01");
      if (fault.kind === "drop-link") await site.chargerFault("CHARGE01", fault);
      else await site.airFault({ ...fault, name: site.bluetoothName("CHARGE01") });
      const opened = one(
        await site.call("newPowerOrder", {
          ...who,
          deviceCode: "CHARGE01",
          port: 3,
          ...price,
          unit: 12,
          money: "18.00",
        }),
      );
      const orderId = String(opened.orderId);
      await until(
        "the order is charging",
        () => site.order(who, orderId),
        (o) => o.state === "charging",
        30_000,
      );
      expect(await portOf("CHARGE01", 3)).toMatchObject({ state: "running" });
      expect(poweronsOf("CHARGE01") - before).toBe(1);
      one(await site.call("stopPowerOrder", { ...who, orderId }));
      await until(
        "the port is free",
        () => portOf("CHARGE01", 3),
        (p) => p?.state === "free",
      );
    });
  }

  test("a charger with another jam code than its record is refused and reported, never switched on", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    const answer = await site.call("newPowerOrder", { ...who, deviceCode: "WRONGJAM", port: 1, ...price });
    expect(answer).toMatchObject({ code: 999, reason: "CHARGER_MISCONFIGURED", data: [] });
    expect(await portOf("WRONGJAM", 1)).toMatchObject({ state: "free" });
    expect((await site.call("getOrderPay", who)).data).toEqual([]);
  });

  test("the charger loses power in mid-charge: the charge goes on and ends, billed for what was delivered", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    const { orderId } = one(
      await site.call("newPowerOrder", {
        ...who,
        deviceCode: "CHARGE02",
        port: 3,
        ...price,
        unit: 2,
        money: "3.00",
      }),
    );
    const cuts = () => site.lines("gateway", /CHARGE02 has been without power/).length;
    const before = cuts();
    await site.chargerFault("CHARGE02", { kind: "power-cut", ms: 2000 });
    await until("the gateway has noticed the power cut", cuts, (n) => n > before);
    expect(await site.order(who, String(orderId))).toMatchObject({ state: "charging" });
    const ended = await until(
      "the charge has ended",
      () => site.order(who, String(orderId)),
      (o) => o.state === "finished",
      75_000,
    );
    expect(ended).toMatchObject({ minutes: 60, unit: 2, money: 3 });
  });
});

describe("who comes first", { timeout: 60_000 }, () => {
  test("two orders race for one port: exactly one wins, the port runs for that one", async () => {
    onTestFailed(() => console.log(site.log()));
    const both = [await newUser(), await newUser()];
    const answers = await Promise.all(
      both.map((who) =>
        site.call("newPowerOrder", {
          ...who,
          deviceCode: "CHARGE01",
          port: 4,
          ...price,
          unit: 12,
          money: "18.00",
        }),
      ),
    );
    expect(answers.map((a) => a.code).sort()).toEqual([0, 6]);
    expect(answers.find((a) => a.code === 6)).toMatchObject({ reason: "PORT_BUSY", data: [] });
    const winner = both[answers.findIndex((a) => a.code === 0)]!;
    const loser = both[answers.findIndex((a) => a.code === 6)]!;
    expect((await site.call("getOrderPay", loser)).data).toEqual([]);
    const orderId = String(one(answers.find((a) => a.code === 0)!).orderId);
    expect(await site.order(winner, orderId)).toMatchObject({ state: "charging" });
    expect(await portOf("CHARGE01", 4)).toMatchObject({ state: "running" });
    expect(site.lines("CHARGE01", /POWERON\|4\|/)).toHaveLength(1);
    one(await site.call("stopPowerOrder", { ...winner, orderId }));
  });

  test("two orders of one user race: exactly one wins, one port runs", async () => {
    onTestFailed(() => console.log(site.log()));
    const who = await newUser();
    const answers = await Promise.all(
      ["CHARGE01", "CHARGE02"].map((deviceCode) =>
        site.call("newPowerOrder", { ...who, deviceCode, port: 4, ...price, unit: 12, money: "18.00" }),
      ),
    );
    expect(answers.map((a) => a.code).sort()).toEqual([0, 5]);
    expect(answers.find((a) => a.code === 5)).toMatchObject({ reason: "ORDER_UNPAID", data: [] });
    const running = [await portOf("CHARGE01", 4), await portOf("CHARGE02", 4)].filter(
      (p) => p?.state === "running",
    );
    expect(running).toHaveLength(1);
    one(
      await site.call("stopPowerOrder", {
        ...who,
        orderId: String(one(answers.find((a) => a.code === 0)!).orderId),
      }),
    );
  });
});

test("the manager's phone number opens no user's order", { timeout: 30_000 }, async () => {
  const who = await newUser();
  const answer = await site.call("getOrderPay", { user: MANAGER, session: who.session });
  expect(answer).toMatchObject({ code: 4, reason: "SESSION", data: [] });
});
