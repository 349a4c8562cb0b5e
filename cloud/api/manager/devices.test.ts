/** What a manager does with chargers and with the black list, which both reach the gateways. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  MANAGER,
  managerScene,
  OTHER,
  OTHER_MANAGER,
  PENDING_MANAGER,
  type Scene,
  USER,
} from "../managerScene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(() => scene.close());

const done = { code: 0, data: [{ result: 0, reason: "" }] };
const as = (method: string, own = {}, who = MANAGER) => scene.as(who, method, own);
const device = (deviceCode: string) =>
  scene.s.db
    .selectFrom("device_info")
    .selectAll()
    .where("deviceCode", "=", deviceCode)
    .executeTakeFirstOrThrow();
const codes = async (who = MANAGER): Promise<string[]> => {
  const { data } = await scene.as(who, "getDeviceList", { startIndex: 0, pageSize: 100 });
  return (data as { abstractList: { deviceCode: string }[] }).abstractList.map((row) => row.deviceCode);
};
/** The answer of a call that is refused, and nothing has changed. */
async function refused(method: string, own: object, who = MANAGER) {
  const before = await scene.s.rows();
  const answer = await as(method, own, who);
  expect(await scene.s.rows()).toEqual(before);
  return answer;
}

const order = { deviceCode: "GATED001", port: 1, unitPrice: "1.50", unit: 2, money: "3.00" };

