import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, deviceCode, unknownDevices, whole, yuan } from "../parameters.ts";
import { MANAGER, ME, NOW } from "../world.ts";

const PRICE_CHANGED = { code: 3, reason: "PRICE_CHANGED" } as const;
const AMOUNT_MISMATCH = { code: 3, reason: "AMOUNT_MISMATCH" } as const;
const UNIT_RANGE = { code: 3, reason: "UNIT_RANGE" } as const;

export default {
  side: "user",
  auth: "session",
  own: { user: ME, deviceCode: "GATED001", port: 1, unitPrice: "1.50", unit: 2, money: 3 },
  success: {
    data: [{ orderId: "90001795314600", state: "charging" }],
    change: {
      order_info: {
        added: [
          {
            id: 1,
            orderId: "90001795314600",
            user: ME,
            deviceCode: "GATED001",
            deviceName: "一号",
            port: 1,
            unitPrice: 150,
            unit: 2,
            money: 300,
            orderTime: NOW,
            pmoney: 0,
            cash: 0,
            payTime: null,
            cashOutFlag: 0,
            cashOutId: null,
            agreedUnit: 2,
            agreedMoney: 300,
            state: "charging",
            payState: "unpaid",
            manager: MANAGER,
            gatewayId: "gw-1",
            source: "cloud",
            startTime: NOW,
            endTime: null,
            minutes: null,
            endReason: null,
            evidence: null,
            cancelReason: null,
            toldCancelled: 0,
            plateNo: "",
            updateTime: NOW,
          },
        ],
      },
      order_day: {
        added: [
          {
            manager: MANAGER,
            deviceCode: "GATED001",
            day: 20_261_122,
            ...{ count: 1, unit: 2, money: 300, paidCount: 0, pmoney: 0, cash: 0 },
          },
        ],
      },
      live_order: { added: [{ deviceCode: "GATED001", port: 1, orderId: "90001795314600" }] },
      unpaid_order: { added: [{ user: ME, orderId: "90001795314600" }] },
      command: {
        added: [
          {
            id: "command-1",
            gatewayId: "gw-1",
            orderId: "90001795314600",
            body: '{"kind":"start","orderId":"90001795314600","deviceCode":"GATED001","port":1,"minutes":60}',
            deadline: NOW + 60_000,
            state: "answered",
            outcome: '{"kind":"started","minutes":60}',
            insertTime: NOW,
            answerTime: NOW,
          },
        ],
      },
      answered_call: {
        added: [answered("user", "newPowerOrder", expect.stringContaining("90001795314600"))],
      },
    },
  },
  parameters: {
    user: caller("user"),
    deviceCode,
    port: { ...whole("port", 1, 4), outOfRange: [0, 5, -1, 257, 4294967297] },
    unitPrice: {
      ...yuan("unitPrice"),
      outOfRange: ["1000", "1.501", "-1.50", "01.50", ["1.49", PRICE_CHANGED], [0, PRICE_CHANGED]],
    },
    unit: {
      ...whole("unit", 0, 999),
      outOfRange: [-1, 1000, 4294967298, [0, UNIT_RANGE], [13, UNIT_RANGE], [999, UNIT_RANGE]],
    },
    money: {
      ...yuan("money"),
      outOfRange: ["1000", "3.001", "-3.00", "03.00", ["2.99", AMOUNT_MISMATCH], [0, AMOUNT_MISMATCH]],
    },
    plateNo: {
      refused: { code: 3, reason: "PARAMETER", says: "plateNo: 7 or 8 characters" },
      missing: "optional",
      wrongType: [1234567],
      outOfRange: ["沪A1234", "沪A1234567", "AA12345", "沪a12345", "沪A1234\n"],
      base: { plateNo: "沪A12345" },
    },
  },
  objects: unknownDevices,
} satisfies MethodFixture;
