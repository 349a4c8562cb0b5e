import type { MethodFixture } from "../fixture.ts";
import { caller, NAMES_THE_CALLER_ONLY } from "../parameters.ts";
import { giveOrder, givePaidOrder, MANAGER, OTHER_MANAGER } from "../world.ts";

export default {
  side: "manager",
  auth: "session",
  async given({ db }) {
    await givePaidOrder(db, { orderId: "90001795309200" });
    // Withdrawn, another's, and unpaid.
    await givePaidOrder(db, { orderId: "90001795309201", cashOutFlag: 2 });
    await givePaidOrder(db, { orderId: "90001795309202", manager: OTHER_MANAGER });
    await giveOrder(db, { orderId: "90001795314300", deviceCode: "GATED001", state: "charging" });
  },
  own: { manager: MANAGER },
  success: { data: [{ count: 1, money: 3, service: 0.02, cash: 2.98 }], change: {} },
  parameters: { manager: caller("manager") },
  objects: NAMES_THE_CALLER_ONLY,
  pending: "refused",
} satisfies MethodFixture;
