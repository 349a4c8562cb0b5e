import { expect } from "vitest";
import type { MethodFixture } from "../fixture.ts";
import { visible } from "../parameters.ts";
import { NOW } from "../world.ts";

const success = {
  data: [{ session: expect.stringMatching(/^[0-9A-Za-z]{14}$/) }],
  change: {
    wx_info: {
      added: [
        {
          id: expect.any(Number),
          side: "user",
          openId: "new",
          sessionKey: "key-of-new",
          session: expect.stringMatching(/^[0-9A-Za-z]{14}$/),
          phone: null,
          insertTime: NOW,
          updateTime: NOW,
        },
      ],
    },
  },
};

export default {
  side: "user",
  auth: "open",
  own: { jsCode: "code-new" },
  success,
  // A login is stored for no repeat: the code is used up at WeChat, here it opens another session.
  repeat: success,
  parameters: {
    jsCode: visible("jsCode", 128, { code: 4, reason: "LOGIN_REFUSED" }),
  },
  objects: "it names no object",
} satisfies MethodFixture;
