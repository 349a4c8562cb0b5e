import { type Instant, instant, type Millis, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import {
  type ChipId,
  chipId,
  type DeviceCode,
  deviceCode,
  jamCode,
  minutes,
  portNo,
} from "@bluepower/protocol/units";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { SimulatedRadio } from "../radio/simulatedRadio.ts";
import type { ChargerConfig, ChargerSession, Urgency, UseOutcome } from "./chargers.ts";
import { Scheduler } from "./scheduler.ts";
import { scriptedPeer, usualAnswer } from "./scriptedPeer.ts";

const START = instant(Date.UTC(2026, 10, 22, 2, 30, 0));
const NOW = "261122103000";
const chipOf = (n: number): ChipId => chipId(`CHARGER${String(n).padStart(5, "0")}`);
const codeOf = (n: number): DeviceCode => deviceCode(`CODE${String(n).padStart(4, "0")}`);
const configOf = (n: number): ChargerConfig => ({
  charger: codeOf(n),
  chip: chipOf(n),
  jamCode: jamCode("123456"),
  profile: 1,
});

function site(of: {
  chargers: number;
  links?: number;
  linksMax?: number;
  answer?: (frame: string) => string[];
}) {
  const clock = new SimulatedClock(START, () => new Promise((resolve) => setImmediate(resolve)));
  const radio = new SimulatedRadio({ clock, linksMax: of.linksMax ?? 7 });
  const scheduler = new Scheduler({
    clock,
    radio,
    site: { now: (): Instant => clock.now(), synced: () => true, zone: () => "Asia/Shanghai" },
    log: pino({ level: "silent" }),
    ...(of.links === undefined ? {} : { links: of.links }),
  });
  const numbers = Array.from({ length: of.chargers }, (_, i) => i + 1);
  const peers = new Map(
    numbers.map((n) => {
      const peer = scriptedPeer(of.answer ?? ((frame) => usualAnswer(frame, NOW)));
      return [n, { peer, faults: radio.add(chipOf(n), peer) }];
    }),
  );
  scheduler.assign(numbers.map(configOf));
  const at = (n: number) => peers.get(n) ?? expect.fail(`there is no charger ${n}`);

  /** What became of a request, and when. */
  interface Served {
    at: Millis | undefined;
    outcome: UseOutcome<unknown> | undefined;
  }
  function use(
    n: number,
    urgency: Urgency,
    of: { deadline?: Millis; work?: (session: ChargerSession) => Promise<unknown> } = {},
  ): Served {
    const served: Served = { at: undefined, outcome: undefined };
    const asked = clock.uptime();
    void scheduler
      .use({
        charger: codeOf(n),
        urgency,
        deadline: of.deadline ?? seconds(60),
        label: `${urgency} for ${n}`,
        work: of.work ?? ((session) => session.ports()),
      })
      .then((outcome) => {
        served.at = millis(clock.uptime() - asked);
        served.outcome = outcome;
      });
    return served;
  }
  return { clock, radio, scheduler, at, use };
}

const ok = { kind: "done", value: { kind: "ok" } };

describe("serving", () => {
  it("connects on demand and does the work", async () => {
    const { clock, use } = site({ chargers: 1 });
    const served = use(1, "command", { work: (s) => s.powerOn(portNo(1), minutes(30)) });
    await clock.advance(seconds(5));
    expect(served.outcome).toMatchObject(ok);
  });

  it("keeps spare links open, so that a command is served at once", async () => {
    const { clock, use, radio } = site({ chargers: 3 });
    await clock.advance(seconds(300));
    expect(radio.open).toBe(3);
    expect(radio.attempts).toHaveLength(3);
    const served = use(2, "command");
    await clock.advance(seconds(1));
    expect(served.at).toBeLessThan(100);
  });

  it("runs one request for a charger at a time, the more urgent first", async () => {
    const { clock, use } = site({ chargers: 1 });
    const order: string[] = [];
    let inside = 0;
    const work = (name: string) => async (session: ChargerSession) => {
      inside += 1;
      expect(inside).toBe(1);
      await session.blink();
      order.push(name);
      inside -= 1;
    };
    use(1, "idle", { work: work("idle") });
    use(1, "running", { work: work("running") });
    use(1, "command", { work: work("command 1") });
    use(1, "command", { work: work("command 2") });
    await clock.advance(seconds(10));
    expect(order).toEqual(["command 1", "command 2", "running", "idle"]);
  });

  it("connects commands before running ports before idle ones", async () => {
    const { clock, use, radio } = site({ chargers: 3 });
    use(1, "idle");
    use(2, "running");
    use(3, "command");
    await clock.advance(seconds(10));
    expect(radio.attempts).toEqual([3, 2, 1].map(chipOf));
  });

  it("gives a link that serves nobody to a charger that is wanted, the least recently used first", async () => {
    const { clock, use, radio } = site({ chargers: 3, links: 2 });
    await clock.advance(seconds(10));
    expect(radio.attempts).toEqual([1, 2].map(chipOf));
    const first = use(1, "idle");
    await clock.advance(seconds(1));
    const third = use(3, "idle");
    await clock.advance(seconds(2));
    expect([first.outcome, third.outcome]).toMatchObject([ok, ok]);
    // 2 had to go, not 1; and it was not fetched back, because nobody wants it.
    const again = use(1, "command");
    await clock.advance(millis(100));
    expect(again.outcome).toMatchObject(ok);
    expect(radio.attempts).toEqual([1, 2, 3].map(chipOf));
  });

  it("never takes the link of a request under way", async () => {
    const { clock, use, radio } = site({ chargers: 2, links: 1 });
    let release: () => void = () => {};
    const held = use(1, "idle", {
      work: async (session) => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return session.ports();
      },
    });
    await clock.advance(seconds(5));
    const command = use(2, "command");
    await clock.advance(seconds(5));
    expect(command.outcome).toBeUndefined();
    expect(radio.attempts).toEqual([chipOf(1)]);
    release();
    await clock.advance(seconds(3));
    expect([held.outcome, command.outcome]).toMatchObject([ok, ok]);
  });

  it("serves twenty chargers over two links, each in its turn", async () => {
    const { clock, use, radio } = site({ chargers: 20, links: 2 });
    const served = Array.from({ length: 20 }, (_, i) => use(i + 1, "idle"));
    await clock.advance(seconds(60));
    expect(served.filter((s) => s.outcome?.kind !== "done")).toEqual([]);
    expect(new Set(radio.attempts).size).toBe(20);
    expect(radio.attempts).toHaveLength(20);
  });

  it("is fair: of three chargers that are asked all the time over one link none is left out", async () => {
    const { clock, scheduler } = site({ chargers: 3, links: 1 });
    const served = [0, 0, 0];
    const ask = async (n: number): Promise<void> => {
      const outcome = await scheduler.use({
        charger: codeOf(n),
        urgency: "idle",
        deadline: seconds(300),
        label: "again",
        work: (session) => session.blink(),
      });
      if (outcome.kind === "done") served[n - 1] = (served[n - 1] ?? 0) + 1;
      if (clock.uptime() < 60_000) clock.after(millis(1), "again", () => ask(n));
    };
    for (const n of [1, 2, 3]) void ask(n);
    await clock.advance(seconds(60));
    expect(Math.min(...served)).toBeGreaterThan(5);
  });

  it("lets an attempt that nobody wants give way at once", async () => {
    const { clock, use, at, radio } = site({ chargers: 2 });
    at(1).peer.connected = () => false;
    at(2).faults.absent = true;
    await clock.advance(seconds(4));
    expect(radio.attempts).toEqual([chipOf(1)]);
    at(2).faults.absent = false;
    // Heard while the attempt goes on, as the adapter may.
    radio.hear(chipOf(2));
    const served = use(2, "idle");
    await clock.advance(seconds(1));
    expect(served.outcome).toMatchObject(ok);
  });

  it("passes on what the work throws and goes on with the next", async () => {
    const { clock, scheduler, use } = site({ chargers: 1 });
    const failing = scheduler.use({
      charger: codeOf(1),
      urgency: "command",
      deadline: seconds(10),
      label: "failing",
      work: () => Promise.reject(new Error("a bug")),
    });
    const caught = failing.catch((error: Error) => error.message);
    const next = use(1, "command");
    await clock.advance(seconds(5));
    expect(await caught).toBe("a bug");
    expect(next.outcome).toMatchObject(ok);
  });

  it("says something on an idle link now and then, so that the charger does not drop it", async () => {
    const { clock, use, at } = site({ chargers: 1 });
    await clock.advance(seconds(600));
    expect(at(1).peer.links).toBe(1);
    // A charger drops a silent central after 60 s: something is said at least every 30 s.
    expect(
      at(1)
        .peer.names()
        .filter((n) => n === "QTIME").length,
    ).toBeGreaterThan(600 / 40);
    const served = use(1, "command");
    await clock.advance(seconds(1));
    expect(served.outcome).toMatchObject(ok);
  });
});

