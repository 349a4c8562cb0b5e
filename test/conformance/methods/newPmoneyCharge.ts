import { expect } from "vitest";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY, whole } from "../parameters.ts";
import { ME, NOW } from "../world.ts";

const outTradeNo = expect.stringMatching(/^P0001314600-[0-9A-Za-z]{8}$/);

export default {
  side: "user",
  auth: "session",
  own: { user: ME, pmoney: 5 },
  success: {
    data: [
      {
        payId: "P0001314600",
        package: expect.stringMatching(/"package":"prepay_id=P0001314600-[0-9A-Za-z]{8}"/),
      },
    ],
    // No coin comes before its money.
    change: {
      pmoney_charge_pay: {
        added: [
          {
            id: 1,
            payId: "P0001314600",
            user: ME,
            pmoney: 5,
            payTime: null,
            state: 0,
            wxPayid: null,
            outTradeNo,
          },
        ],
      },
      wx_payment: {
        added: [
          {
            outTradeNo,
            purpose: "coins",
            subject: "P0001314600",
            user: ME,
            description: "电币充值 5 枚",
            channel: "jsapi",
            openId: "user-1",
            cash: 500,
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
      answered_call: {
        added: [answered("user", "newPmoneyCharge", expect.stringContaining("P0001314600"))],
      },
    },
  },
  parameters: {
    user: caller("user"),
    pmoney: { ...whole("pmoney", 1, 999), accepted: ["5"] },
    channel: {
      refused: { code: 3, reason: "PARAMETER", says: "channel: jsapi or h5" },
      missing: "optional",
      wrongType: [1],
      outOfRange: ["JSAPI", "native", "jsapi ", "coins"],
      base: { channel: "jsapi" },
    },
  },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
