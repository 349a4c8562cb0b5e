import { answered, type MethodFixture } from "../fixture.ts";
import { caller, deviceCode, foreignDevices, givenName, NOT_YOURS } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

const named = (deviceName: string) => ({
  data: [{ result: 0, reason: "" }],
  change: {
    device_info: { changed: [{ of: 1, from: { deviceName: "一号" }, to: { deviceName } }] },
    audit_log: {
      added: [
        {
          id: 1,
          who: `manager:${MANAGER}`,
          what: "device.set",
          object: "GATED001",
          detail: JSON.stringify({ deviceName }),
          insertTime: NOW,
        },
      ],
    },
    answered_call: {
      added: [answered("manager", "reportDeviceName", '[{"result":0,"reason":""}]')],
    },
  },
});

export default {
  side: "manager",
  auth: "session",
  given: ({ db }) => giveFreeCharger(db),
  own: { manager: MANAGER, deviceCode: "GATED001", deviceName: " 二号 " },
  success: named("二号"),
  parameters: {
    manager: caller("manager"),
    deviceCode: { ...deviceCode, hostileInForm: { names: ["infinite"], expected: () => NOT_YOURS } },
    deviceName: givenName("deviceName", named),
  },
  objects: foreignDevices("deviceCode"),
  pending: "refused",
} satisfies MethodFixture;