describe("deadlines and bounds", () => {
  it("settles at the deadline when the charger is never heard, and tries no connection", async () => {
    const { clock, use, at, radio } = site({ chargers: 1 });
    at(1).faults.absent = true;
    const served = use(1, "command", { deadline: seconds(20) });
    await clock.advance(seconds(30));
    expect(served).toEqual({
      at: 20_000,
      outcome: { kind: "unreachable", detail: "it has never been heard" },
    });
    expect(radio.attempts).toEqual([]);
  });

  it("serves a charger that comes back within the deadline", async () => {
    const { clock, use, at } = site({ chargers: 1 });
    at(1).faults.absent = true;
    const served = use(1, "command", { deadline: seconds(60) });
    await clock.advance(seconds(40));
    at(1).faults.absent = false;
    await clock.advance(seconds(10));
    expect(served.outcome).toMatchObject(ok);
  });

  it("ends work that is under way at the deadline with what it knows", async () => {
    const { clock, use, at } = site({ chargers: 1 });
    await clock.advance(seconds(10));
    at(1).faults.replyDelay = seconds(2);
    const served = use(1, "command", {
      deadline: seconds(1),
      work: (session) => session.powerOn(portNo(1), minutes(30)),
    });
    await clock.advance(seconds(5));
    expect(served).toEqual({ at: 1000, outcome: { kind: "done", value: { kind: "no_reply" } } });
  });

  it("gives up work that waits for something else, and serves the next", async () => {
    const { clock, use } = site({ chargers: 1 });
    await clock.advance(seconds(10));
    const stuck = use(1, "command", { deadline: seconds(1), work: () => new Promise(() => {}) });
    const next = use(1, "command");
    await clock.advance(seconds(3));
    expect(stuck.outcome).toMatchObject({ kind: "unreachable" });
    expect(stuck.at).toBeLessThanOrEqual(1100);
    expect(next.outcome).toMatchObject(ok);
  });

  it("refuses more than 32 waiting requests for one charger", async () => {
    const { clock, use, at } = site({ chargers: 1 });
    at(1).faults.absent = true;
    const all = Array.from({ length: 40 }, () => use(1, "idle", { deadline: seconds(5) }));
    await clock.advance(millis(1));
    expect(all.filter((s) => s.outcome !== undefined)).toHaveLength(8);
    await clock.advance(seconds(6));
    expect(all.every((s) => s.outcome?.kind === "unreachable")).toBe(true);
  });

  it("answers for a charger that is not assigned, and for one that is taken away", async () => {
    const { clock, scheduler, use, radio } = site({ chargers: 2 });
    await clock.advance(seconds(10));
    const stranger = use(9, "command");
    const held = use(1, "command", { work: (s) => s.blink().then(() => s.blink()) });
    const waiting = use(1, "idle");
    await clock.advance(millis(5));
    scheduler.assign([configOf(2)]);
    await clock.advance(seconds(1));
    expect([stranger.outcome, waiting.outcome]).toMatchObject([
      { kind: "unreachable" },
      { kind: "unreachable" },
    ]);
    expect(held.outcome).toMatchObject({ kind: "done", value: { kind: "closed" } });
    expect(radio.open).toBe(1);
    expect(scheduler.status(codeOf(1))).toBeUndefined();
  });

  it("settles everything when it is closed", async () => {
    const { clock, scheduler, use, radio, at } = site({ chargers: 2 });
    at(2).faults.absent = true;
    await clock.advance(seconds(10));
    const served = [use(1, "command"), use(2, "command")];
    await clock.advance(millis(5));
    await scheduler.close();
    await clock.advance(seconds(1));
    expect(served.every((s) => s.outcome !== undefined)).toBe(true);
    expect(radio.open).toBe(0);
    const late = use(1, "command");
    await clock.advance(millis(1));
    expect(late.outcome).toEqual({ kind: "unreachable", detail: "the gateway is stopping" });
    // Nothing keeps the process alive, and nobody is connected any more.
    const attempts = radio.attempts.length;
    expect(clock.pending()).toEqual(["advertisements"]);
    await clock.advance(seconds(60));
    expect(radio.attempts).toHaveLength(attempts);
  });
});

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
