import type { MethodFixture } from "../fixture.ts";
import { MANAGER } from "../world.ts";

const SESSION = { code: 4, reason: "SESSION" } as const;

export default {
  side: "manager",
  auth: "session",
  own: { manager: MANAGER },
  success: { data: [{ managerName: "丙" }], change: {} },
  parameters: {
    manager: {
      refused: SESSION,
      missing: { code: 3, reason: "PARAMETER", says: "manager: missing, 11 digits beginning with 1" },
      wrongType: [13900000001.5, "me"],
      outOfRange: ["1390000000", "139000000011", "23900000001"],
    },
  },
  objects: "it names the caller only: another's name stands among the cases of the session",
  pending: "allowed",
} satisfies MethodFixture;
