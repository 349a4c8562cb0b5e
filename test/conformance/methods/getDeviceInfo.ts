import type { MethodFixture } from "../fixture.ts";

/** The charger that the phone drives: its jam code is given to a session only, in documented mode to every app. */
const shown = (jamCode: string) => ({
  data: [
    {
      deviceName: "一号",
      state: 0,
      btName: "BUC_0123456789AB",
      jamCode,
      maxUnit: 12,
      chargeFlag: 1,
      unitPrice: 1.5,
      portState: "",
      portTime: "",
      gateway: 0,
      gatewayUrls: [],
    },
  ],
  change: {},
});

export default {
  side: "user",
  auth: "open",
  own: { deviceCode: "PHONED01" },
  success: shown(""),
  documented: shown("JAMJAM"),
  withSession: shown("JAMJAM"),
  parameters: {
    deviceCode: {
      refused: { code: 3, reason: "PARAMETER", says: "deviceCode: 8 letters or digits" },
      missing: { code: 3, reason: "PARAMETER", says: "deviceCode: missing, 8 letters or digits" },
      wrongType: [1234567, 1234567.5],
      outOfRange: ["PHONED0", "PHONED011", "PHONED0!", "PHONED0一", " PHONED01"],
      // Infinity has eight letters.
      hostileInForm: { names: ["infinite"], expected: () => ({ code: 3, reason: "DEVICE_UNKNOWN" }) },
    },
  },
  objects: [
    {
      name: "a charger that does not exist",
      by: "me",
      own: { deviceCode: "NOTHING1" },
      refused: { code: 3, reason: "DEVICE_UNKNOWN" },
    },
    {
      name: "a charger in small letters",
      by: "me",
      own: { deviceCode: "phoned01" },
      refused: { code: 3, reason: "DEVICE_UNKNOWN" },
    },
  ],
} satisfies MethodFixture;
