import { millis } from "@bluepower/protocol/clock";
import { chipId, derivedJamCode } from "@bluepower/protocol/units";
import { afterEach, expect, test } from "vitest";
import { CHARGER, MINUTE, order, ScriptedSite } from "./scriptedSite.ts";

const sites: ScriptedSite[] = [];
function site(options?: ConstructorParameters<typeof ScriptedSite>[0]): ScriptedSite {
  const made = new ScriptedSite(options);
  sites.push(made);
  return made;
}
afterEach(() => {
  for (const s of sites.splice(0)) s.close();
});

test("a charge: confirmed by the reply, counted by the charger, ended by time", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(1000);
  expect(s.answer("a")).toEqual({ kind: "started", minutes: 120 });
  expect(s.told()).toEqual(["order.started 1 1 120 reply"]);
  await s.pass(119 * MINUTE);
  expect(s.state(1)).toBe("charging");
  await s.pass(MINUTE + 5000);
  expect(s.told()).toEqual(["order.started 1 1 120 reply", "order.finished 1 120 time sta"]);
  expect(s.times("powerOn")).toBe(1);
  expect(s.times("powerOff")).toBe(0);
});

test("the reply of POWERON is lost: the reading decides, no second POWERON", async () => {
  const s = site();
  s.charger.faults.push({ on: "powerOn", what: "lose_reply" });
  s.start("a", 1);
  await s.pass(8000);
  expect(s.answer("a")).toEqual({ kind: "started", minutes: 120 });
  expect(s.told()).toEqual(["order.started 1 1 120 sta"]);
  expect(s.times("powerOn")).toBe(1);
});

test("the same on a charger that counts sixty times as fast", async () => {
  const s = site();
  s.charger.speed = 60;
  s.charger.faults.push({ on: "powerOn", what: "lose_reply" });
  s.start("a", 1, { minutes: 30 });
  await s.pass(60_000);
  expect(s.told()).toEqual(["order.started 1 1 30 sta", "order.finished 1 30 time sta"]);
});

for (const speed of [2, 10, 60, 300, 600]) {
  test(`a charger that counts ${speed} times as fast ends by time with all its minutes`, async () => {
    const s = site();
    s.charger.speed = speed;
    s.start("a", 1, { minutes: 120 });
    await s.pass((120 * MINUTE) / speed + 10_000);
    expect(s.told()).toEqual(["order.started 1 1 120 reply", "order.finished 1 120 time sta"]);
  });
}

for (const what of ["drop_before", "drop_after", "lose_request", "lose_reply"] as const) {
  for (const on of ["ports", "powerOn"] as const) {
    test(`${what} at ${on}: the charge begins once`, async () => {
      const s = site();
      await s.pass(10_000);
      s.charger.faults.push({ on, what });
      s.start("a", 1);
      await s.pass(20_000);
      expect(s.answer("a")).toEqual({ kind: "started", minutes: 120 });
      expect(s.told()).toHaveLength(1);
      expect(s.times("powerOn")).toBe(1);
    });
  }
}

test("the same start three times, and once more under another id: one POWERON, the same answer", async () => {
  const s = site();
  s.start("a", 1);
  s.start("a", 1);
  await s.pass(1000);
  s.start("a", 1);
  s.start("b", 1);
  await s.pass(1000);
  expect(s.answers.get("a")).toEqual([
    { kind: "started", minutes: 120 },
    { kind: "started", minutes: 120 },
  ]);
  expect(s.answer("b")).toEqual({ kind: "started", minutes: 120 });
  expect(s.times("powerOn")).toBe(1);
  expect(s.told()).toHaveLength(1);
});

test("two starts for one port: the first has it, the other is told", async () => {
  const s = site();
  s.start("a", 1);
  s.start("b", 2);
  await s.pass(1000);
  expect(s.answer("a")?.kind).toBe("started");
  expect(s.answer("b")).toMatchObject({ kind: "failed", reason: "port_busy" });
  expect(s.times("powerOn")).toBe(1);
});

test("a late start is refused, whatever the wall clock says", async () => {
  const s = site();
  const deadline = s.cloud() + 1000;
  await s.pass(2000);
  s.clock.jump(millis(-3_600_000));
  s.start("a", 1, { deadline });
  await s.pass(2000);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "late" });
  expect(s.told()).toEqual(["order.failed 1 late"]);
  expect(s.times("powerOn")).toBe(0);
});

test("a charger out of reach: failed at the deadline, and not switched on when it comes back", async () => {
  const s = site();
  s.charger.reachable = false;
  s.start("a", 1);
  await s.pass(61_000);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "charger_unreachable" });
  s.charger.reachable = true;
  s.chargers.present(CHARGER, true);
  await s.pass(120_000);
  expect(s.times("powerOn")).toBe(0);
});

