import { parameter } from "../case.ts";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, foreignDevices, NOT_YOURS, phone, several } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOBODY, NOW, OTHER_MANAGER } from "../world.ts";

const PENDING_MANAGER = "13900000003";
const RECEIVER_INVALID = {
  code: 0,
  reason: "RECEIVER_INVALID",
  data: [{ result: 1, reason: "接收方不是有效的管理员" }],
} as const;

const given = (of: number) => ({
  of,
  from: { manager: MANAGER, addTime: NOW - 60_000, updateTime: NOW - 60_000 },
  to: { manager: OTHER_MANAGER, addTime: NOW, updateTime: NOW },
});
const entry = (id: number, object: string) => ({
  id,
  who: `manager:${MANAGER}`,
  what: "device.assign",
  object,
  detail: `from ${MANAGER} to ${OTHER_MANAGER}`,
  insertTime: NOW,
});

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await db
      .updateTable("device_info")
      .set({ addTime: NOW - 60_000, updateTime: NOW - 60_000 })
      .execute();
    await giveFreeCharger(db);
    await db
      .insertInto("manager_info")
      .values({ manager: PENDING_MANAGER, managerName: "丁", setupTime: NOW, approved: 0 })
      .execute();
  },
  own: { manager: MANAGER, transfer: OTHER_MANAGER, deviceCodeList: "GATED001,PHONED01" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      device_info: { changed: [given(1), given(2)] },
      audit_log: { added: [entry(1, "GATED001"), entry(2, "PHONED01")] },
      answered_call: { added: [answered("manager", "transferDevice", '{"gateways":["gw-1"]}')] },
    },
  },
  parameters: {
    manager: caller("manager"),
    transfer: phone("transfer"),
    deviceCodeList: {
      ...several("deviceCodeList", ["GATED001", "PHONED01"], "PHONED0"),
      hostileInForm: { names: ["infinite"], expected: () => NOT_YOURS },
    },
  },
  objects: [
    { name: "another's charger", by: "another", own: { transfer: MANAGER }, expected: NOT_YOURS },
    ...foreignDevices("deviceCodeList").filter((o) => o.by === "me"),
    {
      name: "one's own charger beside one that nobody manages",
      by: "me",
      own: { deviceCodeList: "GATED001,LONELY01" },
      expected: NOT_YOURS,
    },
    { name: "to nobody known", by: "me", own: { transfer: NOBODY }, expected: RECEIVER_INVALID },
    {
      name: "to a manager who is not approved yet",
      by: "me",
      own: { transfer: PENDING_MANAGER },
      expected: RECEIVER_INVALID,
    },
    {
      name: "to oneself",
      by: "me",
      own: { transfer: MANAGER },
      expected: parameter("transfer: another manager"),
    },
  ],
  pending: "refused",
} satisfies MethodFixture;
