import { answered, type MethodFixture } from "../fixture.ts";
import { caller, deviceCode, foreignDevices, NOT_YOURS } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

const NO_GATEWAY = {
  code: 0,
  reason: "NO_GATEWAY",
  data: [{ result: 1, reason: "设备没有网关，请用手机蓝牙操作" }],
} as const;

export default {
  side: "manager",
  auth: "session",
  given: ({ db }) => giveFreeCharger(db),
  own: { manager: MANAGER, deviceCode: "GATED001" },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      command: {
        added: [
          {
            id: "command-1",
            gatewayId: "gw-1",
            orderId: null,
            body: '{"kind":"blink","deviceCode":"GATED001"}',
            deadline: NOW + 20_000,
            state: "answered",
            outcome: '{"kind":"done"}',
            insertTime: NOW,
            answerTime: NOW,
          },
        ],
      },
      audit_log: {
        added: [
          {
            id: 1,
            who: `manager:${MANAGER}`,
            what: "device.blink",
            object: "GATED001",
            detail: "",
            insertTime: NOW,
          },
        ],
      },
      answered_call: { added: [answered("manager", "blinkDevice", '"command-1"')] },
    },
  },
  parameters: {
    manager: caller("manager"),
    deviceCode: { ...deviceCode, hostileInForm: { names: ["infinite"], expected: () => NOT_YOURS } },
  },
  objects: [
    ...foreignDevices("deviceCode"),
    { name: "a charger without a gateway", by: "me", own: { deviceCode: "PHONED01" }, expected: NO_GATEWAY },
  ],
  pending: "refused",
} satisfies MethodFixture;
