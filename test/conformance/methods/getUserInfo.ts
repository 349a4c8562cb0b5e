import type { MethodFixture } from "../fixture.ts";
import { giveOrder, ME } from "../world.ts";

const SESSION = { code: 4, reason: "SESSION" } as const;

export default {
  side: "user",
  auth: "session",
  given: ({ db }) => giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" }),
  own: { user: ME },
  success: { data: [{ userName: "甲", professionName: "", pmoney: 0, order: 1 }], change: {} },
  parameters: {
    user: {
      refused: SESSION,
      missing: { code: 3, reason: "PARAMETER", says: "user: missing, 11 digits beginning with 1" },
      wrongType: [13800000001.5, "me"],
      outOfRange: ["1380000000", "138000000011", "23800000001", "00000000000"],
    },
  },
  objects: "it names the caller only: another's name stands among the cases of the session",
} satisfies MethodFixture;