describe("a charger", () => {
  test("that nobody manages is taken as new: enabled, free, without a name; a known one is listed last first", async () => {
    expect(await as("addDevice", { deviceCode: "LONELY01" })).toMatchObject(done);
    expect(await device("LONELY01")).toMatchObject({
      ...{ manager: MANAGER, state: 0, chargeFlag: 0, maxUnit: 12, deviceName: "", unitPrice: 0 },
      addTime: scene.s.clock.now(),
    });
    expect(await refused("addDevice", { deviceCode: "OTHERS01" })).toMatchObject({
      reason: "DEVICE_MANAGED",
    });
    expect(await refused("addDevice", { deviceCode: "NOTHING1" })).toMatchObject({
      reason: "DEVICE_UNKNOWN",
    });
    await scene.s.clock.advance(1000 as never);
    await as("deleteDevice", { deviceCodeList: "PHONED01" });
    await as("addDevice", { deviceCode: "PHONED01" });
    expect(await codes()).toEqual(["PHONED01", "LONELY01", "GATED001"]);
  });

  test("two managers who take it at once: one has it; two identical calls at once are one", async () => {
    const own = { deviceCode: "LONELY01" };
    const answers = await Promise.all([as("addDevice", own), as("addDevice", own, OTHER_MANAGER)]);
    expect(answers.map((a) => a.reason ?? "done").sort()).toEqual(["DEVICE_MANAGED", "done"]);
    const winner = (await device("LONELY01")).manager;
    await as("deleteDevice", { deviceCodeList: "LONELY01" }, winner ?? "");
    const timestamp = Math.floor(scene.s.clock.now() / 1000);
    const same = () => scene.as(MANAGER, "addDevice", own, { timestamp });
    expect(await Promise.all([same(), same(), same()])).toMatchObject([done, done, done]);
    const added = scene.s.db.selectFrom("audit_log").selectAll().where("what", "=", "device.assign");
    expect(await added.execute()).toHaveLength(3);
  });

  test("is given back with all of the list or none; its orders run on and stay the manager's", async () => {
    const { data } = await scene.as(USER, "newPowerOrder", order);
    const [{ orderId }] = data as [{ orderId: string }];
    for (const list of ["GATED001,OTHERS01", "GATED001,LONELY01", "NOTHING1"]) {
      expect(await refused("deleteDevice", { deviceCodeList: list })).toMatchObject({
        code: 5,
        reason: "NOT_YOURS",
      });
    }
    expect(await refused("deleteDevice", { deviceCodeList: "GATED001,GATED001" })).toMatchObject({ code: 3 });
    expect(await as("deleteDevice", { deviceCodeList: "PHONED01,GATED001" })).toEqual({
      code: 0,
      message: "成功",
      data: [{ result: 0, Result: 0, reason: "" }],
    });
    expect(await codes()).toEqual([]);
    expect(scene.gateways.touched).toContain("gw-1");
    expect(await scene.as(OTHER, "newPowerOrder", { ...order, port: 2 })).toMatchObject({
      reason: "DEVICE_UNMANAGED",
    });
    scene.gateways.answer = () => ({ kind: "stopped", minutes: 60 as never });
    expect(await scene.as(USER, "stopPowerOrder", { orderId })).toMatchObject(done);
    await scene.giveCoins(USER, 3);
    const payment = { orderId, money: 3, pmoney: 3, cash: 0 };
    expect(await scene.as(USER, "payPowerOrder", payment)).toMatchObject({ code: 0 });
    expect(await as("getOrderCash")).toMatchObject({ data: [{ count: 1, money: 3 }] });
  });

  test("is transferred to a registered, approved manager, all of the list or none", async () => {
    const list = { deviceCodeList: "PHONED01,GATED001" };
    for (const transfer of [PENDING_MANAGER, "13900000099"]) {
      expect(await refused("transferDevice", { transfer, ...list })).toEqual({
        ...{ code: 0, message: "接收方不是有效的管理员", reason: "RECEIVER_INVALID" },
        data: [{ result: 1, reason: "接收方不是有效的管理员" }],
      });
    }
    expect(await refused("transferDevice", { transfer: MANAGER, ...list })).toMatchObject({ code: 3 });
    const mixed = { transfer: OTHER_MANAGER, deviceCodeList: "PHONED01,OTHERS01" };
    expect(await refused("transferDevice", mixed)).toMatchObject({ reason: "NOT_YOURS" });
    const kept = await device("GATED001");
    expect(await as("transferDevice", { transfer: OTHER_MANAGER, ...list })).toMatchObject(done);
    expect([(await codes()).sort(), (await codes(OTHER_MANAGER)).sort()]).toEqual([
      [],
      ["GATED001", "OTHERS01", "PHONED01"],
    ]);
    const { deviceName, unitPrice, chargeFlag } = await device("GATED001");
    expect({ deviceName, unitPrice, chargeFlag }).toEqual({
      deviceName: kept.deviceName,
      unitPrice: kept.unitPrice,
      chargeFlag: kept.chargeFlag,
    });
    expect(await refused("reportDeviceName", { deviceCode: "GATED001", deviceName: "二" })).toMatchObject({
      reason: "NOT_YOURS",
    });
  });

  test("blinks behind its gateway; offline, out of reach and without a gateway are told apart", async () => {
    const own = { deviceCode: "GATED001" };
    expect(await as("blinkDevice", own)).toMatchObject(done);
    expect(scene.gateways.sent).toEqual([{ kind: "blink", deviceCode: "GATED001" }]);
    expect(await refused("blinkDevice", { deviceCode: "PHONED01" })).toMatchObject({ reason: "NO_GATEWAY" });
    expect(await refused("blinkDevice", own, OTHER_MANAGER)).toMatchObject({ reason: "NOT_YOURS" });
    scene.gateways.answer = () => ({ kind: "no_answer" });
    expect(await as("blinkDevice", own)).toMatchObject({ code: 999, reason: "CHARGER_UNREACHABLE" });
    scene.gateways.offline.add("gw-1");
    expect(await refused("blinkDevice", own)).toMatchObject({ code: 999, reason: "DEVICE_OFFLINE" });
  });
});

