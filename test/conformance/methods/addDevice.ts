import { answered, type MethodFixture } from "../fixture.ts";
import { caller, deviceCode, unknownDevices } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

const DEVICE_MANAGED = {
  code: 0,
  reason: "DEVICE_MANAGED",
  data: [{ result: 1, reason: "设备已有管理员" }],
} as const;

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await giveFreeCharger(db);
    // What it was under the manager before does not come back.
    await db
      .updateTable("device_info")
      .set({ deviceName: "旧名", state: 1, chargeFlag: 1, maxUnit: 4, unitPrice: 150 })
      .where("deviceCode", "=", "LONELY01")
      .execute();
  },
  own: { manager: MANAGER, deviceCode: "LONELY01" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      device_info: {
        changed: [
          {
            of: 3,
            from: {
              deviceName: "旧名",
              state: 1,
              chargeFlag: 1,
              maxUnit: 4,
              unitPrice: 150,
              manager: null,
              addTime: null,
              updateTime: NOW - 60_000,
            },
            to: {
              deviceName: "",
              state: 0,
              chargeFlag: 0,
              maxUnit: 12,
              unitPrice: 0,
              manager: MANAGER,
              addTime: NOW,
              updateTime: NOW,
            },
          },
        ],
      },
      audit_log: {
        added: [
          {
            id: 1,
            who: `manager:${MANAGER}`,
            what: "device.assign",
            object: "LONELY01",
            detail: `from nobody to ${MANAGER}`,
            insertTime: NOW,
          },
        ],
      },
      answered_call: { added: [answered("manager", "addDevice", '{"gateways":[]}')] },
    },
  },
  parameters: { manager: caller("manager"), deviceCode },
  objects: [
    ...unknownDevices,
    { name: "another's charger", by: "another", own: { deviceCode: "PHONED01" }, expected: DEVICE_MANAGED },
    { name: "one's own charger", by: "me", own: { deviceCode: "GATED001" }, expected: DEVICE_MANAGED },
  ],
  pending: "refused",
} satisfies MethodFixture;
