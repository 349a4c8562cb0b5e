import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { MANAGER } from "../world.ts";

export default {
  side: "manager",
  auth: "session",
  own: { manager: MANAGER },
  success: { data: [{ managerName: "丙" }], change: {} },
  parameters: {
    manager: caller("manager"),
  },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "allowed",
} satisfies MethodFixture;
