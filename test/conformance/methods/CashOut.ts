import { answered, type MethodFixture } from "../fixture.ts";
import { caller, givenName } from "../parameters.ts";
import { givePaidOrder, MANAGER, NOW, OTHER_MANAGER } from "../world.ts";

const NOTHING_TO_WITHDRAW = {
  code: 0,
  reason: "NOTHING_TO_WITHDRAW",
  data: [{ result: 1, reason: "没有可提现的金额" }],
} as const;

const requested = (account: {
  bankName?: string;
  bankUser?: string;
  bankCode?: string;
  bankMask?: string;
}) => ({
  data: [{ result: 0, reason: "" }],
  // No money moves before the bank has paid.
  change: {
    cashout_info: {
      added: [
        {
          id: 1,
          cashOutId: "C0001314600",
          manager: MANAGER,
          state: 2,
          bankName: "建设银行",
          bankUser: "丙",
          bankCode: "sealed 6222021234567890",
          money: 300,
          service: 2,
          cash: 298,
          reason: null,
          cashOutTime: NOW,
          processTime: null,
          step: "requested",
          bankMask: "6222********7890",
          debt: 0,
          ppm: 6000,
          approvedBy: null,
          secondBy: null,
          batchId: null,
          reference: null,
          secondAboveFen: null,
          ...account,
        },
      ],
    },
    order_info: {
      changed: [
        {
          of: 1,
          from: { cashOutFlag: 0, cashOutId: null },
          to: { cashOutFlag: 1, cashOutId: "C0001314600" },
        },
      ],
    },
    manager_money: {
      changed: [{ of: MANAGER, from: { count: 1, money: 300 }, to: { count: 0, money: 0 } }],
    },
    audit_log: {
      added: [
        {
          id: 1,
          who: `manager:${MANAGER}`,
          what: "cashout.request",
          object: "C0001314600",
          detail: "298 fen",
          insertTime: NOW,
        },
      ],
    },
    answered_call: { added: [answered("manager", "CashOut", '[{"result":0,"reason":""}]')] },
  },
});

export default {
  side: "manager",
  auth: "session",
  given: ({ db }) => givePaidOrder(db, { orderId: "90001795309200" }),
  own: { manager: MANAGER, bankName: " 建设银行", bankUser: "丙 ", bankCode: "6222 0212 3456 7890" },
  success: requested({}),
  parameters: {
    manager: caller("manager"),
    bankName: givenName("bankName", (bankName) => requested({ bankName })),
    bankUser: givenName("bankUser", (bankUser) => requested({ bankUser })),
    bankCode: {
      refused: { code: 3, reason: "PARAMETER", says: "bankCode: 8 to 30 digits" },
      missing: { code: 3, reason: "PARAMETER", says: "bankCode: missing, 8 to 30 digits" },
      wrongType: [1.5, "card"],
      outOfRange: ["1234567", "1".repeat(31), "6222-0212-3456-7890", "622202123456789O", "   "],
      accepted: ["6222021234567890"],
      hostileInForm: {
        // Sixteen digits are a number of a card, and stay exactly these.
        names: ["beyondDouble"],
        expected: () => requested({ bankCode: "sealed 9007199254740993", bankMask: "9007********0993" }),
      },
    },
  },
  objects: [
    {
      name: "by another, who has nothing",
      by: "another",
      own: { manager: OTHER_MANAGER },
      expected: NOTHING_TO_WITHDRAW,
    },
  ],
  pending: "refused",
} satisfies MethodFixture;
