import { join } from "node:path";
import { type Desired, desired } from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { MANAGER, one, type Site, startSite } from "./site.ts";
import { until } from "./until.ts";

/** A manager bars a user while the gateway is cut off: it has to know when it is back, for starts that it takes offline. */

const USER = "13800000021";
let site: Site;

beforeAll(async () => {
  site = await startSite({ chargers: [{ code: "CHARGE01", chip: "A1B2C3D4E5F6" }], speed: 180 });
  await site.reachable("CHARGE01");
}, 120_000);
afterAll(() => site?.stop());

/** What the gateway has stored for the time when nobody tells it anything. */
function barred(): Desired["blackList"] {
  const db = new Database(join(site.dir, "gateway/gateway.db"), { readonly: true });
  try {
    const { body } = db.prepare<[], { body: string }>("select body from desired").get() ?? { body: "" };
    const read = decodeJson(desired, body);
    if ("problem" in read) throw new Error(read.problem);
    return read.value.blackList;
  } finally {
    db.close();
  }
}

test("a black list that changed while the gateway was away is stored by it when it is back", {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.log(site.log()));
  const user = await site.user(USER);
  const manager = await site.manager();
  const start = { deviceCode: "CHARGE01", port: 1, unitPrice: "1.50", unit: 1, money: "1.50" };
  one(await site.call("newPowerOrder", { ...user, ...start }));
  const { session } = manager;

  site.broker.pull("reset");
  await until(
    "the cloud knows that the gateway is away",
    async () => one(await site.call("getDeviceInfo", { deviceCode: "CHARGE01" })),
    (device) => device.gateway === 2,
    60_000,
  );
  expect(await site.managerCall("addBlackUser", { manager: MANAGER, session, user: USER })).toMatchObject({
    code: 0,
    data: [{ result: 0 }],
  });
  expect(barred()).toEqual([]);
  site.broker.plug();
  await until(
    "the gateway has stored it",
    barred,
    (list) => list.some((entry) => entry.user === USER && entry.manager === MANAGER),
    60_000,
  );

  site.broker.pull("reset");
  const off = await site.managerCall("deleteBlackUser", { manager: MANAGER, session, userList: USER });
  expect(off).toMatchObject({ code: 0, data: [{ result: 0 }] });
  expect(barred()).toHaveLength(1);
  site.broker.plug();
  await until("the gateway has forgotten it", barred, (list) => list.length === 0, 60_000);
});
