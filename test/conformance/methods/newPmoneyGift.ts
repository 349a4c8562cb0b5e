import { parameter } from "../case.ts";
import { answered, type MethodFixture } from "../fixture.ts";
import { caller, phone, whole } from "../parameters.ts";
import { giveCoin, ME, NOBODY, NOW, OTHER } from "../world.ts";

const COINS_SHORT = { code: 5, reason: "COINS_SHORT" } as const;
const TO_ONESELF = parameter("userTo: another user than userFrom");

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveCoin(db),
  own: { userFrom: ME, userTo: OTHER, pmoney: 1 },
  success: {
    data: [{ result: 0, reason: "" }],
    change: {
      pmoney_gift_info: {
        added: [{ id: 1, giftId: "G0102314600", fromUser: ME, toUser: OTHER, pmoney: 1, giftTime: NOW }],
      },
      user_info: {
        changed: [
          { of: 1, from: { pmoney: 1 }, to: { pmoney: 0 } },
          { of: 2, from: { pmoney: 0 }, to: { pmoney: 1 } },
        ],
      },
      ledger_account: {
        added: [{ account: `user_coins:${OTHER}`, balance: 100 }],
        changed: [{ of: `user_coins:${ME}`, from: { balance: 100 }, to: { balance: 0 } }],
      },
      ledger_transfer: {
        added: [
          {
            id: "gift/G0102314600",
            fromAccount: `user_coins:${ME}`,
            toAccount: `user_coins:${OTHER}`,
            amount: 100,
            reason: "GIFT",
            orderId: null,
            insertTime: NOW,
          },
        ],
      },
      answered_call: { added: [answered("user", "newPmoneyGift", '[{"result":0,"reason":""}]')] },
    },
  },
  parameters: {
    userFrom: caller("userFrom"),
    userTo: phone("userTo"),
    pmoney: {
      ...whole("pmoney", 1, 99_999),
      outOfRange: [0, -1, 100_000, 4_294_967_297, [2, COINS_SHORT], [99_999, COINS_SHORT]],
      accepted: ["1"],
    },
  },
  objects: [
    { name: "to oneself", by: "me", own: { userTo: ME }, expected: TO_ONESELF },
    {
      name: "to a user who does not exist",
      by: "me",
      own: { userTo: NOBODY },
      expected: { code: 3, reason: "USER_UNKNOWN" },
    },
    {
      name: "by another, who has no coins",
      by: "another",
      own: { userFrom: OTHER, userTo: ME },
      expected: COINS_SHORT,
    },
  ],
} satisfies MethodFixture;
