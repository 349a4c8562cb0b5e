import { describe, expect, test } from "vitest";
import { instant, millis, seconds, wait, withDeadline } from "./clock.ts";
import { SimulatedClock } from "./simulatedClock.ts";

const at = (): SimulatedClock => new SimulatedClock(instant(1_000_000));

describe("simulated time", () => {
  test("nothing runs by itself; what falls due runs in order, equal times in the order of asking", async () => {
    const clock = at();
    const ran: string[] = [];
    for (const [label, delay] of [
      ["c", 20],
      ["a", 10],
      ["b", 10],
      ["d", 30],
    ] as const) {
      clock.after(millis(delay), label, () => void ran.push(`${label}@${clock.uptime()}`));
    }
    expect(clock.pending()).toEqual(["a", "b", "c", "d"]);
    await clock.advance(millis(20));
    expect(ran).toEqual(["a@10", "b@10", "c@20"]);
    expect(clock.now()).toBe(1_000_020);
    await clock.advance(millis(100));
    expect(ran.at(-1)).toBe("d@30");
  });

  test("a timer set by a timer runs within the same advance when it is due; a cancelled one never", async () => {
    const clock = at();
    const ran: string[] = [];
    const cancelled = clock.after(millis(15), "cancelled", () => void ran.push("cancelled"));
    clock.after(millis(10), "first", () => {
      cancelled.cancel();
      clock.after(millis(5), "second", () => void ran.push(`second@${clock.uptime()}`));
    });
    await clock.advance(millis(20));
    expect(ran).toEqual(["second@15"]);
    expect(clock.pending()).toEqual([]);
  });

  test("promises settle before time goes on", async () => {
    const clock = at();
    const ran: string[] = [];
    clock.after(millis(10), "first", async () => {
      await Promise.resolve();
      await new Promise((done) => setImmediate(done));
      ran.push("first");
    });
    clock.after(millis(11), "second", () => void ran.push("second"));
    await clock.advance(millis(11));
    expect(ran).toEqual(["first", "second"]);
  });

  test("a jump moves wall time and no timer", async () => {
    const clock = at();
    let ran = 0;
    clock.after(seconds(10), "timer", () => void ran++);
    clock.jump(seconds(-3600));
    expect(clock.now()).toBe(1_000_000 - 3_600_000);
    await clock.advance(seconds(9));
    expect(ran).toBe(0);
    await clock.advance(seconds(1));
    expect(ran).toBe(1);
  });

  test("wall time is whole milliseconds, also in a timer that falls due between two", async () => {
    const clock = new SimulatedClock(instant(1000));
    const seen: number[] = [];
    clock.after(millis(0.75), "between", () => {
      seen.push(clock.now(), clock.uptime());
    });
    await clock.advance(millis(1));
    expect(seen).toEqual([1000, 0.75]);
  });

  test("runUntil stops at the condition, and says what waits when it does not come", async () => {
    const clock = at();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      clock.after(seconds(1), "tick", tick);
    };
    tick();
    await clock.runUntil(() => ticks === 5, seconds(60));
    expect(clock.uptime()).toBe(4000);
    await expect(clock.runUntil(() => false, seconds(10))).rejects.toThrow(/within 10000 ms .*waiting: tick/);
  });
});

describe("deadlines", () => {
  test("work that ends in time leaves no timer", async () => {
    const clock = at();
    expect(await withDeadline(clock, seconds(3), "work", Promise.resolve(7))).toEqual({
      kind: "done",
      value: 7,
    });
    expect(clock.pending()).toEqual([]);
  });

  test("work that does not end is a timeout, and its later failure disturbs nobody", async () => {
    const clock = at();
    let fail: (error: Error) => void = () => {};
    const outcome = withDeadline(
      clock,
      seconds(3),
      "work",
      new Promise<never>((_, reject) => {
        fail = reject;
      }),
    );
    await clock.advance(seconds(3));
    expect(await outcome).toEqual({ kind: "timeout" });
    fail(new Error("too late"));
    await new Promise((done) => setImmediate(done));
  });

  test("work that fails in time is a rejection", async () => {
    const clock = at();
    await expect(withDeadline(clock, seconds(3), "work", Promise.reject(new Error("no")))).rejects.toThrow(
      "no",
    );
    expect(clock.pending()).toEqual([]);
  });

  test("wait resolves when its time has come", async () => {
    const clock = at();
    let over = false;
    void wait(clock, seconds(1), "pause").then(() => {
      over = true;
    });
    await clock.advance(millis(999));
    expect(over).toBe(false);
    await clock.advance(millis(1));
    expect(over).toBe(true);
  });
});
