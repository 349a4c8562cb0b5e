import { encodeRequest } from "@bluepower/protocol/charger/frames";
import { frameBytes } from "@bluepower/protocol/charger/reader";
import { signRequest } from "@bluepower/protocol/charger/signature";
import { derivedJamCode, portNo } from "@bluepower/protocol/units";
import { sql } from "kysely";
import type { Db } from "../../cloud/database/database.ts";
import type { WorldSite } from "./worldSite.ts";

/** A bug that the world itself plays, to show that its checks see one. */
export type Plant =
  | "told cancelled is billed"
  | "coins from nothing"
  | "port without an order"
  | "minutes made up";

/** Plays a bug as soon as there is something to play it on; answers whether it has been played. */
export async function play(
  plant: Plant,
  of: { db: Db; site: WorldSite; told: ReadonlySet<string> },
): Promise<boolean> {
  const { db, site } = of;
  switch (plant) {
    case "told cancelled is billed": {
      const [orderId] = of.told;
      if (orderId === undefined) return false;
      await sql`update order_info set state = 'finished' where "orderId" = ${orderId}`.execute(db);
      return true;
    }
    case "coins from nothing":
      await sql`update user_info set pmoney = pmoney + 1 where id = 1`.execute(db);
      return true;
    case "port without an order":
      return switchOn(site);
    case "minutes made up": {
      const made = await sql`update order_info set minutes = minutes + 1
        where id = (select min(id) from order_info where state = 'finished')`.execute(db);
      return (made.numAffectedRows ?? 0n) > 0n;
    }
  }
}

/** Somebody who knows the document switches a free port on. */
function switchOn(site: WorldSite): boolean {
  for (const { code, chip, charger } of site.chargers) {
    const { clock, connected, ports } = charger.view();
    const free = ports.find(
      (p) => p.state === "free" && site.store.orders.holder(code, portNo(p.port)) === undefined,
    );
    if (clock === "unset" || free === undefined) continue;
    if (!connected) charger.connected();
    const set = { name: "POWERON" as const, parameters: [String(free.port), "30"], timestamp: clock };
    charger.receive(frameBytes(encodeRequest(signRequest(set, derivedJamCode(chip)))));
    if (!connected) charger.disconnected();
    return true;
  }
  return false;
}
