import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { giveCoin, giveOrder, ME, NOW } from "../world.ts";

const NOT_YOURS = { code: 5, reason: "NOT_YOURS" } as const;
const AMOUNT_MISMATCH = { code: 3, reason: "AMOUNT_MISMATCH" } as const;
const outTradeNo = expect.stringMatching(/^90001795314300-[0-9A-Za-z]{8}$/);
const yuanOf = (name: string) => ({
  refused: {
    code: 3,
    reason: "PARAMETER",
    says: `${name}: yuan from 0 to 999.99 with at most two decimals`,
  } as const,
  missing: { code: 3, reason: "PARAMETER", says: `${name}: missing, yuan from 0 to 999.99` } as const,
  wrongType: ["three"],
});

export default {
  side: "user",
  auth: "session",
  async given({ db }) {
    await giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" });
    await giveCoin(db);
  },
  own: { user: ME, orderId: "90001795314300", money: "3.00", pmoney: 1, cash: 2 },
  success: {
    data: [{ package: expect.stringMatching(/"package":"prepay_id=90001795314300-[0-9A-Za-z]{8}"/) }],
    // The coin is held; nothing is paid before WeChat says so.
    change: {
      order_info: {
        changed: [
          {
            of: 1,
            from: { payState: "unpaid", updateTime: NOW - 300_000 },
            to: { payState: "paying", updateTime: NOW },
          },
        ],
      },
      order_pay_info: {
        added: [
          {
            id: 1,
            orderId: "90001795314300",
            user: ME,
            deviceCode: "GATED001",
            port: 1,
            unitPrice: 150,
            unit: 2,
            money: 300,
            orderTime: NOW - 300_000,
            state: 0,
            wxPayid: null,
            payTime: null,
            outTradeNo,
            channel: "jsapi",
            openId: "user-1",
            pmoney: 1,
            cash: 200,
            insertTime: NOW,
            expireTime: NOW + 900_000,
            queryTime: null,
            prepayId: outTradeNo,
            closed: 0,
            failReason: null,
          },
        ],
      },
      user_info: { changed: [{ of: 1, from: { pmoney: 1 }, to: { pmoney: 0 } }] },
      ledger_account: {
        added: [{ account: `user_coins_held:${ME}`, balance: 100 }],
        changed: [{ of: `user_coins:${ME}`, from: { balance: 100 }, to: { balance: 0 } }],
      },
      ledger_transfer: {
        added: [
          {
            id: expect.stringMatching(/^pay\/90001795314300-[0-9A-Za-z]{8}\/hold$/),
            fromAccount: `user_coins:${ME}`,
            toAccount: `user_coins_held:${ME}`,
            amount: 100,
            reason: "PAYMENT",
            orderId: "90001795314300",
            insertTime: NOW,
          },
        ],
      },
      answered_call: {
        added: [answered("user", "payPowerOrder", expect.stringContaining("90001795314300"))],
      },
    },
  },
  parameters: {
    user: {
      refused: { code: 4, reason: "SESSION" },
      missing: { code: 3, reason: "PARAMETER", says: "user: missing, 11 digits beginning with 1" },
      wrongType: [13800000001.5, "me"],
      outOfRange: ["1380000000", "138000000011", "23800000001"],
    },
    orderId: {
      refused: { code: 3, reason: "PARAMETER", says: "orderId: 9 and 13 digits" },
      missing: { code: 3, reason: "PARAMETER", says: "orderId: missing, 9 and 13 digits" },
      wrongType: [9000179531430.5, "order"],
      outOfRange: ["9000179531430", "900017953143000", "80001795314300", "9000179531430a"],
    },
    money: {
      ...yuanOf("money"),
      outOfRange: ["1000", "3.001", "-3.00", "03.00", "3.", ".5", ["2.99", AMOUNT_MISMATCH]],
    },
    pmoney: {
      refused: { code: 3, reason: "PARAMETER", says: "pmoney: a whole number from 0 to 99999" },
      missing: { code: 3, reason: "PARAMETER", says: "pmoney: missing, a whole number from 0 to 99999" },
      wrongType: [0.5, "none"],
      outOfRange: [100000, -1, [3, AMOUNT_MISMATCH], [0, AMOUNT_MISMATCH]],
    },
    cash: {
      ...yuanOf("cash"),
      outOfRange: ["1000", "3.001", "-3.00", "03.00", ["1.99", AMOUNT_MISMATCH], [3, AMOUNT_MISMATCH]],
    },
    channel: {
      refused: { code: 3, reason: "PARAMETER", says: "channel: jsapi or h5" },
      missing: "optional",
      wrongType: [1],
      outOfRange: ["JSAPI", "native", "jsapi ", "coins"],
      base: { channel: "jsapi" },
    },
  },
  objects: [
    { name: "another's order", by: "another", own: {}, refused: NOT_YOURS },
    {
      name: "an order that does not exist",
      by: "me",
      own: { orderId: "90001795314301" },
      refused: NOT_YOURS,
    },
  ],
} satisfies MethodFixture;
