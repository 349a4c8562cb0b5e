import { phone } from "@bluepower/protocol/units";
import { afterEach, beforeEach, expect, test } from "vitest";
import { transaction } from "../../database/open.ts";
import { confirmNumber } from "../../identity/numbers.ts";
import { MANAGER, managerScene, OTHER_MANAGER, type Scene } from "../managerScene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await managerScene();
});
afterEach(() => scene.close());

const account = { bankName: "建设银行", bankUser: "丙", bankCode: "6222021234567890" };
const unconfirmed = { code: 5, reason: "PHONE_UNCONFIRMED", data: [] };
const confirm = () =>
  transaction(scene.s.db, (tx) =>
    confirmNumber(
      tx,
      { side: "manager", phone: phone(MANAGER) },
      { who: "operator:a", at: scene.s.clock.now() },
    ),
  );
const stored = () =>
  scene.s.db.selectFrom("manager_info").selectAll().where("manager", "=", MANAGER).executeTakeFirstOrThrow();

/** Calls that move money or chargers away. */
const away = [
  ["CashOut", account],
  ["transferDevice", { transfer: OTHER_MANAGER, deviceCodeList: "PHONED01" }],
  ["deleteDevice", { deviceCodeList: "GATED001" }],
] as const;

test("a manager's number that another openid has bound takes no money and gives no charger away until the operator has confirmed the person", async () => {
  await scene.order();
  expect(await confirm()).toBe("already");
  const { session } = await scene.s.person("manager", MANAGER, "another");
  const before = { ...(await scene.s.rows()), wx_info: [] };
  for (const [method, own] of away) {
    expect(await scene.as(MANAGER, method, { ...own, session })).toMatchObject(unconfirmed);
  }
  expect({ ...(await scene.s.rows()), wx_info: [] }).toEqual(before);
  expect(await stored()).toMatchObject({ reboundTime: scene.s.clock.now() });
  expect(await scene.as(MANAGER, "getOrderCash", { session })).toMatchObject({
    code: 0,
    data: [{ count: 1 }],
  });
  expect([await confirm(), await confirm()]).toEqual(["confirmed", "already"]);
  expect(await stored()).toMatchObject({ confirmedOpenId: "another", reboundTime: null });
  for (const [method, own] of away) {
    expect(await scene.as(MANAGER, method, { ...own, session })).toMatchObject({
      code: 0,
      data: [{ result: 0 }],
    });
  }
  expect((await scene.s.rows()).audit_log).toMatchObject([
    { what: "phone.rebound", object: MANAGER },
    { who: "operator:a", what: "manager.confirm", object: MANAGER },
    { what: "cashout.request" },
    { what: "device.assign" },
    { what: "device.assign" },
  ]);
});

test("also when the former openid has left the number long before; bound back to it is theirs as before", async () => {
  await scene.order();
  await scene.s.person("manager", "13900000009", `openid-${MANAGER}`);
  const { session } = await scene.s.person("manager", MANAGER, "another");
  expect(await scene.as(MANAGER, "CashOut", { ...account, session })).toMatchObject(unconfirmed);
  const back = await scene.s.person("manager", MANAGER);
  expect(await scene.as(MANAGER, "CashOut", { ...account, session: back.session })).toMatchObject({
    data: [{ result: 0 }],
  });
});
