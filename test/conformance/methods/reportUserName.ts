import { answered, type MethodFixture } from "../fixture.ts";
import { caller, givenName, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { ME } from "../world.ts";

const data = [{ result: 0, reason: "", cause: "" }];
const named = (userName: string) => ({
  data,
  change: {
    user_info: { changed: [{ of: 1, from: { userName: "甲" }, to: { userName } }] },
    answered_call: {
      added: [answered("user", "reportUserName", '[{"result":0,"reason":"","cause":""}]')],
    },
  },
});

export default {
  side: "user",
  auth: "session",
  own: { user: ME, userName: " 张三丰 " },
  success: named("张三丰"),
  parameters: {
    user: caller("user"),
    userName: givenName("userName", named),
  },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
