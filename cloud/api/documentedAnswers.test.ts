import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { AnyEndpoint } from "./endpoint.ts";
import { MANAGER, managerScene, type Scene, USER } from "./managerScene.ts";
import { table } from "./table.ts";

/** Kinds of the document's tables: `Float` is a number of yuan; times are texts whatever the type column says (spec 2). */
type Kind = "text" | "whole" | "yuan" | "time";
type Fields = Readonly<Record<string, Kind>>;

/** OrderData of the user's side; `cash` and `payTime` are of the payment. */
const orderData = {
  ...{ orderId: "text", deviceCode: "text", deviceName: "text", port: "whole", unitPrice: "yuan" },
  ...{ unit: "whole", money: "yuan", orderTime: "time", pmoney: "whole", cash: "yuan", payTime: "time" },
} as const satisfies Fields;
const managedOrderData = { ...orderData, user: "text", userName: "text" } as const satisfies Fields;
const resultInfo = { result: "whole", reason: "text" } as const satisfies Fields;
const totals = { totalCount: "whole", totalUnit: "whole", totalMoney: "yuan" } as const satisfies Fields;
const payInfo = { payId: "text", package: "text" } as const satisfies Fields;

/** What spec 2 adds, "Beyond the document". */
const orderState = ["state", "payState", "startTime", "endTime", "minutes"];
const reach = ["portState", "portTime", "gateway", "gatewayUrls"];

interface Documented {
  /** Of a page, beside its list. */
  page?: Fields;
  /** How the page's list is spelt; without one `data` is the list itself. */
  list?: "abstractList" | "CashOutList";
  row: Fields;
  more?: readonly string[];
}

/** Chapters 七 and 八 of the document, table by table; spec 2, "Pages", for the page of getPmoneyCharge and getOrderCashList. */
const documented: Readonly<Record<string, Documented>> = {
  userLogin: { row: { session: "text" } },
  getUserPhone: { row: { phone: "text" } },
  getUserInfo: { row: { userName: "text", professionName: "text", pmoney: "whole", order: "whole" } },
  reportUserName: { row: { result: "whole", cause: "text" }, more: ["reason"] },
  reportUserProfession: { row: resultInfo },
  getOrderPay: {
    row: {
      ...{ orderId: "text", deviceCode: "text", deviceName: "text", port: "whole" },
      ...{ unitPrice: "yuan", unit: "whole", money: "yuan", orderTime: "time" },
    },
    more: orderState,
  },
  getUserOrder: { page: totals, list: "abstractList", row: orderData, more: orderState },
  getProfessionList: { row: { professionId: "whole", professionName: "text" } },
  getDeviceInfo: {
    row: {
      ...{ deviceName: "text", state: "whole", btName: "text", jamCode: "text", maxUnit: "whole" },
      ...{ chargeFlag: "whole", unitPrice: "yuan" },
    },
    more: reach,
  },
  reportDevicePort: { row: resultInfo },
  getSystemTime: { row: { time: "text" } },
  newPowerOrder: { row: { orderId: "text" }, more: ["state"] },
  cancelPowerOrder: { row: resultInfo },
  payPowerOrder: { row: { package: "text" } },
  queryOrderPay: { row: resultInfo },
  newPmoneyCharge: { row: payInfo },
  // The document has `result` alone; every refusal says why.
  queryPmoneyPay: { row: { result: "whole" }, more: ["reason"] },
  getPmoneyCharge: {
    page: { totalCount: "whole" },
    list: "abstractList",
    row: { payId: "text", pmoney: "whole", payTime: "time" },
  },
  newPmoneyGift: { row: resultInfo },
  getPmoneyGift: {
    page: { totalCount: "whole" },
    list: "abstractList",
    row: {
      ...{ giftId: "text", pmoney: "whole", fromTo: "whole" },
      ...{ user: "text", name: "text", giftTime: "time" },
    },
  },
  managerLogin: { row: { session: "text" } },
  getManagerPhone: { row: { phone: "text" } },
  getManagerInfo: { row: { managerName: "text" } },
  reportManagerName: { row: { result: "whole" }, more: ["reason"] },
  addDevice: { row: resultInfo },
  reportDeviceName: { row: resultInfo },
  deleteDevice: { row: { Result: "whole", reason: "text" }, more: ["result"] },
  getDeviceList: {
    page: { totalCount: "whole" },
    list: "abstractList",
    row: {
      ...{ deviceCode: "text", deviceName: "text", state: "whole", maxUnit: "whole" },
      ...{ chargeFlag: "whole", unitPrice: "yuan", addTime: "time" },
    },
    more: reach,
  },
  setDeviceValue: { row: resultInfo },
  transferDevice: { row: resultInfo },
  addBlackUser: { row: resultInfo },
  deleteBlackUser: { row: resultInfo },
  getBlackUser: {
    page: { totalCount: "whole" },
    list: "abstractList",
    row: { user: "text", userName: "text", setupTime: "time" },
  },
  getOrderAll: { page: totals, list: "abstractList", row: managedOrderData, more: orderState },
  getOrderCash: { row: { count: "whole", money: "yuan", service: "yuan", cash: "yuan" } },
  getOrderCashList: {
    page: { totalCount: "whole" },
    list: "abstractList",
    row: managedOrderData,
    more: orderState,
  },
  CashOut: { row: resultInfo },
  getCashOutList: {
    page: { totalCount: "whole", totalCash: "yuan" },
    list: "CashOutList",
    row: {
      ...{ cashOutId: "text", bankCode: "text", money: "yuan", service: "yuan", cash: "yuan" },
      ...{ state: "whole", reason: "text", cashOutTime: "time", processTime: "time" },
    },
  },
};