test("a deadline hours ahead is a mistake of somebody's clock: the start is given up after a minute all the same", async () => {
  const s = site();
  s.charger.reachable = false;
  s.start("a", 1, { deadline: s.cloud() + 180 * MINUTE });
  await s.pass(62_000);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "charger_unreachable" });
});

test("a charger whose profile this program does not know is not driven", async () => {
  const s = site();
  const chip = chipId("A1B2C3D4E5F6");
  const charger = { deviceCode: CHARGER, chipId: chip, jamCode: derivedJamCode(chip), profile: 999 };
  s.desire({ chargers: [{ ...charger, unitPrice: 150, maxUnit: 12, enabled: true, manager: null }] });
  s.start("a", 1);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "profile_unknown" });
  await s.pass(5000);
  expect(s.times("powerOn")).toBe(0);
});

test("POWERON went out and the charger vanished: nothing is claimed until it is seen, then the truth is told", async () => {
  const s = site();
  s.charger.faults.push({ on: "powerOn", what: "lose_reply" });
  s.start("a", 1);
  await s.pass(100);
  s.charger.reachable = false;
  await s.pass(5 * MINUTE);
  expect(s.state(1)).toBe("starting");
  expect(s.answer("a")).toBeUndefined();
  expect(s.told()).toEqual([]);
  s.charger.reachable = true;
  s.chargers.present(CHARGER, true);
  await s.pass(5000);
  expect(s.told()).toEqual(["order.started 1 1 120 sta"]);
  expect(s.times("powerOn")).toBe(1);
});

test("a busy port, a damaged port and a charger that says no", async () => {
  const s = site();
  s.charger.on(1, 47);
  s.charger.damaged.add(2);
  s.charger.faults.push({ on: "powerOn", what: "refuse", result: 1 });
  s.start("a", 1, { port: 1 });
  s.start("b", 2, { port: 2 });
  s.start("c", 3, { port: 3 });
  await s.pass(5000);
  expect(s.answer("a")).toMatchObject({ reason: "port_busy" });
  expect(s.answer("b")).toMatchObject({ reason: "port_damaged" });
  expect(s.answer("c")).toMatchObject({ reason: "charger_refused" });
  expect(s.times("powerOn")).toBe(0);
  expect(s.charger.ports()[0]).toMatchObject({ state: "running", minutesLeft: 47 });
});

test("a port that somebody takes between reading and POWERON, with the reply lost: not claimed when it runs longer", async () => {
  const s = site();
  s.charger.faults.push({ on: "powerOn", what: "lose_request" });
  s.charger.faults.push({ on: "ports", what: "meanwhile", run: () => s.charger.on(1, 240) });
  s.start("a", 1);
  await s.pass(20_000);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "port_busy" });
});

test("a wrong jam code: failed, and the charger is reported once", async () => {
  const s = site();
  s.charger.faults.push(
    { on: "powerOn", what: "refuse", result: 3 },
    { on: "powerOn", what: "refuse", result: 3 },
  );
  s.start("a", 1);
  s.start("b", 2, { port: 2 });
  await s.pass(5000);
  expect(s.answer("a")).toMatchObject({ reason: "charger_misconfigured" });
  expect(s.told().filter((t) => t.startsWith("charger.misconfigured"))).toHaveLength(1);
});

test("a timestamp error passes: tried again while the deadline allows", async () => {
  const s = site();
  s.charger.faults.push({ on: "powerOn", what: "refuse", result: 2 });
  s.start("a", 1);
  await s.pass(5000);
  expect(s.answer("a")?.kind).toBe("started");
  expect(s.times("powerOn")).toBe(1);
});

test("cancel before the start came: the start never begins", async () => {
  const s = site();
  s.cancel("c", 1);
  s.start("a", 1);
  await s.pass(2000);
  expect(s.answer("c")).toEqual({ kind: "cancelled" });
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "cancelled" });
  expect(s.told()).toEqual(["order.cancelled 1"]);
  expect(s.times("powerOn")).toBe(0);
});

test("cancel before POWERON goes out", async () => {
  const s = site();
  s.charger.reachable = false;
  s.start("a", 1);
  s.cancel("c", 1);
  s.charger.reachable = true;
  await s.pass(2000);
  expect(s.answer("c")).toEqual({ kind: "cancelled" });
  expect(s.answer("a")).toMatchObject({ reason: "cancelled" });
  expect(s.times("powerOn")).toBe(0);
});

