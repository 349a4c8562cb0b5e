import { expect, test } from "vitest";
import { MINUTE, ScriptedSite } from "./scriptedSite.ts";

/**
 * The program is ended, as by kill -9, in every single transaction of a scenario, before its first write and after its
 * commit; two seconds later it is started over the same file. Whatever happens: the port was switched on once, the order
 * ends exactly once and as it should, the commands are answered.
 */
interface Scenario {
  name: string;
  run(s: ScriptedSite): Promise<void>;
  repeat(s: ScriptedSite): void;
  check(s: ScriptedSite): void;
}

const live = (s: ScriptedSite): number => s.store.orders.open().length;

const scenarios: Scenario[] = [
  {
    name: "a charge that runs out",
    async run(s) {
      s.start("a", 1, { minutes: 6 });
      await s.pass(9 * MINUTE);
    },
    repeat: (s) => s.start("a", 1, { minutes: 6, deadline: 1_800_000_000_000 + MINUTE }),
    check(s) {
      expect(s.times("powerOn")).toBe(1);
      expect(s.told().filter((t) => t.startsWith("order.started"))).toHaveLength(1);
      expect(s.told().at(-1)).toBe("order.finished 1 6 time sta");
      expect(s.answer("a")).toEqual({ kind: "started", minutes: 6 });
    },
  },
  {
    name: "a charge whose POWERON reply is lost",
    async run(s) {
      s.charger.faults.push({ on: "powerOn", what: "lose_reply" });
      s.start("a", 1, { minutes: 6 });
      await s.pass(9 * MINUTE);
    },
    repeat: (s) => s.start("a", 1, { minutes: 6, deadline: 1_800_000_000_000 + MINUTE }),
    check(s) {
      expect(s.times("powerOn")).toBe(1);
      expect(s.told().at(-1)).toBe("order.finished 1 6 time sta");
    },
  },
  {
    name: "a charge that is stopped",
    async run(s) {
      s.start("a", 1);
      await s.pass(10_000);
      if (s.answer("a") === undefined) s.start("a", 1);
      await s.pass(4 * MINUTE);
      s.stop("s", 1);
      await s.pass(2 * MINUTE);
    },
    repeat(s) {
      if (s.state(1) === undefined || s.state(1) === "starting") s.start("a", 1);
      else if (s.cloud() > 1_800_000_000_000 + 4 * MINUTE) s.stop("s", 1);
    },
    check(s) {
      expect(s.times("powerOn")).toBe(1);
      expect(s.charger.runs(1)).toBe(false);
      expect(s.told().at(-1)).toMatch(/^order.finished 1 (3|4) user sta$/);
      expect(s.answer("s")?.kind).toBe("stopped");
    },
  },
  {
    name: "a cancellation while POWERON is in flight",
    async run(s) {
      s.charger.faults.push({ on: "powerOn", what: "meanwhile", run: () => s.cancel("c", 1) });
      s.start("a", 1);
      await s.pass(2 * MINUTE);
    },
    repeat(s) {
      s.start("a", 1);
      s.cancel("c", 1);
    },
    check(s) {
      expect(s.charger.runs(1)).toBe(false);
      expect(s.told()).toEqual(["order.cancelled 1"]);
      expect(s.answer("c")).toEqual({ kind: "cancelled" });
    },
  },
];

for (const scenario of scenarios) {
  for (const when of ["before", "after"] as const) {
    test(`${scenario.name}, killed ${when} each write`, async () => {
      let killed = 0;
      for (let at = 1; at < 200; at++) {
        const s = new ScriptedSite();
        try {
          let happened = false;
          s.afterKill = () => {
            happened = true;
            scenario.repeat(s);
          };
          s.killAt(at, when);
          await scenario.run(s);
          if (!happened) break;
          killed += 1;
          expect(live(s), `order left open, killed ${when} write ${at}`).toBe(0);
          scenario.check(s);
        } catch (error) {
          throw new Error(`killed ${when} write ${at}: ${error instanceof Error ? error.message : error}`, {
            cause: error,
          });
        } finally {
          s.close();
        }
      }
      expect(killed).toBeGreaterThan(2);
    });
  }
}
