import { down } from "@bluepower/protocol/uplink/topics";
import { afterEach, describe, expect, test } from "vitest";
import { GatewaySite, MINUTE, order } from "./gatewaySite.ts";

const open: GatewaySite[] = [];
function site(seed?: number): GatewaySite {
  const made = new GatewaySite(seed);
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const s of open.splice(0)) await s.close();
});

describe("a whole gateway on the real scheduler and chargers of firmware-sim", () => {
  test("from the command to the end of the charge", async () => {
    const s = site();
    await s.pass(10_000);
    expect(s.gateway.status().cloud.state).toBe("online");
    s.start("a", 1);
    await s.pass(2000);
    expect(s.cloud.outcomes.get("a")).toEqual({ kind: "started", minutes: 30 });
    expect(s.runs(0, 1)).toBe(true);
    await s.pass(31 * MINUTE);
    expect(s.told(1)).toEqual(["order.started 30 reply", "order.finished 30 time sta"]);
    expect(s.gateway.status().outbox.waiting).toBe(0);
  });

  test("the reply of POWERON is lost on the air", async () => {
    const s = site();
    await s.pass(10_000);
    const { charger, air } = s.charger(0);
    let poweredOn = 0;
    charger.onEvent((event) => {
      if (event.kind === "command" && event.name === "POWERON") poweredOn += 1;
    });
    const before = charger.view().frames.length;
    expect(before).toBeGreaterThan(0);
    s.start("a", 1);
    // The reading before POWERON passes; what follows it is lost.
    await s.clock.runUntil(() => s.runs(0, 1), 5000 as never);
    air.dropBeforeReply = 1;
    s.charger(0).drop();
    await s.pass(30_000);
    expect(s.cloud.outcomes.get("a")).toEqual({ kind: "started", minutes: 30 });
    expect(s.told(1)[0]).toBe("order.started 30 sta");
    expect(poweredOn).toBe(1);
  });

  test("a desired state that was lost on the way is fetched within minutes, without a new connection", async () => {
    const s = site();
    await s.pass(10_000);
    s.desire({ chargers: [] });
    await s.pass(11 * MINUTE);
    expect(s.gateway.status().desired).toBe(s.cloud.desired?.version);
    expect(s.cloud.hellos).toBe(1);
  });

  test("a power cut of the charger in mid-charge", async () => {
    const s = site();
    await s.pass(10_000);
    s.start("a", 1);
    await s.pass(10 * MINUTE);
    s.charger(0).charger.powerCut();
    await s.pass(5 * MINUTE);
    s.charger(0).charger.powerUp();
    await s.pass(18 * MINUTE);
    expect(s.runs(0, 1)).toBe(true);
    await s.pass(4 * MINUTE);
    expect(s.told(1)).toEqual(["order.started 30 reply", "order.finished 30 time sta"]);
  });

  test("an absent charger delays nobody, and its order fails at the deadline", async () => {
    const s = site();
    s.charger(1).air.absent = true;
    await s.pass(10_000);
    s.start("dead", 1, { charger: 1 });
    await s.pass(1000);
    s.start("alive", 2, { charger: 0 });
    await s.pass(3000);
    expect(s.cloud.outcomes.get("alive")?.kind).toBe("started");
    await s.pass(62_000);
    expect(s.cloud.outcomes.get("dead")).toMatchObject({ kind: "failed", reason: "charger_unreachable" });
  });

  test("no cloud for an hour: the charge ends on time and is told afterwards, once and in order", async () => {
    const s = site();
    await s.pass(10_000);
    s.start("a", 1);
    await s.pass(MINUTE);
    s.cloud.pipe.disconnect();
    await s.pass(60 * MINUTE);
    expect(s.runs(0, 1)).toBe(false);
    expect(s.told(1)).toEqual(["order.started 30 reply"]);
    s.cloud.pipe.connect();
    await s.pass(10_000);
    expect(s.told(1)).toEqual(["order.started 30 reply", "order.finished 30 time sta"]);
    const finished = s.cloud.applied.find((e) => e.kind === "order.finished");
    expect(finished?.quality).toBe("synced");
    expect(s.cloud.now() - (finished?.at ?? 0)).toBeGreaterThan(29 * MINUTE);
  });

  test("restarted in mid-charge, and after the end that it did not see", async () => {
    const s = site();
    await s.pass(10_000);
    s.start("a", 1);
    await s.pass(5 * MINUTE);
    await s.restart();
    await s.pass(26 * MINUTE);
    expect(s.told(1)).toEqual(["order.started 30 reply", "order.finished 30 time sta"]);
    s.start("b", 2);
    await s.pass(MINUTE);
    const closing = s.gateway.close();
    await s.pass(40 * MINUTE);
    await closing;
    await s.restart();
    await s.pass(MINUTE);
    expect(s.told(2)).toEqual(["order.started 30 reply", "order.finished 30 time sta"]);
  });

  test("three deliveries and a lossy pipe: one charge, told once", async () => {
    for (const seed of [1, 2, 3]) {
      const s = site(seed);
      await s.pass(10_000);
      s.cloud.faults = { lose: 0.3, double: 0.3, delayMs: 3000 };
      s.start("a", 1, { minutes: 5 });
      await s.pass(8 * MINUTE);
      s.cloud.faults = { lose: 0, double: 0, delayMs: 0 };
      await s.pass(3 * MINUTE);
      expect(s.told(1), `seed ${seed}`).toEqual(["order.started 5 reply", "order.finished 5 time sta"]);
      expect(s.cloud.outcomes.get("a"), `seed ${seed}`).toEqual({ kind: "started", minutes: 5 });
    }
  });
});

