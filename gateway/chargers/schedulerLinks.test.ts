import { type Millis, millis, seconds } from "@bluepower/protocol/clock";
import { jamCode, minutes, portNo } from "@bluepower/protocol/units";
import { describe, expect, it } from "vitest";
import { chipOf, codeOf, configOf, NOW, ok, site } from "./schedulerBench.ts";
import { scriptedPeer, usualAnswer } from "./scriptedPeer.ts";

describe("one dead charger and nine living ones", () => {
  const deaths = {
    "out of reach before it was ever heard": (s: ReturnType<typeof site>) => {
      s.at(1).faults.absent = true;
    },
    "heard, and gone when it is wanted": async (s: ReturnType<typeof site>) => {
      await s.clock.advance(seconds(4));
      s.at(1).faults.absent = true;
      s.radio.drop(chipOf(1));
    },
    "heard and never connectable": (s: ReturnType<typeof site>) => {
      s.at(1).peer.connected = () => false;
    },
    "losing each link while it is discovered": (s: ReturnType<typeof site>) => {
      s.at(1).faults.failDiscover = 1e9;
    },
    "silent on each link": (s: ReturnType<typeof site>) => {
      s.at(1).peer.receive = () => [];
    },
  };
  for (const [death, cause] of Object.entries(deaths)) {
    it(`${death}: nobody else waits for it, whoever wants it`, async () => {
      const s = site({ chargers: 10, links: 5 });
      await cause(s);
      await s.clock.advance(seconds(4));
      const worst = { command: [] as Millis[], running: [] as Millis[] };
      const dead: ReturnType<typeof s.use>[] = [];
      for (let round = 0; round < 6; round++) {
        dead.push(s.use(1, "command", { deadline: seconds(30) }));
        const urgency = round % 2 === 0 ? "command" : "running";
        const living = Array.from({ length: 9 }, (_, i) => s.use(i + 2, urgency));
        await s.clock.advance(seconds(30));
        expect(living.filter((l) => l.outcome?.kind !== "done")).toEqual([]);
        worst[urgency].push(...living.map((l) => l.at ?? seconds(999)));
      }
      await s.clock.advance(seconds(31));
      // Nine connections of 0.4 s one after another, and one attempt of 3 s that gives way; behind a command two.
      expect(Math.max(...worst.command)).toBeLessThan(9 * 600 + 3500);
      expect(Math.max(...worst.running)).toBeLessThan(9 * 600 + 7000);
      expect(dead.every((d) => d.outcome?.kind === "unreachable" && (d.at ?? 0) <= 30_000)).toBe(true);
    });
  }
});

describe("the adapter", () => {
  it("holds fewer links than believed: the budget is learned, and everybody is served over fewer", async () => {
    const { clock, use, scheduler, radio } = site({ chargers: 6, links: 5, linksMax: 2 });
    const served = Array.from({ length: 6 }, (_, i) => use(i + 1, "idle"));
    await clock.advance(seconds(60));
    expect(scheduler.links()).toEqual({ open: 2, budget: 2 });
    expect(served.filter((s) => s.outcome?.kind !== "done")).toEqual([]);
    expect(radio.attempts.length).toBeLessThan(10);
  });

  it("is tried for one link more after a while", async () => {
    const { clock, scheduler, radio } = site({ chargers: 4, links: 5, linksMax: 2 });
    await clock.advance(seconds(60));
    radio.linksMax = 4;
    await clock.advance(seconds(1810));
    expect(radio.open).toBe(4);
    expect(scheduler.links()).toEqual({ open: 4, budget: 5 });
  });

  it("comes back after a failure: what was learned of it is forgotten", async () => {
    const { clock, scheduler, radio } = site({ chargers: 4, links: 5, linksMax: 2 });
    await clock.advance(seconds(60));
    expect(scheduler.links().budget).toBe(2);
    radio.fail("pulled out");
    radio.linksMax = 5;
    radio.recover();
    await clock.advance(seconds(10));
    expect(scheduler.links()).toEqual({ open: 4, budget: 5 });
  });

  it("fails: what was under way is answered, what waits is served when it is back", async () => {
    const { clock, use, radio, scheduler } = site({ chargers: 2 });
    await clock.advance(seconds(10));
    const running = use(1, "command", { work: (s) => s.powerOn(portNo(1), minutes(30)) });
    await clock.advance(millis(5));
    radio.fail("the adapter does not answer");
    await clock.advance(millis(5));
    expect(running.outcome).toEqual({ kind: "done", value: { kind: "closed" } });
    expect(scheduler.status(codeOf(1))?.problem).toBe("Bluetooth is down: the adapter does not answer");
    const short = use(1, "command", { deadline: seconds(5) });
    const long = use(1, "command");
    await clock.advance(seconds(10));
    expect(short.outcome).toEqual({
      kind: "unreachable",
      detail: "Bluetooth is down: the adapter does not answer",
    });
    radio.recover();
    await clock.advance(seconds(5));
    expect(long.outcome).toMatchObject(ok);
  });
});

