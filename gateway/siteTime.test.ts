import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instant, millis } from "@bluepower/protocol/clock";
import { seededRandom } from "@bluepower/protocol/random";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { expect, test } from "vitest";
import { SiteTime } from "./siteTime.ts";
import { Store } from "./store/store.ts";
import { CloudTime } from "./uplink/cloudTime.ts";

const TRUE = 1_800_000_000_000;

test("a gateway that woke in the past goes by a charger's clock, says so, and is put right by the cloud", async () => {
  const dir = mkdtempSync(join(tmpdir(), "time-"));
  const clock = new SimulatedClock(instant(1_000_000));
  const store = new Store({ file: join(dir, "gateway.db"), clock, random: seededRandom(1) });
  const cloud = new CloudTime(clock);
  const site = new SiteTime({ clock, store, cloud, wallIsSynced: () => false, zone: () => "Asia/Shanghai" });
  const then = store.boots.now();
  expect(store.boots.wall(then).quality).toBe("unknown");
  // One that was set by this very gateway, and one that runs behind, teach nothing.
  site.chargerShows(site.now());
  site.chargerShows(instant(5000));
  expect(store.boots.wall(then)).toEqual({ at: 1_000_000, quality: "unknown" });
  site.chargerShows(instant(TRUE));
  expect(store.boots.wall(then)).toEqual({ at: TRUE, quality: "charger" });
  expect(site.now()).toBe(TRUE);
  expect(site.synced()).toBe(false);
  // It is no floor for later boots: nobody vouches for it.
  store.keep();
  expect(store.timeFloor()).toBe(0);
  await clock.advance(millis(1000));
  cloud.answered(TRUE - 500_000, clock.uptime());
  expect(store.boots.wall(then)).toEqual({ at: TRUE - 501_000, quality: "synced" });
  site.chargerShows(instant(TRUE + 9_000_000));
  expect(store.boots.quality).toBe("synced");
  store.close();
  rmSync(dir, { recursive: true, force: true });
});
