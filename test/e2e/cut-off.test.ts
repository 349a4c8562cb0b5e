import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { one, type Site, startSite } from "./site.ts";
import { until } from "./until.ts";

/** The site without the cloud: the cable between gateway and broker is pulled. */

let site: Site;

beforeAll(async () => {
  site = await startSite({ chargers: [{ code: "CHARGE01", chip: "A1B2C3D4E5F6" }], speed: 180 });
  await site.reachable("CHARGE01");
}, 120_000);
afterAll(() => site?.stop());

const portOf = async (port: number) => (await site.charger("CHARGE01")).ports.find((p) => p.port === port);

test("the broker is cut for an hour of charging: the charge ends on time, the end arrives once", {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.log(site.log()));
  const who = await site.user("13800000011");
  const { orderId } = one(
    await site.call("newPowerOrder", {
      ...who,
      deviceCode: "CHARGE01",
      port: 1,
      unitPrice: "1.50",
      unit: 2,
      money: "3.00",
    }),
  );
  site.broker.pull("reset");
  await until(
    "the hour has passed on the charger",
    () => portOf(1),
    (p) => p?.state === "free",
    60_000,
  );
  // The cloud cannot know it yet.
  expect(await site.order(who, String(orderId))).toMatchObject({ state: "charging" });
  const refused = await site.call("newPowerOrder", {
    ...(await site.user("13800000012")),
    deviceCode: "CHARGE01",
    port: 2,
    unitPrice: "1.50",
    unit: 1,
    money: "1.50",
  });
  expect(refused).toMatchObject({ code: 999, reason: "DEVICE_OFFLINE", data: [] });
  expect(await portOf(2)).toMatchObject({ state: "free" });

  site.broker.plug();
  const ended = await until(
    "the end has arrived",
    () => site.order(who, String(orderId)),
    (o) => o.state === "finished",
    60_000,
  );
  expect(ended).toMatchObject({ minutes: 60, unit: 2, money: 3 });
  expect(site.lines("cloud", new RegExp(`order ${orderId} ended`))).toHaveLength(1);
  expect((await site.call("getOrderPay", who)).data).toHaveLength(1);
  await site.reachable("CHARGE01");
});
