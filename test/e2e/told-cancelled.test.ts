import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { one, type Site, startSite } from "./site.ts";
import { until } from "./until.ts";

/** What a user was told is what holds, whatever comes later from the site. */

let site: Site;

beforeAll(async () => {
  site = await startSite({ chargers: [{ code: "CHARGE01", chip: "A1B2C3D4E5F6" }] });
  await site.reachable("CHARGE01");
}, 120_000);
afterAll(() => site?.stop());

const portOf = async (port: number) => (await site.charger("CHARGE01")).ports.find((p) => p.port === port);

test("a start is confirmed after the user was told that it is cancelled: it is stopped and not billed", {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.log(site.log()));
  const who = await site.user("13800000013");
  await site.chargerFault("CHARGE01", { kind: "delay", ms: 2500, times: 1 });
  const opening = site.call("newPowerOrder", {
    ...who,
    deviceCode: "CHARGE01",
    port: 3,
    unitPrice: "1.50",
    unit: 12,
    money: "18.00",
  });
  await until(
    "the port runs",
    () => portOf(3),
    (p) => p?.state === "running",
  );
  site.broker.pull("silent");
  const opened = one(await opening);
  expect(opened.state).toBe("starting");
  const orderId = String(opened.orderId);
  expect(one(await site.call("cancelPowerOrder", { ...who, orderId }))).toMatchObject({ result: 0 });
  expect(await site.order(who, orderId)).toMatchObject({ state: "cancelled" });
  expect(await portOf(3)).toMatchObject({ state: "running" });

  site.broker.plug();
  await until(
    "the port is off again",
    () => portOf(3),
    (p) => p?.state === "free",
    60_000,
  );
  await site.reachable("CHARGE01");
  expect(await site.order(who, orderId)).toMatchObject({ state: "cancelled" });
  expect((await site.call("getOrderPay", who)).data).toEqual([]);
  // The port's slot is given back only now, and can be sold again.
  const next = await until(
    "the port can be sold again",
    () =>
      site.call("newPowerOrder", {
        ...who,
        deviceCode: "CHARGE01",
        port: 3,
        unitPrice: "1.50",
        unit: 12,
        money: "18.00",
      }),
    (a) => a.code === 0,
    30_000,
  );
  expect(one(next).state).toBe("charging");
});
