import type { Clock } from "@bluepower/protocol/clock";
import { instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { type DeviceCode, fen, type GatewayId, type Phone, phone } from "@bluepower/protocol/units";
import { testConfig } from "../../cloud/api/scenario.ts";
import type { Db } from "../../cloud/database/database.ts";
import { transaction } from "../../cloud/database/open.ts";
import { assignGateway, assignManager, registerDevice, setDevice } from "../../cloud/devices/register.ts";
import { touchDesired } from "../../cloud/gateways/desired.ts";
import { addGateway } from "../../cloud/gateways/identity.ts";
import { bindPhone, openSession } from "../../cloud/identity/sessions.ts";
import { fixCoinValue } from "../../cloud/ledger/coins.ts";
import { post } from "../../cloud/ledger/ledger.ts";
import { addSite } from "../../cloud/sites/sites.ts";
import type { WorldCharger } from "./worldSite.ts";

export const ZONE = testConfig.zone;
export const START = instant(1_795_314_600_000);
/** Fen for a unit of thirty minutes. */
export const UNIT_PRICE = 150;
const MANAGERS = [phone("13900000001"), phone("13900000002")] as const;
const BY = { who: "world", at: START };

/** Whose charger it is: they take turns. */
export const managerOf = (code: DeviceCode): Phone =>
  MANAGERS[Number(code.at(-1)) % MANAGERS.length] ?? MANAGERS[0];

/** What the operator enters before anything begins: a site, its gateway, its chargers, their managers. */
export async function furnish(
  db: Db,
  of: { random: Random; gatewayId: GatewayId; chargers: readonly Pick<WorldCharger, "code" | "chip">[] },
): Promise<void> {
  const { gatewayId, random } = of;
  await transaction(db, async (tx) => {
    await fixCoinValue(tx, testConfig.coinFen);
    await addSite(tx, { name: "yard", zone: ZONE }, BY);
    await addGateway(tx, { gatewayId, site: "yard", random: random.fork("token") }, BY);
    for (const manager of MANAGERS) {
      await tx
        .insertInto("manager_info")
        .values({ manager, managerName: "管理员", setupTime: START, approved: 1 })
        .execute();
    }
    for (const { code, chip } of of.chargers) {
      const deviceCode = code;
      await registerDevice(tx, { deviceCode, chip, version: 1 }, BY);
      await assignManager(tx, { deviceCode, manager: managerOf(code), touchDesired }, BY);
      const values = { chargeFlag: 1 as const, unitPrice: fen(UNIT_PRICE), deviceName: code };
      await setDevice(tx, { deviceCode, touchDesired, ...values }, BY);
      await assignGateway(tx, { deviceCode, gatewayId, touchDesired }, BY);
    }
  });
}

/** Somebody with a name and coins, logged in: what their calls carry. */
export async function addPerson(
  db: Db,
  of: { who: Phone; coins: number; clock: Clock; random: Random },
): Promise<{ session: string }> {
  const { who, coins, random } = of;
  const now = of.clock.now();
  const openId = `openid-${who}`;
  return await transaction(db, async (tx) => {
    const { session } = await openSession(tx, { side: "user", openId, sessionKey: "", random, now });
    await bindPhone(tx, { side: "user", openId, phone: who, now });
    await tx.updateTable("user_info").set({ userName: "用户" }).where("user", "=", who).execute();
    await post(tx, {
      id: `opening/${who}`,
      from: "opening",
      to: `user_coins:${who}`,
      amount: coins * testConfig.coinFen,
      reason: "OPENING",
      at: now,
    });
    return { session };
  });
}