test("cancel while POWERON is in flight: off again, and nobody was told that it ran", async () => {
  const s = site();
  s.charger.faults.push({ on: "powerOn", what: "meanwhile", run: () => s.cancel("c", 1) });
  s.start("a", 1);
  await s.pass(3000);
  expect(s.answer("c")).toEqual({ kind: "cancelled" });
  expect(s.answer("a")).toMatchObject({ reason: "cancelled" });
  expect(s.told()).toEqual(["order.cancelled 1"]);
  expect(s.charger.runs(1)).toBe(false);
});

test("cancel while POWERON is in flight and its reply and the first POWEROFF are lost", async () => {
  const s = site();
  s.charger.faults.push(
    { on: "powerOn", what: "meanwhile", run: () => s.cancel("c", 1) },
    { on: "powerOff", what: "lose_request" },
  );
  s.start("a", 1);
  await s.pass(20_000);
  expect(s.told()).toEqual(["order.cancelled 1"]);
  expect(s.charger.runs(1)).toBe(false);
});

test("cancel of a charge that runs: it is said, and it runs on", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(2000);
  s.cancel("c", 1);
  expect(s.answer("c")).toEqual({ kind: "already", state: "charging" });
  await s.pass(60_000);
  expect(s.charger.runs(1)).toBe(true);
});

test("stop: off, confirmed by a reading, with the minutes that were delivered", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(30 * MINUTE + 1000);
  s.stop("s", 1);
  await s.pass(2000);
  expect(s.answer("s")).toEqual({ kind: "stopped", minutes: 30 });
  expect(s.told()).toEqual(["order.started 1 1 120 reply", "order.finished 1 30 user sta"]);
  s.stop("s", 1);
  s.stop("t", 1);
  expect(s.answers.get("s")).toHaveLength(2);
  expect(s.answer("t")).toEqual({ kind: "stopped", minutes: 30 });
  expect(s.times("powerOff")).toBe(1);
});

test("stop with the charger out of reach: said at the deadline, carried out when it is back", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(10 * MINUTE);
  s.charger.reachable = false;
  s.stop("s", 1);
  await s.pass(61_000);
  expect(s.answer("s")?.kind).toBe("unreachable");
  expect(s.state(1)).toBe("charging");
  s.charger.reachable = true;
  await s.pass(60_000);
  expect(s.charger.runs(1)).toBe(false);
  expect(s.told().at(-1)).toMatch(/^order.finished 1 1[0-2] user sta$/);
});

test("a stop that comes too late is answered so, and the charge runs on", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(2000);
  const stop = { kind: "stop", orderId: order(1), endReason: "user" } as const;
  s.command("b", stop, { deadline: s.cloud() - 1 });
  await s.pass(5000);
  expect(s.answer("b")).toEqual({ kind: "unreachable", detail: "the command came too late" });
  expect([s.charger.runs(1), s.state(1)]).toEqual([true, "charging"]);
});

test("stop of an order that nobody knows is acknowledged", async () => {
  const s = site();
  s.stop("s", 7);
  expect(s.answer("s")).toEqual({ kind: "already", state: "finished" });
  expect(s.told()).toEqual([]);
});

test("a foreign port is reported once, and switched off only when the policy says so", async () => {
  const s = site();
  s.charger.on(3, 90);
  await s.pass(11 * MINUTE);
  expect(s.told()).toEqual(["port.foreign 3 90 false"]);
  expect(s.charger.runs(3)).toBe(true);
  s.desire({ foreignPorts: "switch_off" });
  await s.pass(6 * MINUTE);
  expect(s.charger.runs(3)).toBe(false);
  expect(s.told().at(-1)).toMatch(/^port.foreign 3 \d+ true$/);
});

test("before the first desired state nothing is called foreign, and live orders named there are adopted", async () => {
  const s = site({ desired: false });
  s.charger.on(1, 100);
  s.charger.on(2, 115);
  s.stop("s", 1);
  expect(s.answer("s")).toBeUndefined();
  const before = s.cloud() - 20 * MINUTE;
  s.desire({
    foreignPorts: "switch_off",
    orders: [s.desiredOrder(1, before), s.desiredOrder(2, null, { port: 2 })],
  });
  await s.pass(5000);
  expect(s.answer("s")).toEqual({ kind: "stopped", minutes: 20 });
  expect(s.charger.runs(2)).toBe(true);
  expect(s.told()).toEqual(["order.started 2 2 120 sta", "order.finished 1 20 user sta"]);
});

