import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { deviceCode, unknownDevices } from "../parameters.ts";
import { ME, NOW } from "../world.ts";

const report = (user: string, port: number, value: number) => ({
  id: expect.any(Number),
  deviceCode: "PHONED01",
  port,
  user,
  value,
  insertTime: NOW,
});
const reportedBy = (user: string) => ({
  data: [{ result: 0, reason: "" }],
  change: {
    port_report: {
      added: [report(user, 1, 20), report(user, 2, 10), report(user, 3, 0), report(user, 4, 999)],
    },
    device_info: {
      changed: [
        {
          of: 2,
          from: { portState: "", portTime: null },
          to: { portState: "1020201030004999", portTime: NOW },
        },
      ],
    },
    answered_call: { added: [answered("user", "reportDevicePort", '[{"result":0,"reason":""}]')] },
  },
});
const FORM = "portState: 16 digits: 1–4 with three digits each";

export default {
  side: "user",
  auth: "session",
  own: { deviceCode: "PHONED01", portState: "1020201030004999" },
  success: reportedBy(ME),
  // The document's call names nobody.
  documented: reportedBy(""),
  parameters: {
    deviceCode,
    portState: {
      refused: { code: 3, reason: "PARAMETER", says: FORM },
      missing: { code: 3, reason: "PARAMETER", says: "portState: missing, 16 digits" },
      wrongType: [1020201030004, "1abc2010300049ab"],
      outOfRange: [
        "102020103000499",
        "10202010300049990",
        "2020101030004999",
        "1020102030004999",
        "1020201030005999",
        "1020201030004-99",
      ],
    },
  },
  objects: unknownDevices,
} satisfies MethodFixture;
