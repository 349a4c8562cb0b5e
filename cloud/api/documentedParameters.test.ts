import { afterEach, beforeEach, expect, test } from "vitest";
import { openApiDocument } from "./openapi.ts";
import { type Scenario, scenario } from "./scenario.ts";
import { table } from "./table.ts";

/** The tables of the document and of spec 2: what a call has to carry beside the common parameters. */
const required: Record<string, readonly string[]> = {
  userLogin: ["jsCode"],
  // `code` may stand in place of encryptData and iv.
  getUserPhone: ["session"],
  getUserInfo: ["user"],
  reportUserName: ["user", "userName"],
  reportUserProfession: ["user", "professionId"],
  getOrderPay: ["user"],
  getUserOrder: ["user"],
  getProfessionList: [],
  getDeviceInfo: ["deviceCode"],
  reportDevicePort: ["deviceCode", "portState"],
  getSystemTime: [],
  newPowerOrder: ["user", "deviceCode", "port", "unitPrice", "unit", "money"],
  stopPowerOrder: ["user", "orderId"],
  cancelPowerOrder: ["orderId"],
  getPowerOrder: ["user", "orderId"],
  payPowerOrder: ["user", "orderId", "money", "pmoney", "cash"],
  queryOrderPay: ["orderId"],
  newPmoneyCharge: ["user", "pmoney"],
  queryPmoneyPay: ["payId"],
  getPmoneyCharge: ["user", "startIndex", "pageSize"],
  newPmoneyGift: ["userFrom", "userTo", "pmoney"],
  getPmoneyGift: ["user", "startIndex", "pageSize"],
  managerLogin: ["jsCode"],
  getManagerPhone: ["session"],
  getManagerInfo: ["manager"],
  reportManagerName: ["manager", "managerName"],
  addDevice: ["manager", "deviceCode"],
  reportDeviceName: ["manager", "deviceCode", "deviceName"],
  deleteDevice: ["manager", "deviceCodeList"],
  getDeviceList: ["manager", "startIndex", "pageSize"],
  setDeviceValue: ["manager", "deviceCode"],
  transferDevice: ["manager", "transfer", "deviceCodeList"],
  blinkDevice: ["manager", "deviceCode"],
  addBlackUser: ["manager", "user"],
  deleteBlackUser: ["manager", "userList"],
  getBlackUser: ["manager", "startIndex", "pageSize"],
  getOrderAll: ["manager"],
  getOrderCash: ["manager"],
  getOrderCashList: ["manager"],
  CashOut: ["manager", "bankName", "bankUser", "bankCode"],
  getCashOutList: ["manager"],
};

const valid: Record<string, string> = {
  jsCode: "code-o1",
  user: "13800000001",
  manager: "13900000001",
  userName: "王",
  managerName: "李",
  deviceCode: "DEMO0001",
  portState: "1000200030004000",
  port: "1",
  unitPrice: "1.50",
  unit: "1",
  money: "1.50",
  orderId: "90001234567890",
  pmoney: "0",
  cash: "1.50",
  professionId: "1",
  payId: "P0001314600",
  startIndex: "0",
  pageSize: "10",
  userFrom: "13800000001",
  userTo: "13800000002",
  deviceName: "一号",
  deviceCodeList: "DEMO0001",
  transfer: "13900000002",
  userList: "13800000001",
  bankName: "银行",
  bankUser: "李",
  bankCode: "6222021234567890",
};

let s: Scenario;
beforeEach(async () => {
  s = await scenario({ table });
});
afterEach(() => s.close());

test("every method of the table is listed here", () => {
  expect(table.map((e) => e.name)).toEqual(Object.keys(required));
});

const missing = table.flatMap((e) =>
  (required[e.name] ?? [])
    .filter((name) => name !== "session")
    .map((name) => [e.name, name, e.side] as const),
);
test.each(missing)(
  "%s without %s is code 3 that names it, also with a session",
  async (method, name, side) => {
    const { session } = await s.person(side, side === "user" ? "13800000001" : "13900000001");
    await s.db.updateTable("manager_info").set({ approved: 1 }).execute();
    const names = (required[method] ?? []).filter((n) => n !== name);
    const own = Object.fromEntries(names.map((n) => [n, valid[n] ?? ""]));
    const before = await s.rows();
    const answer = await s.call(side, method, { ...own, session });
    expect(answer).toMatchObject({ code: 3, reason: "PARAMETER" });
    expect(answer.message).toContain(`${name}: missing`);
    expect(await s.rows()).toEqual(before);
  },
);

test("the OpenAPI document says the same", () => {
  const { schemas } = openApiDocument(table).components;
  for (const [method, names] of Object.entries(required)) {
    expect(schemas[`${method}Call`]?.required, method).toEqual(
      expect.arrayContaining(["appId", "appKey", "timestamp", "signature", ...names]),
    );
  }
});
