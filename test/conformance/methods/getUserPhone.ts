import { expect } from "vitest";
import type { MethodFixture } from "../fixture.ts";
import { visible } from "../parameters.ts";
import { NOW } from "../world.ts";

const NEW = "13700000009";
const either = {
  code: 3,
  reason: "PARAMETER",
  says: "encryptData: either code, or encryptData and iv",
} as const;
const refusedByWeChat = { code: 4, reason: "PHONE_REFUSED" } as const;
const success = {
  data: [{ phone: NEW }],
  change: {
    wx_info: { changed: [{ of: 3, from: { phone: null }, to: { phone: NEW } }] },
    user_info: {
      added: [
        {
          id: expect.any(Number),
          user: NEW,
          userName: "",
          pmoney: 0,
          setupTime: NOW,
          professionId: null,
          confirmedOpenId: "user-3",
          reboundTime: null,
          vipUntil: null,
        },
      ],
    },
  },
};

export default {
  side: "user",
  auth: "login",
  own: { encryptData: NEW, iv: "key-of-user-3" },
  success,
  parameters: {
    encryptData: { ...visible("encryptData", 4096, refusedByWeChat), missing: either },
    iv: {
      ...visible("iv", 32, refusedByWeChat),
      missing: either,
      outOfRange: ["x".repeat(33), " ", ["key-of-user-1", refusedByWeChat]],
    },
    code: {
      ...visible("code", 128, refusedByWeChat),
      missing: either,
      base: { encryptData: null, iv: null, code: NEW },
    },
  },
  objects: "the phone number is what WeChat vouches for: none is named",
} satisfies MethodFixture;
