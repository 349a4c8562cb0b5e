import { expect, test } from "vitest";
import { healthTeller } from "./health.ts";
import { ScriptedSite } from "./supervisor/scriptedSite.ts";

test("a store that fills up is told once for each step, also where telemetry is not told any more", () => {
  const site = new ScriptedSite({ quotaBytes: 400 * 1024 });
  const told = (): unknown[] =>
    site
      .events()
      .filter((e) => e.kind === "health")
      .map((e) => (e.body as { detail: { store: string } }).detail.store);
  const tell = healthTeller();
  const fillTo = (share: number): void => {
    while (site.store.used() < share) {
      const written = site.store.write(() =>
        site.store.journal.append({
          kind: "port.changed",
          body: { deviceCode: "x".repeat(1500) as never, ports: "" },
        }),
      );
      if (written.kind === "store_full") break;
    }
  };
  tell(site.book);
  expect(told()).toEqual([]);
  fillTo(0.91);
  tell(site.book);
  tell(site.book);
  expect(told()).toEqual(["nearly_full"]);
  fillTo(0.975);
  tell(site.book);
  tell(site.book);
  expect(told()).toEqual(["nearly_full", "full"]);
  site.close();
});
