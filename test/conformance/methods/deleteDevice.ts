import { answered, type MethodFixture } from "../fixture.ts";
import { caller, foreignDevices, NOT_YOURS, several } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

const given = (of: number) => ({
  of,
  from: { manager: MANAGER, addTime: NOW },
  to: { manager: null, addTime: null },
});
const entry = (id: number, object: string) => ({
  id,
  who: `manager:${MANAGER}`,
  what: "device.assign",
  object,
  detail: `from ${MANAGER} to nobody`,
  insertTime: NOW,
});

export default {
  side: "manager",
  auth: "session",
  given: ({ db }) => giveFreeCharger(db),
  own: { manager: MANAGER, deviceCodeList: "GATED001,PHONED01" },
  success: {
    // Both spellings, with equal values.
    data: [{ result: 0, Result: 0, reason: "" }],
    change: {
      device_info: { changed: [given(1), given(2)] },
      audit_log: { added: [entry(1, "GATED001"), entry(2, "PHONED01")] },
      answered_call: { added: [answered("manager", "deleteDevice", '{"gateways":["gw-1"]}')] },
    },
  },
  parameters: {
    manager: caller("manager"),
    deviceCodeList: {
      ...several("deviceCodeList", ["GATED001", "PHONED01"], "PHONED0"),
      // Infinity has eight letters.
      hostileInForm: { names: ["infinite"], expected: () => NOT_YOURS },
    },
  },
  objects: [
    ...foreignDevices("deviceCodeList"),
    {
      name: "one's own charger beside one that nobody manages",
      by: "me",
      own: { deviceCodeList: "GATED001,LONELY01" },
      expected: NOT_YOURS,
    },
  ],
  pending: "refused",
} satisfies MethodFixture;