/** Methods that the document does not have (spec 2, "Beyond the document"). */
const beyond = ["stopPowerOrder", "getPowerOrder", "blinkDevice"];

test("the 38 documented methods are served, 20 of the user's side and 18 of the manager's, and few others", () => {
  const names = Object.keys(documented);
  const served = (side: string) => table.filter((e) => e.side === side && names.includes(e.name)).length;
  expect([served("user"), served("manager")]).toEqual([20, 18]);
  const others = table.map((e) => e.name).filter((name) => !names.includes(name));
  expect(others.sort()).toEqual([...beyond].sort());
});

const rowOf = (e: AnyEndpoint, list: string | undefined): z.ZodObject => {
  const { output } = e;
  const of = list === undefined ? output : (output as z.ZodObject).shape[list];
  if (!(of instanceof z.ZodArray && of.element instanceof z.ZodObject)) throw new Error(`${e.name}: no list`);
  return of.element;
};

test.each(table.filter((e) => !beyond.includes(e.name)).map((e) => [e.name, e] as const))(
  "%s answers the fields of its tables, and what spec 2 adds",
  (name, e) => {
    const { page, list, row, more = [] } = documented[name] ?? { row: {} };
    if (list !== undefined) {
      const members = Object.keys((e.output as z.ZodObject).shape).sort();
      expect(members).toEqual([...Object.keys(page ?? {}), list].sort());
    }
    expect(Object.keys(rowOf(e, list).shape).sort()).toEqual([...Object.keys(row), ...more].sort());
  },
);

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(() => scene.close());

function check(fields: Fields, data: unknown): void {
  for (const [name, kind] of Object.entries(fields)) {
    const value = (data as Record<string, unknown>)[name];
    switch (kind) {
      case "text":
        expect(typeof value, name).toBe("string");
        break;
      case "whole":
        expect(Number.isInteger(value), name).toBe(true);
        break;
      case "yuan":
        expect(typeof value, name).toBe("number");
        expect(String(value), name).toMatch(/^[0-9]+(\.[0-9]{1,2})?$/);
        break;
      case "time":
        expect(value, name).toMatch(/^[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]$/);
        break;
    }
  }
}

test("every list has its fields in the kinds of its table", async () => {
  await scene.giveCoins(USER, 9);
  const gift = { userTo: "13800000002", pmoney: 1 };
  await scene.as(USER, "newPmoneyGift", gift);
  await scene.order({ money: 1234, pmoney: 1, cash: 1134 });
  await scene.as(MANAGER, "addBlackUser", { user: USER });
  await scene.s.db
    .insertInto("pmoney_charge_info")
    .values({ payId: "P0001000000", user: USER, pmoney: 1, payTime: scene.s.clock.now() })
    .execute();
  const page = { startIndex: 0, pageSize: 10 };
  const first = async (method: string, own: Record<string, number> = {}) => {
    const { side } = table.find((e) => e.name === method) ?? {};
    const answer = await scene.as(side === "user" ? USER : MANAGER, method, own);
    expect(answer.code, method).toBe(0);
    const { page: members = {}, list, row } = documented[method] ?? { row: {} };
    check(members, answer.data);
    const rows = (list === undefined ? answer.data : (answer.data as never)[list]) as unknown[];
    expect(rows.length, method).toBeGreaterThan(0);
    for (const one of rows) check(row, one);
  };
  for (const method of ["getUserOrder", "getPmoneyCharge", "getPmoneyGift", "getDeviceList", "getBlackUser"])
    await first(method, page);
  for (const method of ["getOrderAll", "getOrderCashList", "getOrderCash", "getUserInfo"])
    await first(method);
  const account = { bankName: "银行", bankUser: "丙", bankCode: "6222021234567890" };
  expect(await scene.as(MANAGER, "CashOut", account)).toMatchObject({ code: 0 });
  await scene.s.db.updateTable("cashout_info").set({ processTime: scene.s.clock.now() }).execute();
  await first("getCashOutList", page);
});
