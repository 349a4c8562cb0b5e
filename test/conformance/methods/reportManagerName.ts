import { answered, type MethodFixture } from "../fixture.ts";
import { caller, givenName, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { MANAGER } from "../world.ts";

const data = [{ result: 0, reason: "" }];
const named = (managerName: string) => ({
  data,
  change: {
    manager_info: { changed: [{ of: 1, from: { managerName: "丙" }, to: { managerName } }] },
    answered_call: {
      added: [answered("manager", "reportManagerName", '[{"result":0,"reason":""}]')],
    },
  },
});

export default {
  side: "manager",
  auth: "session",
  own: { manager: MANAGER, managerName: " 张三丰 " },
  success: named("张三丰"),
  parameters: {
    manager: caller("manager"),
    managerName: givenName("managerName", named),
  },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "allowed",
} satisfies MethodFixture;
