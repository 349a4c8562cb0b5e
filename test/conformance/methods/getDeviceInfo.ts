import type { MethodFixture } from "../fixture.ts";
import { deviceCode, unknownDevices } from "../parameters.ts";

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
    deviceCode,
  },
  objects: unknownDevices,
} satisfies MethodFixture;
