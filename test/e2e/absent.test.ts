import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { one, type Site, startSite } from "./site.ts";
import { until } from "./until.ts";

/** A charger that is on record and nowhere else. A file of its own, because a minute of it is waiting. */

let site: Site;

beforeAll(async () => {
  site = await startSite({
    chargers: [
      { code: "CHARGE02", chip: "0123456789AB" },
      { code: "ABSENT01", chip: "AB5E17000001", absent: true },
    ],
  });
  await site.reachable("CHARGE02");
}, 120_000);
afterAll(() => site?.stop());

const price = { unitPrice: "1.50", unit: 1, money: "1.50" };

test("an absent charger is refused within the deadline and delays nobody", {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.log(site.log()));
  const [waiting, served] = [await site.user("13810000000"), await site.user("13810000001")];
  const refused = site.call("newPowerOrder", { ...waiting, deviceCode: "ABSENT01", port: 1, ...price });
  const order: string[] = [];
  void refused.then(() => order.push("absent"));
  const opened = one(
    await site.call("newPowerOrder", {
      ...served,
      deviceCode: "CHARGE02",
      port: 2,
      ...price,
      unit: 12,
      money: "18.00",
    }),
  );
  expect(opened.state).toBe("charging");
  one(await site.call("stopPowerOrder", { ...served, orderId: String(opened.orderId) }));
  order.push("served");
  const answer = await refused;
  // Nobody has waited for the absent one.
  if (answer.code === 0) expect(order).toEqual(["served", "absent"]);
  if (answer.code === 0) {
    // Not yet lost when it was asked for: the order is open, and ends as cancelled, never as charging.
    const { orderId } = one(answer);
    const ended = await until(
      "the order is cancelled",
      () => site.order(waiting, String(orderId)),
      (o) => o.state !== "starting",
      75_000,
    );
    expect(ended.state).toBe("cancelled");
  } else {
    expect(answer).toMatchObject({ code: 999, reason: "CHARGER_UNREACHABLE" });
  }
  expect((await site.call("getOrderPay", waiting)).data).toEqual([]);
});
