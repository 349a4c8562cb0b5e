import { millis, seconds } from "@bluepower/protocol/clock";
import { minutes, portNo } from "@bluepower/protocol/units";
import { describe, expect, it } from "vitest";
import type { ChargerSession } from "./chargers.ts";
import { chipOf, codeOf, configOf, ok, site } from "./schedulerBench.ts";

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
    expect(scheduler.links().open).toBe(1);
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
