import { chipId, deviceCode, fen, jamCode, phone } from "@bluepower/protocol/units";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { assignGateway, assignManager, registerDevice, setDevice } from "../devices/register.ts";
import { approveManager, registerManager } from "../people/managers.ts";
import { idleGateways, type Scenario, START, scenario } from "./scenario.ts";
import { table } from "./table.ts";

const USER = "13800000001";
const MANAGER = phone("13900000001");
const CODE = deviceCode("DEMO0001");
const CHIP = chipId("A1B2C3D4E5F6");
const BY = { who: "operator", at: START };

let s: Scenario;
let online: boolean;
let touched: string[];
const touchDesired = async (_tx: unknown, gatewayId: string): Promise<void> => {
  touched.push(gatewayId);
};
beforeEach(async () => {
  online = true;
  touched = [];
  s = await scenario({ table, cloud: () => ({ gateways: { ...idleGateways, online: () => online } }) });
  await s.db.insertInto("site").values({ id: 1, name: "yard", zone: "Europe/Paris" }).execute();
  for (const id of ["gw-1", "gw-2"]) {
    const gateway = { id, siteId: 1, tokenHash: "", setupTime: START, seenTime: null };
    await s.db.insertInto("gateway").values(gateway).execute();
  }
});
afterEach(() => s.close());

type Change<T> = Parameters<typeof transaction<T>>[1];
const change = <T>(work: Change<T>): Promise<T> => transaction(s.db, work);
const register = (more = {}) =>
  change((tx) => registerDevice(tx, { deviceCode: CODE, chip: CHIP, version: 1, ...more }, BY));
const set = (values: Omit<Parameters<typeof setDevice>[1], "deviceCode" | "touchDesired">) =>
  change((tx) => setDevice(tx, { deviceCode: CODE, touchDesired, ...values }, BY));
const behind = (gatewayId: string | null) =>
  change((tx) => assignGateway(tx, { deviceCode: CODE, gatewayId, touchDesired }, BY));
const device = async (own: Record<string, string> = {}) => {
  const answer = await s.call("user", "getDeviceInfo", { deviceCode: CODE, ...own });
  return (answer.data as Record<string, unknown>[])[0];
};
/** An outcome that is a refusal changes no table. */
async function unchanged<T>(work: () => Promise<T>): Promise<T> {
  const before = await s.rows();
  const outcome = await work();
  expect(await s.rows()).toEqual(before);
  expect(touched).toEqual([]);
  return outcome;
}

describe("the operator registers chargers", () => {
  test("a new one is enabled, free, at most 12 units, without name, manager and gateway", async () => {
    expect(await register()).toBe("registered");
    expect(await device(await s.person("user", USER))).toEqual({
      deviceName: "",
      state: 0,
      btName: "BUC_A1B2C3D4E5F6",
      jamCode: "123456",
      maxUnit: 12,
      chargeFlag: 0,
      unitPrice: 0,
      portState: "",
      portTime: "",
      gateway: 0,
      gatewayUrls: [],
    });
    expect((await s.rows()).audit_log).toMatchObject([
      { who: "operator", what: "device.register", object: CODE, insertTime: START },
    ]);
  });

  test("a record may carry another jam code, which no audit row holds", async () => {
    await register({ jamCode: jamCode("SECRET") });
    expect((await s.rows()).device_info).toMatchObject([{ jamCode: "SECRET" }]);
    expect(JSON.stringify((await s.rows()).audit_log)).not.toContain("SECRET");
  });

  test("code, chip and profile are checked", async () => {
    await register();
    expect(await unchanged(() => register())).toBe("code_exists");
    const other = { deviceCode: deviceCode("DEMO0002") };
    expect(await unchanged(() => register(other))).toBe("chip_exists");
    const unknown = { ...other, chip: chipId("0123456789AB"), version: 9 };
    expect(await unchanged(() => register(unknown))).toBe("profile_unknown");
  });
});

