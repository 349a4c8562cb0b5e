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
    wx_info: { changed: [{ of: 7, from: { phone: null }, to: { phone: NEW } }] },
    manager_info: {
      added: [
        {
          ...{ id: expect.any(Number), manager: NEW, managerName: "", setupTime: NOW, approved: 0 },
          ...{ confirmedOpenId: "manager-3", reboundTime: null },
        },
      ],
    },
  },
};

export default {
  side: "manager",
  auth: "login",
  own: { encryptData: NEW, iv: "key-of-manager-3" },
  success,
  parameters: {
    encryptData: { ...visible("encryptData", 4096, refusedByWeChat), missing: either },
    iv: {
      ...visible("iv", 32, refusedByWeChat),
      missing: either,
      outOfRange: ["x".repeat(33), " ", ["key-of-manager-1", refusedByWeChat]],
    },
    code: {
      ...visible("code", 128, refusedByWeChat),
      missing: either,
      base: { encryptData: null, iv: null, code: NEW },
    },
  },
  objects: "the phone number is what WeChat vouches for: none is named",
} satisfies MethodFixture;
