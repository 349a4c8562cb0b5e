import fc from "fast-check";
import { expect, test } from "vitest";
import { gatewayId } from "../units.ts";
import { command, commandOutcome, desired, eventBodies, events, hello, welcome } from "./messages.ts";
import { decode, decodeJson } from "./shape.ts";
import { SHARDS, shardOf } from "./topics.ts";
import { commonVersion, UPLINK_OLDEST, UPLINK_VERSION } from "./version.ts";

const start = { kind: "start", orderId: "90000000000001", deviceCode: "DEMO0001", port: 1, minutes: 120 };
const good = {
  ...{ v: 1, sentAt: 1_800_000_000_000, id: "c1", deadline: 1_800_000_060_000 },
  ...{ replyTo: "cloud/a/b/r", command: start },
};

test("a command of a newer peer, with members that nobody knows, is read without them", () => {
  expect(decode(command, { ...good, more: 1, command: { ...start, more: 1 } })).toEqual({ value: good });
});

test("the desired state of an older peer, which knows no black list, is read as one without", () => {
  const charger = { deviceCode: "DEMO0001", chipId: "A1B2C3D4E5F6", jamCode: "123456", profile: 1 };
  const older = {
    ...{ v: 1, sentAt: 1, version: 3, timeZone: "UTC", foreignPorts: "report", orders: [] },
    chargers: [{ ...charger, unitPrice: 150, maxUnit: 12, enabled: true }],
  };
  expect(decode(desired, older)).toMatchObject({ value: { blackList: [], chargers: [{ manager: null }] } });
  const barred = { manager: "13900000001", user: "1380000000" };
  expect(decode(desired, { ...older, blackList: [barred] })).toEqual({
    problem: "blackList[0].user: 11 digits beginning with 1",
  });
});

test("what is wrong is named by its path, with what is allowed", () => {
  const problem = (change: object, of: object = {}): unknown =>
    decode(command, { ...good, ...change, command: { ...start, ...of } });
  expect(problem({ deadline: "soon" })).toEqual({ problem: "deadline: a whole number from 0" });
  expect(problem({ sentAt: -1 })).toEqual({ problem: "sentAt: a whole number from 0" });
  expect(problem({ id: "x".repeat(65) })).toEqual({ problem: "id: a text of at most 64 characters" });
  expect(problem({}, { kind: "toString" })).toMatchObject({
    problem: expect.stringMatching(/^command.kind: /),
  });
  expect(problem({}, { port: 5 })).toEqual({ problem: "command.port: a port, 1 to 4" });
  expect(problem({}, { minutes: 361 })).toEqual({ problem: "command.minutes: 1 to 360 minutes" });
  expect(problem({}, { minutes: 0.5 })).toEqual({ problem: "command.minutes: 1 to 360 minutes" });
  expect(problem({}, { orderId: undefined })).toMatchObject({
    problem: expect.stringMatching(/^command.orderId: /),
  });
  expect(decode(command, [])).toEqual({ problem: "message: an object" });
  expect(decodeJson(command, "{")).toEqual({ problem: "message: JSON" });
  const batch = { v: 1, stream: "s", no: 1, events: Array.from({ length: 201 }, () => null) };
  expect(decode(events, batch)).toEqual({ problem: "events: a list of at most 200" });
});

test("no JSON, however strange, is more than a problem", () => {
  const shapes = [command, commandOutcome, desired, events, hello, welcome, ...Object.values(eventBodies)];
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...shapes), (value, shape) => {
      const decoded = decode<unknown>(shape, value);
      expect("value" in decoded || "problem" in decoded).toBe(true);
    }),
  );
  const hostile = decodeJson(command, JSON.stringify(good).replace('"v":1', '"v":1,"__proto__":{"x":1}'));
  expect(hostile).toEqual({ value: good });
  expect(Object.getPrototypeOf("value" in hostile ? hostile.value : null)).toBe(Object.prototype);
});

test("the newest version that both speak, or none", () => {
  expect(commonVersion({ min: UPLINK_OLDEST, max: UPLINK_VERSION })).toBe(UPLINK_VERSION);
  expect(commonVersion({ min: UPLINK_OLDEST, max: UPLINK_VERSION + 5 })).toBe(UPLINK_VERSION);
  expect(commonVersion({ min: UPLINK_VERSION + 1, max: UPLINK_VERSION + 5 })).toBeUndefined();
  expect(commonVersion({ min: 0, max: UPLINK_OLDEST - 1 })).toBeUndefined();
  expect(commonVersion({ min: UPLINK_VERSION, max: UPLINK_OLDEST - 1 })).toBeUndefined();
});

test("a gateway has its shard for ever: a list of them, all in use", () => {
  expect(["g1", "site-7", "A"].map((id) => shardOf(gatewayId(id)))).toMatchInlineSnapshot(`
    [
      "21",
      "42",
      "12",
    ]
  `);
  const used = new Set(Array.from({ length: 2000 }, (_, n) => shardOf(gatewayId(`gateway-${n}`))));
  expect(used.size).toBe(SHARDS);
});