describe("a charger's manager", () => {
  const give = (manager: string | null) =>
    change((tx) => assignManager(tx, { deviceCode: CODE, manager, touchDesired }, BY));

  test("is a registered and approved one, or nobody", async () => {
    expect(await give(MANAGER)).toBe("device_unknown");
    await register();
    expect(await unchanged(() => give(MANAGER))).toBe("manager_unknown");
    expect(await change((tx) => registerManager(tx, { phone: MANAGER }, BY))).toBe("registered");
    expect(await change((tx) => registerManager(tx, { phone: MANAGER }, BY))).toBe("exists");
    expect(await unchanged(() => give(MANAGER))).toBe("manager_pending");
    const approve = () => change((tx) => approveManager(tx, { phone: MANAGER }, BY));
    expect([await approve(), await approve()]).toEqual(["approved", "already"]);
    expect(await give(MANAGER)).toBe("assigned");
    expect((await s.rows()).device_info).toMatchObject([{ manager: MANAGER, addTime: START }]);
    await give(null);
    expect((await s.rows()).device_info).toMatchObject([{ manager: null, addTime: null }]);
  });

  test("is a change that the charger's gateway is told of", async () => {
    await register();
    await change((tx) => registerManager(tx, { phone: MANAGER }, BY));
    await change((tx) => approveManager(tx, { phone: MANAGER }, BY));
    await behind("gw-1");
    touched = [];
    expect([await give(MANAGER), await give(null)]).toEqual(["assigned", "assigned"]);
    expect(touched).toEqual(["gw-1", "gw-1"]);
  });
});

describe("a charger's values", () => {
  beforeEach(async () => {
    await register();
    await behind("gw-1");
    touched = [];
  });

  test("what is given is set and the gateway told, the rest stays", async () => {
    expect(await set({ deviceName: "门口", chargeFlag: 1, unitPrice: fen(150) })).toBe("set");
    expect(await set({ maxUnit: 6, state: 1 })).toBe("set");
    expect(await device()).toMatchObject({
      deviceName: "门口",
      chargeFlag: 1,
      unitPrice: 1.5,
      maxUnit: 6,
      state: 1,
    });
    expect(touched).toEqual(["gw-1", "gw-1"]);
  });

  test("of a free charger the price is answered as 0 and kept", async () => {
    await set({ chargeFlag: 1, unitPrice: fen(150) });
    await set({ chargeFlag: 0 });
    expect(await device()).toMatchObject({ chargeFlag: 0, unitPrice: 0 });
    await set({ chargeFlag: 1 });
    expect(await device()).toMatchObject({ unitPrice: 1.5 });
  });

  test.each([
    [{ maxUnit: 0 }, "unit_range"],
    [{ maxUnit: 13 }, "unit_range"],
    [{ chargeFlag: 1 }, "price_range"],
    [{ chargeFlag: 1, unitPrice: fen(0) }, "price_range"],
    [{ unitPrice: fen(100_00) }, "price_range"],
    [{ chargeFlag: 1, unitPrice: fen(84_00), maxUnit: 12 }, "price_range"],
  ] as const)("%j: %s", async (values, outcome) => {
    expect(await unchanged(() => set(values))).toBe(outcome);
  });

  test("the dearest charge is just 999.99", async () => {
    expect(await set({ chargeFlag: 1, unitPrice: fen(83_33), maxUnit: 12 })).toBe("set");
    touched = [];
    expect(await unchanged(() => set({ unitPrice: fen(83_34) }))).toBe("price_range");
  });
});

