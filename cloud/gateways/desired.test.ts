import { millis, seconds } from "@bluepower/protocol/clock";
import { type Desired, desired as desiredShape } from "@bluepower/protocol/uplink/messages";
import { decodeJson } from "@bluepower/protocol/uplink/shape";
import { afterEach, beforeEach, expect, test } from "vitest";
import { transaction } from "../database/open.ts";
import { type DesiredOrders, DesiredPublisher, desiredState, touchDesired } from "./desired.ts";
import { renewToken, revokeGateway } from "./identity.ts";
import { addCharger, BY, START, type TestSite, testSite } from "./testSite.ts";

const MANAGER = "13900000001";
let site: TestSite;
let publisher: DesiredPublisher;
let published: { topic: string; document: Desired }[];
let shutOut: string[];
let accepted: Set<string>;

const orders: DesiredOrders = async (_db, gatewayId) =>
  gatewayId === "gw-1"
    ? [
        {
          orderId: "90001800000000",
          deviceCode: "CHARGER1",
          port: 2,
          minutes: 60,
          startedAt: null,
        } as unknown as Desired["orders"][number],
      ]
    : [];

beforeEach(async () => {
  site = await testSite();
  published = [];
  shutOut = [];
  accepted = new Set(["gw-1", "gw-2"]);
  publisher = new DesiredPublisher({
    ...site,
    orders,
    publish(topic, payload) {
      const read = decodeJson(desiredShape, payload);
      if ("problem" in read) throw new Error(read.problem);
      published.push({ topic, document: read.value });
    },
    isAccepted: (id) => accepted.has(id),
    shutOut: (id) => void shutOut.push(id),
  });
  await publisher.start();
});
afterEach(async () => {
  publisher.stop();
  await site.close();
});

test("the document holds the chargers of this gateway, its orders, and the site's zone and policy", async () => {
  const state = await desiredState(site.db, { gatewayId: "gw-1", sentAt: START, orders });
  expect(state).toEqual({
    document: {
      v: 1,
      sentAt: START,
      version: 1,
      timeZone: "Asia/Shanghai",
      foreignPorts: "report",
      chargers: [
        {
          deviceCode: "CHARGER1",
          chipId: "A1B2C3D4E5F6",
          jamCode: "JAMJAM",
          profile: 1,
          unitPrice: 150,
          maxUnit: 12,
          enabled: true,
          manager: MANAGER,
        },
      ],
      orders: [{ orderId: "90001800000000", deviceCode: "CHARGER1", port: 2, minutes: 60, startedAt: null }],
      blackList: [],
    },
    leftOut: [],
  });
});

test("who is barred by the managers of its chargers is told, and nobody else", async () => {
  const user = "13800000001";
  const other = site.db.updateTable("device_info").set({ manager: "13900000009" });
  await other.where("gatewayId", "=", "gw-2").execute();
  for (const [manager, barred] of [
    [MANAGER, user],
    ["13900000009", user],
    [MANAGER, "13800000002"],
  ] as const) {
    await site.db.insertInto("black_user_info").values({ manager, user: barred, setupTime: START }).execute();
  }
  const told = async (gatewayId: string) =>
    (await desiredState(site.db, { gatewayId, sentAt: START, orders }))?.document.blackList;
  expect(await told("gw-1")).toEqual([
    { manager: MANAGER, user: "13800000002" },
    { manager: MANAGER, user },
  ]);
  expect(await told("gw-2")).toEqual([{ manager: "13900000009", user }]);
});

test("a free charger costs nothing; a disabled one, and one without a manager, is not enabled", async () => {
  const of = async (change: Record<string, unknown>) => {
    await site.db.updateTable("device_info").set(change).where("deviceCode", "=", "CHARGER1").execute();
    const state = await desiredState(site.db, { gatewayId: "gw-1", sentAt: START, orders });
    return state?.document.chargers[0];
  };
  expect(await of({ chargeFlag: 0 })).toMatchObject({ unitPrice: 0, enabled: true });
  expect(await of({ state: 1 })).toMatchObject({ enabled: false });
  expect(await of({ state: 0, manager: null })).toMatchObject({ enabled: false });
});

test("a charger of an unknown profile is left out and logged once", async () => {
  await addCharger(site.db, { deviceCode: "CHARGER9", chip: "999999999999", gatewayId: "gw-1", version: 9 });
  for (let i = 0; i < 3; i++) {
    publisher.publishSoon("gw-1");
    await site.clock.advance(seconds(1));
  }
  expect(published.map((p) => p.document.chargers.map((c) => c.deviceCode))).toEqual([
    ["CHARGER1"],
    ["CHARGER1"],
    ["CHARGER1"],
  ]);
  expect(site.warnings.filter((w) => w.includes("CHARGER9 is not driven: profile 9 is unknown")).length).toBe(
    1,
  );
});

test("calls that come together make one document; who is not accepted gets none", async () => {
  accepted.delete("gw-2");
  for (let i = 0; i < 5; i++) {
    publisher.publishSoon("gw-1");
    publisher.publishSoon("gw-2");
  }
  await site.clock.advance(millis(100));
  expect(published.map((p) => p.topic)).toEqual(["gw/gw-1/down/desired"]);
});

test("a version that another process counted up is noticed within two seconds, for its gateway only", async () => {
  await transaction(site.db, (tx) => touchDesired(tx, "gw-2"));
  await site.clock.advance(seconds(2));
  expect(published.map((p) => [p.topic, p.document.version])).toEqual([["gw/gw-2/down/desired", 2]]);
  await site.clock.advance(seconds(20));
  expect(published.length).toBe(1);
});

test("a revoked gateway, and one with a new token, is shut out and gets no document", async () => {
  await transaction(site.db, (tx) => revokeGateway(tx, "gw-1", BY));
  await transaction(site.db, (tx) => renewToken(tx, { gatewayId: "gw-2", random: site.random }, BY));
  await site.clock.advance(seconds(2));
  expect(shutOut.toSorted()).toEqual(["gw-1", "gw-2"]);
  publisher.publishSoon("gw-1");
  await site.clock.advance(seconds(2));
  expect(published).toEqual([]);
});
