import { afterEach, expect, test } from "vitest";
import type { Page } from "./book.ts";
import { CHARGER, MINUTE, ScriptedSite } from "./scriptedSite.ts";

const sites: ScriptedSite[] = [];
function site(options?: ConstructorParameters<typeof ScriptedSite>[0]): ScriptedSite {
  const made = new ScriptedSite(options);
  sites.push(made);
  return made;
}
afterEach(() => {
  for (const s of sites.splice(0)) s.close();
});

test("a power cut in mid-charge: the charge goes on and the end moves", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(60 * MINUTE);
  const powerUp = s.charger.powerCut();
  await s.pass(10 * MINUTE);
  powerUp();
  s.chargers.present(CHARGER, true);
  await s.pass(59 * MINUTE);
  expect(s.state(1)).toBe("charging");
  await s.pass(2 * MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 120 time sta");
});

for (const at of [1500, 3000, 5000, 9000, 20_000]) {
  test(`a power cut ${at} ms after the start of a charge that counts sixty times as fast`, async () => {
    const s = site();
    s.charger.speed = 60;
    s.start("a", 1, { minutes: 60 });
    await s.pass(at);
    const powerUp = s.charger.powerCut();
    await s.pass(30_000);
    powerUp();
    s.chargers.powerCutSeen(CHARGER);
    await s.pass(70_000);
    expect(s.told()).toEqual(["order.started 1 1 60 reply", "order.finished 1 60 time sta"]);
  });
}

test("a port that is damaged in mid-charge ends it with what was delivered", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(45 * MINUTE + 31_000);
  s.charger.damaged.add(1);
  await s.pass(MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 45 port_damaged sta");
});

test("somebody switches it off: only proven minutes", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(20 * MINUTE + 31_000);
  s.charger.off(1);
  await s.pass(MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 20 charger_lost sta");
});

test("somebody switches it off and on again for less: the charge is over, the port is foreign", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(20 * MINUTE + 31_000);
  s.charger.off(1);
  s.charger.on(1, 15);
  await s.pass(MINUTE);
  expect(s.told().slice(1)).toEqual(["order.finished 1 20 charger_lost sta", "port.foreign 1 15 false"]);
});

test("a charger that vanished: ended by time without evidence, corrected when it is seen", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(30 * MINUTE + 31_000);
  s.charger.reachable = false;
  await s.pass(93 * MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 30 charger_lost none");
  s.charger.reachable = true;
  s.chargers.present(CHARGER, true);
  await s.pass(5000);
  expect(s.told().slice(1)).toEqual([
    "order.finished 1 30 charger_lost none",
    "order.finished 1 120 time sta",
  ]);
  await s.pass(30 * MINUTE);
  expect(s.told()).toHaveLength(3);
});

test("a charger that vanished without power: its end is corrected when the rest has run", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(30 * MINUTE + 31_000);
  const powerUp = s.charger.powerCut();
  await s.pass(100 * MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 30 charger_lost none");
  powerUp();
  s.chargers.present(CHARGER, true);
  await s.pass(60 * MINUTE);
  expect(s.told()).toHaveLength(2);
  s.start("b", 2);
  await s.pass(2000);
  expect(s.answer("b")).toMatchObject({ reason: "port_busy" });
  await s.pass(31 * MINUTE);
  expect(s.told().at(-1)).toBe("order.finished 1 120 time sta");
});

test("stopped, the answer lost, and the charger gone for hours: never more than was proven", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(30 * MINUTE + 31_000);
  s.charger.faults.push({ on: "powerOff", what: "meanwhile", run: () => (s.charger.reachable = false) });
  s.charger.faults.push({ on: "ports", what: "drop_before" }, { on: "ports", what: "drop_before" });
  s.stop("b", 1);
  await s.pass(95 * MINUTE);
  expect(s.charger.runs(1)).toBe(false);
  expect(s.told().at(-1)).toBe("order.finished 1 30 charger_lost none");
  s.charger.reachable = true;
  s.chargers.present(CHARGER, true);
  await s.pass(MINUTE);
  expect(s.told().slice(2)).toEqual(["order.finished 1 30 user sta"]);
});

test("an order that has ended changes no more, whoever has not heard of it yet", async () => {
  const s = site();
  s.start("a", 1);
  await s.pass(5000);
  const [running] = s.store.orders.open();
  if (running === undefined) throw new Error("no order runs");
  s.stop("b", 1);
  await s.pass(5000);
  const ended = [s.store.orders.get(running.orderId), s.told()];
  const end = { minutes: running.minutes, endReason: "time", evidence: "sta" } as const;
  for (const late of [
    (page: Page) => page.end(running, end),
    (page: Page) => page.confirm(running, "sta", 120, s.store.boots.now()),
    (page: Page) => page.refuse(running, "late", ""),
    (page: Page) => page.withdraw(running, ""),
  ]) {
    expect(s.book.write(late)).toEqual({ kind: "written", value: false });
  }
  expect([s.store.orders.get(running.orderId), s.told()]).toEqual(ended);
});

for (const what of ["late_reply", "late_request"] as const) {
  for (const ms of [1000, 2900, 9000]) {
    for (const speed of [1, 30, 60, 120]) {
      test(`POWERON with a ${what.replace("_", " ")} of ${ms} ms, on a charger ${speed} times as fast: nobody meddled`, async () => {
        const s = site();
        s.charger.speed = speed;
        s.charger.faults.push({ on: "powerOn", what, ms });
        s.start("a", 1, { minutes: 120 });
        await s.pass((120 * MINUTE) / speed + 30_000);
        expect(s.told()).toEqual(["order.started 1 1 120 reply", "order.finished 1 120 time sta"]);
      });
    }
  }
}