describe("what is set", () => {
  const set = (own: object) => as("setDeviceValue", { deviceCode: "GATED001", ...own });

  test.each([
    [{ maxUnit: 12, unitPrice: "83.33" }, true],
    [{ maxUnit: 12, unitPrice: "83.34" }, false],
    [{ maxUnit: 10, unitPrice: "99.99" }, true],
    [{ maxUnit: 11, unitPrice: "99.99" }, false],
    [{ maxUnit: 1, unitPrice: "0.01" }, true],
    [{ maxUnit: 1, unitPrice: "100" }, false],
    [{ unitPrice: 0 }, false],
    [{ unitPrice: 0, chargeFlag: 0 }, false],
    [{ maxUnit: 0 }, false],
    [{ maxUnit: 13 }, false],
    [{ state: 2 }, false],
    [{ chargeFlag: 2 }, false],
    [{}, false],
  ])("%j: %s", async (own, good) => {
    const all = { deviceCode: "GATED001", ...own };
    const answer = good ? await as("setDeviceValue", all) : await refused("setDeviceValue", all);
    expect(answer.code).toBe(good ? 0 : 3);
    if (!good) expect(answer.reason).toBe("PARAMETER");
    expect(scene.gateways.touched).toEqual(good ? ["gw-1"] : []);
  });

  test("holds together with what is stored: neither price nor time alone goes beyond", async () => {
    expect(await set({ maxUnit: 10, unitPrice: "99.99" })).toMatchObject(done);
    const own = { deviceCode: "GATED001" };
    expect(await refused("setDeviceValue", { ...own, maxUnit: 11 })).toMatchObject({ code: 3 });
    expect(await set({ chargeFlag: 0 })).toMatchObject(done);
    expect(await set({ maxUnit: 12 })).toMatchObject(done);
    expect(await refused("setDeviceValue", { ...own, chargeFlag: 1 })).toMatchObject({ code: 3 });
    expect(await set({ chargeFlag: 1, unitPrice: "1.00" })).toMatchObject(done);
    await as("addDevice", { deviceCode: "LONELY01" });
    const free = { deviceCode: "LONELY01", chargeFlag: 1 };
    expect(await refused("setDeviceValue", free)).toMatchObject({ code: 3 });
  });

  test("holds for orders made afterwards; the list shows the stored price, a user 0 where it is free", async () => {
    const placed = await scene.as(USER, "newPowerOrder", order);
    expect(placed).toMatchObject({ code: 0 });
    await set({ unitPrice: "2.00", maxUnit: 4 });
    expect(await scene.as(USER, "getOrderPay")).toMatchObject({ data: [{ unitPrice: 1.5, money: 3 }] });
    const old = { ...order, port: 2 };
    expect(await scene.as(OTHER, "newPowerOrder", old)).toMatchObject({ reason: "PRICE_CHANGED" });
    await set({ chargeFlag: 0 });
    const list = await as("getDeviceList", { startIndex: 0, pageSize: 10 });
    expect(list.data).toMatchObject({
      abstractList: expect.arrayContaining([
        expect.objectContaining({ deviceCode: "GATED001", unitPrice: 2, chargeFlag: 0, maxUnit: 4 }),
      ]),
    });
    const shown = await scene.as(OTHER, "getDeviceInfo", { user: null, deviceCode: "GATED001" });
    expect(shown).toMatchObject({ data: [{ unitPrice: 0, chargeFlag: 0 }] });
    await set({ state: 1 });
    const free = { ...old, unitPrice: 0, money: 0 };
    expect(await scene.as(OTHER, "newPowerOrder", free)).toMatchObject({ reason: "DEVICE_DISABLED" });
    const orderId = (placed.data as { orderId: string }[])[0]?.orderId ?? "";
    expect(await scene.as(USER, "getPowerOrder", { orderId })).toMatchObject({
      data: [{ state: "charging", money: 3 }],
    });
  });
});

