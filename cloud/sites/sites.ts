import type { Db, Tx } from "../database/database.ts";
import { audit, type By } from "../identity/audit.ts";

/** A place with chargers and gateways; what partners know it by stands in the station's and the park's id (spec 5). */
export interface NewSite {
  name: string;
  /** IANA zone, checked by the caller. */
  zone: string;
  stationId?: string;
  stationName?: string;
  parkId?: string;
  /** What gateways do with a port that runs without an order; `report` when nothing is said (spec 4, "Charge"). */
  foreignPorts?: "report" | "switch_off";
}

/** Adds a site; `exists` when there is one of that name. */
export async function addSite(tx: Tx, site: NewSite, by: By): Promise<"added" | "exists"> {
  const known = await tx.selectFrom("site").select("id").where("name", "=", site.name).executeTakeFirst();
  if (known !== undefined) return "exists";
  await tx.insertInto("site").values(site).execute();
  await audit(tx, by, { what: "site.add", object: site.name, detail: site.zone });
  return "added";
}

export interface SiteRow {
  name: string;
  zone: string;
  stationId: string;
  stationName: string;
  parkId: string;
  foreignPorts: "report" | "switch_off";
  gateways: number;
}

export async function listSites(db: Db): Promise<SiteRow[]> {
  const rows = await db
    .selectFrom("site")
    .select((e) => [
      "name",
      "zone",
      "stationId",
      "stationName",
      "parkId",
      "foreignPorts",
      e
        .selectFrom("gateway")
        .whereRef("gateway.siteId", "=", "site.id")
        .select(({ fn }) => fn.countAll<number>().as("n"))
        .as("gateways"),
    ])
    .orderBy("name")
    .execute();
  return rows.map((row) => ({ ...row, gateways: Number(row.gateways ?? 0) }));
}

/** Says on which site a charger stands; its gateway, where it has one, is assigned apart. */
export async function placeDevice(
  tx: Tx,
  { deviceCode, site }: { deviceCode: string; site: string },
  by: By,
): Promise<"placed" | "site_unknown" | "device_unknown"> {
  const place = await tx.selectFrom("site").select("id").where("name", "=", site).executeTakeFirst();
  if (place === undefined) return "site_unknown";
  const changed = await tx
    .updateTable("device_info")
    .set({ siteId: place.id, updateTime: by.at })
    .where("deviceCode", "=", deviceCode)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) return "device_unknown";
  await audit(tx, by, { what: "device.place", object: deviceCode, detail: `site ${site}` });
  return "placed";
}
