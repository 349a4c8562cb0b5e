import { parameter } from "../case.ts";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, deviceCode, foreignDevices, NOT_YOURS, whole, yuan } from "../parameters.ts";
import { giveFreeCharger, MANAGER, NOW } from "../world.ts";

const BEFORE = { state: 0, maxUnit: 12, chargeFlag: 0, unitPrice: 150 };
type Values = Partial<typeof BEFORE>;

/** Exactly these are set, and written down. */
const set = (to: Values) => ({
  data: [{ result: 0, reason: "" }],
  change: {
    device_info: {
      changed: [
        {
          of: 1,
          from: Object.fromEntries(Object.keys(to).map((name) => [name, BEFORE[name as keyof Values]])),
          to,
        },
      ],
    },
    audit_log: {
      added: [
        {
          id: 1,
          who: `manager:${MANAGER}`,
          what: "device.set",
          object: "GATED001",
          detail: JSON.stringify(to),
          insertTime: NOW,
        },
      ],
    },
    answered_call: { added: [answered("manager", "setDeviceValue", '{"gateways":["gw-1"]}')] },
  },
});

const PRICE = parameter("unitPrice: 0.01 to 99.99 yuan, and with maxUnit units at most 999.99");
const bit = (name: string) => ({
  ...whole(name, 0, 1),
  refused: parameter(`${name}: 0 or 1`),
  outOfRange: [-1, 2, 4_294_967_296],
});

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await giveFreeCharger(db);
    await db.updateTable("device_info").set({ chargeFlag: 0 }).where("deviceCode", "=", "GATED001").execute();
  },
  own: { manager: MANAGER, deviceCode: "GATED001", state: 1, maxUnit: 6, chargeFlag: 1, unitPrice: "2.00" },
  success: set({ state: 1, maxUnit: 6, chargeFlag: 1, unitPrice: 200 }),
  parameters: {
    manager: caller("manager"),
    deviceCode: { ...deviceCode, hostileInForm: { names: ["infinite"], expected: () => NOT_YOURS } },
    state: {
      ...bit("state"),
      missing: set({ maxUnit: 6, chargeFlag: 1, unitPrice: 200 }),
      accepted: ["1"],
    },
    maxUnit: {
      ...whole("maxUnit", 1, 12),
      missing: set({ state: 1, chargeFlag: 1, unitPrice: 200 }),
      accepted: ["6"],
    },
    chargeFlag: {
      ...bit("chargeFlag"),
      missing: set({ state: 1, maxUnit: 6, unitPrice: 200 }),
      accepted: ["1"],
    },
    unitPrice: {
      ...yuan("unitPrice"),
      missing: set({ state: 1, maxUnit: 6, chargeFlag: 1 }),
      outOfRange: ["1000", "3.001", "-3.00", "03.00", "3.", ".5", [0, PRICE], ["100.00", PRICE]],
      accepted: ["2", "2.0", 2],
    },
  },
  objects: [
    ...foreignDevices("deviceCode"),
    {
      name: "a price that is too high for the longest charge",
      by: "me",
      own: { maxUnit: 12, unitPrice: "83.34" },
      expected: PRICE,
    },
    {
      name: "nothing to set",
      by: "me",
      own: { state: null, maxUnit: null, chargeFlag: null, unitPrice: null },
      expected: parameter("state: missing, at least one of"),
    },
  ],
  pending: "refused",
} satisfies MethodFixture;