describe("a link that fails", () => {
  for (const fault of [
    "failConnect",
    "failDiscover",
    "failSubscribe",
    "dropBeforeRequest",
    "dropBeforeReply",
  ] as const) {
    it(`with ${fault} is made again within the deadline`, async () => {
      const { clock, use, at } = site({ chargers: 1 });
      at(1).faults[fault] = 2;
      const served = use(1, "command", { deadline: seconds(30) });
      await clock.advance(seconds(30));
      expect(served.outcome).toMatchObject(ok);
      expect(served.at).toBeLessThan(15_000);
    });
  }

  it("again and again is tried less and less for polls", async () => {
    const { clock, use, at, radio } = site({ chargers: 1 });
    at(1).faults.failConnect = 1e9;
    use(1, "idle", { deadline: seconds(600) });
    await clock.advance(seconds(600));
    expect(radio.attempts.length).toBeLessThan(30);
    expect(radio.attempts.length).toBeGreaterThan(10);
  });

  it("shortly after it was opened is not made again in a tight loop", async () => {
    const { clock, radio } = site({
      chargers: 1,
      answer: (frame) => {
        if (frame === "@STA&") clock.after(millis(100), "drop", () => radio.drop(chipOf(1)));
        return usualAnswer(frame, NOW);
      },
    });
    await clock.advance(seconds(120));
    expect(radio.attempts.length).toBeLessThan(20);
  });
});

describe("presence", () => {
  it("is told when a charger is first heard, lost after 90 s, and heard again", async () => {
    const { clock, scheduler, at, radio } = site({ chargers: 1 });
    const told: { present: boolean; at: number }[] = [];
    scheduler.onPresence(({ present }) => told.push({ present, at: clock.uptime() }));
    await clock.advance(seconds(300));
    expect(told).toMatchObject([{ present: true }]);
    expect(scheduler.status(codeOf(1))).toMatchObject({
      present: true,
      linked: true,
      problem: null,
      rssi: -60,
    });

    at(1).faults.absent = true;
    radio.drop(chipOf(1));
    const gone = clock.uptime();
    await clock.advance(seconds(120));
    expect(told[1]).toEqual({ present: false, at: gone + 90_000 });
    expect(scheduler.status(codeOf(1))?.problem).toMatch(/^it has not been heard for \d+ s$/);

    at(1).faults.absent = false;
    await clock.advance(seconds(5));
    expect(told.map((t) => t.present)).toEqual([true, false, true]);
  });

  it("is not told of chargers that are not assigned", async () => {
    const { clock, scheduler, radio } = site({ chargers: 1 });
    radio.add(
      chipOf(77),
      scriptedPeer(() => []),
    );
    const told: unknown[] = [];
    scheduler.onPresence(({ charger }) => told.push(charger));
    await clock.advance(seconds(60));
    expect(told).toEqual([codeOf(1)]);
    expect(radio.attempts).not.toContain(chipOf(77));
  });
});

describe("a charger that lost power", () => {
  it("is told of before any work runs on the new link", async () => {
    let time = NOW;
    const { clock, scheduler, radio, use } = site({
      chargers: 1,
      answer: (frame) => {
        if (frame.startsWith("@STIME")) time = NOW;
        return usualAnswer(frame, time);
      },
    });
    const history: string[] = [];
    scheduler.onPowerCut((charger) => history.push(`power cut ${charger}`));
    await clock.advance(seconds(20));
    expect(history).toEqual([]);
    time = "000101000003";
    radio.drop(chipOf(1));
    use(1, "command", { work: async () => history.push("work") });
    await clock.advance(seconds(10));
    expect(history).toEqual([`power cut ${codeOf(1)}`, "work"]);
  });

  it("with another jam code than its record is reported once, and taken up again with the right one", async () => {
    const { clock, scheduler, use } = site({
      chargers: 1,
      answer: (frame) => (frame.startsWith("@POWERON") ? ["@OK|3&"] : usualAnswer(frame, NOW)),
    });
    const reported: string[] = [];
    scheduler.onMisconfigured((charger) => reported.push(charger));
    for (let i = 0; i < 3; i++) use(1, "command", { work: (s) => s.powerOn(portNo(1), minutes(30)) });
    await clock.advance(seconds(10));
    expect(reported).toEqual([codeOf(1)]);
    scheduler.assign([{ ...configOf(1), jamCode: jamCode("ABCDEF") }]);
    use(1, "command", { work: (s) => s.powerOn(portNo(1), minutes(30)) });
    await clock.advance(seconds(10));
    expect(reported).toEqual([codeOf(1), codeOf(1)]);
  });
});
