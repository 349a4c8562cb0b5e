import { instant } from "@bluepower/protocol/clock";
import { type Random, seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { type Logger, pino } from "pino";
import type { Db } from "../database/database.ts";
import { openDatabase, transaction } from "../database/open.ts";
import { addSite } from "../sites/sites.ts";
import { addGateway } from "./identity.ts";

export const START = instant(1_800_000_000_000);
export const BY = { who: "test", at: START };

export interface TestSite {
  db: Db;
  clock: SimulatedClock;
  random: Random;
  log: Logger;
  /** Lines that were logged as warnings or worse. */
  warnings: string[];
  tokens: { one: string; two: string };
  close(): Promise<void>;
}

/** For tests: a database in memory with a site, the gateways `gw-1` and `gw-2`, and a charger behind each. */
export async function testSite(): Promise<TestSite> {
  const { db, close } = await openDatabase({ url: "sqlite::memory:" });
  const random = seededRandom("gateways");
  const warnings: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) });
  const tokens = await transaction(db, async (tx) => {
    await addSite(tx, { name: "yard", zone: "Asia/Shanghai" }, BY);
    const token = async (gatewayId: string): Promise<string> => {
      const added = await addGateway(tx, { gatewayId, site: "yard", random }, BY);
      if (added.kind !== "added") throw new Error(added.kind);
      return added.token;
    };
    return { one: await token("gw-1"), two: await token("gw-2") };
  });
  await addCharger(db, { deviceCode: "CHARGER1", chip: "A1B2C3D4E5F6", gatewayId: "gw-1" });
  await addCharger(db, { deviceCode: "CHARGER2", chip: "0123456789AB", gatewayId: "gw-2" });
  return { db, clock: new SimulatedClock(START), random, log, warnings, tokens, close };
}

export async function addCharger(
  db: Db,
  charger: { deviceCode: string; chip: string; gatewayId: string | null; version?: number },
): Promise<void> {
  await db
    .insertInto("device_info")
    .values({
      deviceCode: charger.deviceCode,
      version: charger.version ?? 1,
      btName: charger.chip,
      jamCode: "JAMJAM",
      chargeFlag: 1,
      unitPrice: 150,
      manager: "13900000001",
      gatewayId: charger.gatewayId,
      setupTime: START,
      updateTime: START,
      portTime: null,
      addTime: null,
      siteId: null,
      chargerSeenTime: null,
      chargerLostTime: null,
    })
    .execute();
}