describe("a charger's gateway", () => {
  beforeEach(async () => {
    await register();
  });

  test("both gateways are told, what the former saw is forgotten, the charger is on the gateway's site", async () => {
    expect(await behind("gw-1")).toBe("assigned");
    await s.db.updateTable("device_info").set({ chargerLostTime: 5, misconfigured: "jam code" }).execute();
    expect(await behind("gw-2")).toBe("assigned");
    expect(touched).toEqual(["gw-1", "gw-1", "gw-2"]);
    expect((await s.rows()).device_info).toMatchObject([
      { gatewayId: "gw-2", siteId: 1, chargerLostTime: null, misconfigured: "" },
    ]);
    touched = [];
    expect(await unchanged(() => behind("gw-2"))).toBe("assigned");
  });

  test("an unknown and a revoked one are refused", async () => {
    expect(await unchanged(() => behind("gw-9"))).toBe("gateway_unknown");
    await s.db.updateTable("gateway").set({ revoked: 1 }).where("id", "=", "gw-2").execute();
    expect(await unchanged(() => behind("gw-2"))).toBe("gateway_unknown");
  });

  test("while a charge runs, nothing changes between phone and gateway", async () => {
    await s.db
      .insertInto("live_order")
      .values({ deviceCode: CODE, port: 1, orderId: "90001234567890" })
      .execute();
    expect(await unchanged(() => behind("gw-1"))).toBe("order_live");
  });

  test("getDeviceInfo says how it is reached", async () => {
    expect(await device()).toMatchObject({ gateway: 0 });
    await behind("gw-1");
    expect(await device()).toMatchObject({ gateway: 1 });
    online = false;
    expect(await device()).toMatchObject({ gateway: 2 });
  });
});

describe("getDeviceInfo", () => {
  test("an unknown code is 3 DEVICE_UNKNOWN", async () => {
    const answer = await s.call("user", "getDeviceInfo", { deviceCode: "DEMO9999" });
    expect(answer).toMatchObject({ code: 3, reason: "DEVICE_UNKNOWN", data: [] });
  });

  test("the jam code: only to a session, and only of a charger that the phone drives", async () => {
    await register();
    const session = await s.person("user", USER);
    expect(await device()).toMatchObject({ jamCode: "" });
    expect(await device(session)).toMatchObject({ jamCode: "123456" });
    await behind("gw-1");
    expect(await device(session)).toMatchObject({ jamCode: "" });
  });

  test("in documented mode to every app, as printed", async () => {
    await s.close();
    s = await scenario({ table, config: { authMode: "documented" } });
    await register();
    expect(await device()).toMatchObject({ jamCode: "123456" });
  });
});

describe("reportDevicePort", () => {
  const STATE = "1020200030004999";
  let session: { session: string };
  beforeEach(async () => {
    await register();
    session = await s.person("user", USER);
  });
  const report = (own: Record<string, string>) => s.call("user", "reportDevicePort", { ...session, ...own });

  test("without a gateway it is the newest word, with the site's time", async () => {
    expect(await report({ deviceCode: CODE, portState: STATE })).toMatchObject({
      code: 0,
      data: [{ result: 0 }],
    });
    expect(await device()).toMatchObject({ portState: STATE, portTime: "2026-11-22 10:30:00" });
    expect((await s.rows()).port_report).toMatchObject([
      { port: 1, value: 20, user: USER },
      { port: 2, value: 0 },
      { port: 3, value: 0 },
      { port: 4, value: 999 },
    ]);
    await s.db.updateTable("device_info").set({ siteId: 1 }).execute();
    expect(await device()).toMatchObject({ portTime: "2026-11-22 03:30:00" });
  });

  test("behind a gateway it is a hint and changes no state", async () => {
    await behind("gw-1");
    expect(await report({ deviceCode: CODE, portState: STATE })).toMatchObject({ code: 0 });
    expect(await device()).toMatchObject({ portState: "", portTime: "" });
    expect((await s.rows()).port_report).toHaveLength(4);
  });

  test.each([
    "102020003000",
    "2020100030004999",
    "10202000300049990",
    "1020200030005999",
    "1x20200030004999",
  ])("portState %s is refused", async (portState) => {
    const answer = await unchanged(() => report({ deviceCode: CODE, portState }));
    expect(answer).toMatchObject({ code: 3, reason: "PARAMETER" });
  });

  test("of an unknown charger, and without a session, nothing is kept", async () => {
    expect(await unchanged(() => report({ deviceCode: "DEMO9999", portState: STATE }))).toMatchObject({
      code: 3,
      reason: "DEVICE_UNKNOWN",
    });
    const own = { deviceCode: CODE, portState: STATE };
    expect(await unchanged(() => s.call("user", "reportDevicePort", own))).toMatchObject({ code: 4 });
  });
});