describe("the black list", () => {
  const list = async (own = {}) => (await as("getBlackUser", { startIndex: 0, pageSize: 10, ...own })).data;

  test("takes only who has charged at one of the manager's chargers", async () => {
    const never = {
      code: 0,
      reason: "USER_NEVER_CHARGED",
      data: [{ result: 1, reason: "该用户没有使用记录" }],
    };
    await scene.order({ user: OTHER, manager: OTHER_MANAGER, deviceCode: "OTHERS01" });
    await scene.order({ user: OTHER, state: "cancelled", payState: "unpaid" });
    expect(await refused("addBlackUser", { user: OTHER })).toMatchObject(never);
    expect(await refused("addBlackUser", { user: "13800000099" })).toMatchObject(never);
    await scene.order({ user: USER });
    expect(await as("addBlackUser", { user: USER })).toMatchObject(done);
    expect(await list()).toEqual({
      totalCount: 1,
      abstractList: [{ user: USER, userName: "甲", setupTime: "2026-11-22 10:30:00" }],
    });
  });

  test("holds at all of the manager's chargers and at no other's, reaches the gateways, and spares orders made before", async () => {
    const placed = await scene.as(USER, "newPowerOrder", order);
    const [{ orderId }] = placed.data as [{ orderId: string }];
    await as("addBlackUser", { user: USER });
    await as("addBlackUser", { user: USER });
    expect((await list()) as object).toMatchObject({ totalCount: 1 });
    expect(scene.gateways.touched).toContain("gw-1");
    scene.gateways.answer = (body) =>
      body.kind === "start"
        ? { kind: "started", minutes: body.minutes }
        : { kind: "stopped", minutes: 60 as never };
    expect(await scene.as(USER, "stopPowerOrder", { orderId })).toMatchObject(done);
    await scene.giveCoins(USER, 3);
    const payment = { orderId, money: 3, pmoney: 3, cash: 0 };
    expect(await scene.as(USER, "payPowerOrder", payment)).toMatchObject({ code: 0 });
    for (const deviceCode of ["GATED001", "PHONED01"]) {
      const again = await scene.as(USER, "newPowerOrder", { ...order, deviceCode });
      expect(again).toMatchObject({ code: 5, reason: "BLACKLISTED" });
    }
    const elsewhere = await scene.as(USER, "newPowerOrder", { ...order, deviceCode: "OTHERS01" });
    expect(elsewhere).toMatchObject({ code: 0 });
  });

  test("is counted up at the manager's gateways and written down, whoever else has done nothing", async () => {
    await scene.order({ user: USER });
    const deeds = async () =>
      (
        await scene.s.db.selectFrom("audit_log").select(["who", "what", "object"]).orderBy("id").execute()
      ).filter((a) => a.what.startsWith("blacklist."));
    const who = `manager:${MANAGER}`;
    const changes = [
      ["addBlackUser", { user: USER }, "blacklist.add"],
      ["deleteBlackUser", { userList: USER }, "blacklist.remove"],
    ] as const;
    for (const [method, own, what] of changes) {
      scene.gateways.touched.length = 0;
      const before = (await deeds()).length;
      expect(await as(method, own)).toMatchObject(done);
      expect(scene.gateways.touched).toEqual(["gw-1"]);
      expect((await deeds()).slice(before)).toEqual([{ who, what, object: USER }]);
    }
    // Who is on the list already is put there once.
    await as("addBlackUser", { user: USER });
    scene.s.clock.jump(1000 as never);
    await as("addBlackUser", { user: USER });
    expect(await deeds()).toHaveLength(3);
  });

  test("lets go of all of a list or of none, and of nobody on another's", async () => {
    for (const user of [USER, OTHER]) {
      await scene.order({ user });
      await as("addBlackUser", { user });
    }
    const not = { code: 0, reason: "NOT_BLACKLISTED" };
    expect(await refused("deleteBlackUser", { userList: `${USER},13800000099` })).toMatchObject(not);
    expect(await refused("deleteBlackUser", { userList: USER }, OTHER_MANAGER)).toMatchObject(not);
    expect(await refused("deleteBlackUser", { userList: `${USER},${USER}` })).toMatchObject({ code: 3 });
    expect(await list()).toMatchObject({ totalCount: 2, abstractList: [{ user: OTHER }, { user: USER }] });
    expect(await list({ startIndex: 1, pageSize: 1 })).toMatchObject({
      totalCount: 2,
      abstractList: [{ user: USER }],
    });
    expect(await as("deleteBlackUser", { userList: `${USER},${OTHER}` })).toMatchObject(done);
    expect(await list()).toEqual({ totalCount: 0, abstractList: [] });
    expect(await scene.as(USER, "newPowerOrder", order)).toMatchObject({ code: 0 });
  });
});
