import { expect } from "vitest";
import type { MethodFixture } from "../fixture.ts";
import type { HostileName } from "../hostile.ts";
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
        },
      ],
    },
  },
};

/** Visible ASCII, and neither a phone number nor a key. */
const visible: readonly HostileName[] = [
  "markup",
  "path",
  "template",
  "prototype",
  "exponent",
  "hexadecimal",
  "plus",
  "negative",
  "leadingZero",
  "notANumber",
  "infinite",
  "beyondDouble",
  "json",
];
const hostileInForm = { names: visible, expected: () => refusedByWeChat };

export default {
  side: "user",
  auth: "login",
  own: { encryptData: NEW, iv: "key-of-user-3" },
  success,
  parameters: {
    encryptData: {
      refused: { code: 3, reason: "PARAMETER", says: "encryptData: 1 to 4096 visible ASCII characters" },
      missing: either,
      wrongType: [[17, refusedByWeChat], "一"],
      outOfRange: ["x".repeat(4097), " ", ["x".repeat(4096), refusedByWeChat]],
      hostileInForm,
    },
    iv: {
      refused: { code: 3, reason: "PARAMETER", says: "iv: 1 to 32 visible ASCII characters" },
      missing: either,
      wrongType: [[17, refusedByWeChat], "一"],
      outOfRange: ["x".repeat(33), " ", ["key-of-user-1", refusedByWeChat]],
      hostileInForm,
    },
    code: {
      refused: { code: 3, reason: "PARAMETER", says: "code: 1 to 128 visible ASCII characters" },
      missing: either,
      wrongType: [[17, refusedByWeChat], "一"],
      outOfRange: ["x".repeat(129), " ", ["2{3}", refusedByWeChat]],
      hostileInForm,
      base: { encryptData: null, iv: null, code: NEW },
    },
  },
  objects: "the phone number is what WeChat vouches for: none is named",
} satisfies MethodFixture;
