import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, foreignOrders, orderId, whole, yuan } from "../parameters.ts";
import { giveCoin, giveOrder, ME, NOW } from "../world.ts";

const AMOUNT_MISMATCH = { code: 3, reason: "AMOUNT_MISMATCH" } as const;
const outTradeNo = expect.stringMatching(/^90001795314300-[0-9A-Za-z]{8}$/);

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
            pmoney: 1,
            cash: 200,
            insertTime: NOW,
            failReason: null,
          },
        ],
      },
      wx_payment: {
        added: [
          {
            outTradeNo,
            purpose: "order",
            subject: "90001795314300",
            user: ME,
            description: "充电 GATED001 1号端口",
            channel: "jsapi",
            openId: "user-1",
            cash: 200,
            state: 0,
            wxPayid: null,
            payTime: null,
            insertTime: NOW,
            expireTime: NOW + 900_000,
            queryTime: null,
            prepayId: outTradeNo,
            closed: 0,
            failReason: null,
            ...{ shipped: 0, shipTries: 0, shipTime: null, shipProblem: null },
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
    user: caller("user"),
    orderId,
    money: {
      ...yuan("money"),
      outOfRange: ["1000", "3.001", "-3.00", "03.00", "3.", ".5", ["2.99", AMOUNT_MISMATCH]],
    },
    pmoney: {
      ...whole("pmoney", 0, 99_999),
      outOfRange: [100000, -1, [3, AMOUNT_MISMATCH], [0, AMOUNT_MISMATCH]],
    },
    cash: {
      ...yuan("cash"),
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
  objects: foreignOrders,
} satisfies MethodFixture;