describe("the conversation with the cloud", () => {
  test("a refused version: nothing is sent, the question is repeated seldom, and it works once it is welcome", async () => {
    const s = site();
    s.cloud.welcome = "version_unsupported";
    await s.pass(10 * MINUTE);
    expect(s.gateway.status().cloud).toMatchObject({
      state: "version_unsupported",
      refusal: "version_unsupported",
    });
    expect(s.cloud.eventMessages).toBe(0);
    expect(s.cloud.hellos).toBeLessThan(15);
    s.cloud.welcome = "ok";
    await s.pass(2 * MINUTE);
    expect(s.gateway.status().cloud.state).toBe("online");
    expect(s.gateway.status().outbox.waiting).toBe(0);
  });

  test("another stream is refused until the operator accepts it", async () => {
    const s = site();
    s.cloud.stream = "an-older-card";
    await s.pass(MINUTE);
    expect(s.gateway.status().cloud.state).toBe("stream_unknown");
    expect(s.cloud.applied).toEqual([]);
  });

  test("a cloud that is deaf behind a living broker: the connection is made anew", async () => {
    const s = site();
    await s.pass(10_000);
    s.cloud.deaf = true;
    await s.pass(5 * MINUTE);
    expect(s.cloud.pipe.reconnects.length).toBeGreaterThan(0);
    s.cloud.deaf = false;
    await s.pass(2 * MINUTE);
    expect(s.gateway.status().cloud.state).toBe("online");
  });

  test("a database that failed over: what it lost is sent again", async () => {
    const s = site();
    await s.pass(10_000);
    s.start("a", 1);
    await s.pass(MINUTE);
    const all = s.cloud.cursor;
    s.cloud.cursor = 1;
    await s.pass(3 * MINUTE);
    expect(s.cloud.cursor).toBeGreaterThanOrEqual(all);
    expect(s.cloud.applied.map((e) => e.seq)).toEqual(s.cloud.applied.map((_, i) => i + 1));
    expect(s.told(1)).toEqual(["order.started 30 reply"]);
  });

  test("garbage and messages of a later version change nothing", async () => {
    const s = site();
    await s.pass(10_000);
    const before = JSON.stringify(s.gateway.status().orders);
    s.cloud.say(down.command(s.cloud.id), { hello: 1 });
    s.cloud.say(down.desired(s.cloud.id), { ...s.cloud.desired, v: 2, version: 99 });
    s.cloud.say(down.ack(s.cloud.id), { v: 1 });
    s.cloud.say(down.welcome(s.cloud.id), {
      ...{ v: 1, sentAt: 0, re: "guessed", result: "ok", message: "", acked: 0 },
    });
    await s.pass(10_000);
    expect(s.gateway.status().desired).toBe(1);
    expect(JSON.stringify(s.gateway.status().orders)).toBe(before);
  });

  test("a start for a charger that the desired state names only a moment later", async () => {
    const s = site();
    const full = s.cloud.desired;
    s.desire({ chargers: [] });
    await s.pass(10_000);
    if (full !== undefined) s.cloud.desired = { ...full, version: 9 };
    s.start("a", 1);
    await s.pass(15_000);
    expect(s.cloud.outcomes.get("a")?.kind).toBe("started");
  });

  test("a command before the welcome is left to be said again: without the cloud's time it would be refused", async () => {
    const s = site();
    await s.pass(10_000);
    await s.restart();
    s.start("a", 1);
    await s.pass(15_000);
    expect(s.cloud.outcomes.get("a")).toEqual({ kind: "started", minutes: 30 });
  });

  test("a start for a charger that nobody knows is refused, not left hanging", async () => {
    const s = site();
    s.desire({ chargers: [] });
    await s.pass(10_000);
    s.start("a", 1);
    await s.pass(8000);
    expect(s.cloud.outcomes.get("a")).toMatchObject({ kind: "failed", reason: "device_unknown" });
    expect(s.told(1)).toEqual(["order.failed device_unknown"]);
    expect(order(1)).toBe("90000000000001");
  });
});
