import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { giveOrder, ME } from "../world.ts";

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" }),
  own: { user: ME },
  success: { data: [{ userName: "甲", professionName: "", pmoney: 0, order: 1 }], change: {} },
  parameters: {
    user: caller("user"),
  },
  objects: NAMES_THE_CALLER_ONLY,
} satisfies MethodFixture;