test("a port that runs longer than a starting order asks for is not that order's", async () => {
  const s = site({ desired: false });
  s.charger.on(2, 130);
  s.desire({ orders: [s.desiredOrder(2, null, { port: 2 })] });
  await s.pass(5000);
  expect(s.told()).toEqual(["port.foreign 2 130 false"]);
  expect(s.state(2)).toBeUndefined();
});

test("a desired state that is older than the stored one is dropped, also after a restart", async () => {
  const s = site();
  s.desire({ timeZone: "Asia/Urumqi" });
  for (const again of [() => {}, () => s.restart()]) {
    again();
    s.desire({ version: 1, chargers: [] });
    expect([s.supervisor.desiredVersion, s.supervisor.zone]).toEqual([2, "Asia/Urumqi"]);
    expect(s.supervisor.knows(CHARGER)).toBe(true);
  }
});

test("blink, and a charger that is not there", async () => {
  const s = site();
  s.command("b", { kind: "blink", deviceCode: CHARGER });
  await s.pass(1000);
  expect(s.answer("b")).toEqual({ kind: "done" });
  s.charger.reachable = false;
  s.command("c", { kind: "blink", deviceCode: CHARGER });
  await s.pass(61_000);
  expect(s.answer("c")?.kind).toBe("unreachable");
});

test("blink of a charger that is not driven, or is taken away meanwhile: answered, and forgotten", async () => {
  const s = site();
  s.charger.reachable = false;
  s.command("a", { kind: "blink", deviceCode: CHARGER });
  s.desire({ chargers: [] });
  expect(s.answer("a")).toMatchObject({ kind: "unreachable" });
  const chip = chipId("A1B2C3D4E5F6");
  const charger = { deviceCode: CHARGER, chipId: chip, jamCode: derivedJamCode(chip), profile: 999 };
  s.desire({ chargers: [{ ...charger, unitPrice: 150, maxUnit: 12, enabled: true, manager: null }] });
  s.command("b", { kind: "blink", deviceCode: CHARGER });
  expect(s.answer("b")).toMatchObject({ kind: "unreachable" });
  expect(s.store.commands.open()).toEqual([]);
});

test("an idle charger is read every five minutes, a running one every thirty seconds", async () => {
  const s = site();
  await s.pass(30 * MINUTE);
  const idle = s.times("ports");
  expect(idle).toBeGreaterThanOrEqual(6);
  expect(idle).toBeLessThanOrEqual(8);
  s.start("a", 1);
  await s.pass(30 * MINUTE);
  expect(s.times("ports") - idle).toBeGreaterThanOrEqual(60);
  expect(s.times("ports") - idle).toBeLessThanOrEqual(72);
});

test("a full store: new orders are refused, the one that runs is ended when there is room", async () => {
  const s = site({ quotaBytes: 400 * 1024 });
  s.start("a", 1, { minutes: 30 });
  await s.pass(2000);
  expect(s.answer("a")?.kind).toBe("started");
  let filled = false;
  for (let n = 0; n < 400 && !filled; n++) {
    const written = s.store.write(() =>
      s.store.journal.append({ kind: "health", body: { detail: "x".repeat(4000) } }),
    );
    filled = written.kind === "store_full";
  }
  expect(filled).toBe(true);
  for (let n = 2; n < 40; n++) s.start(`b${n}`, n, { port: 2 });
  expect(s.answer("b39")).toMatchObject({ kind: "failed", reason: "store_full" });
  await s.pass(2000);
  s.start("b39", 39, { port: 2 });
  await s.pass(2000);
  expect(s.times("powerOn")).toBe(1);
  await s.pass(31 * MINUTE);
  expect(s.charger.runs(1)).toBe(false);
  s.store.write(() => {
    s.store.journal.acknowledge(s.store.journal.last() - 1);
  });
});

test("what was written before the time was known gets the true time; a jump of the wall clock changes nothing", async () => {
  const s = site();
  s.restart({ timeless: true });
  s.clock.jump(millis(-30 * 365 * 86_400_000));
  s.store.write(() => s.store.journal.append({ kind: "health", body: { detail: 1 } }));
  const at = s.cloud();
  expect(s.events().at(-1)?.quality).toBe("unknown");
  await s.pass(10 * MINUTE);
  s.learnTime();
  expect(s.events().find((e) => e.kind === "health")).toMatchObject({ quality: "synced", at });
});

test("without the cloud's time since boot no start is taken", async () => {
  const s = site();
  s.restart({ timeless: true });
  s.start("a", 1);
  await s.pass(2000);
  expect(s.answer("a")).toMatchObject({ kind: "failed", reason: "time_unknown" });
  expect(s.times("powerOn")).toBe(0);
});
