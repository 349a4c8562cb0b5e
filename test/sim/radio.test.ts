import { type Instant, instant, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId, derivedJamCode, deviceCode, jamCode, minutes, portNo } from "@bluepower/protocol/units";
import { pino } from "pino";
import { expect, it } from "vitest";
import type { Answer, ChargerSession } from "../../gateway/chargers/chargers.ts";
import { Scheduler } from "../../gateway/chargers/scheduler.ts";
import { SimulatedRadio } from "../../gateway/radio/simulatedRadio.ts";
import { chargerOnAir } from "./simulatedRadio.ts";

/** The gateway's sessions against the charger's firmware, on simulated time. */

const chip = chipId("A1B2C3D4E5F6");
const code = deviceCode("DEMO0001");

function site(of: { jamCode?: string; synced?: boolean; start?: Instant } = {}) {
  const clock = new SimulatedClock(
    of.start ?? instant(Date.UTC(2026, 10, 22, 2, 30, 0)),
    () => new Promise((resolve) => setImmediate(resolve)),
  );
  const radio = new SimulatedRadio({ clock });
  const time = { synced: of.synced ?? true };
  const on = chargerOnAir(radio, { chip, clock });
  const scheduler = new Scheduler({
    clock,
    radio,
    site: { now: () => clock.now(), synced: () => time.synced, zone: () => "Asia/Shanghai" },
    log: pino({ level: "silent" }),
  });
  const history: string[] = [];
  scheduler.onPowerCut(() => history.push("power cut"));
  scheduler.onMisconfigured((_charger, detail) => history.push(detail));
  scheduler.assign([
    {
      charger: code,
      chip,
      profile: 1,
      jamCode: of.jamCode === undefined ? derivedJamCode(chip) : jamCode(of.jamCode),
    },
  ]);
  /** The value the work ends with, once simulated time has brought it. */
  async function run<T>(work: (session: ChargerSession) => Promise<T>): Promise<T | "unreachable"> {
    const box: { value?: T | "unreachable" } = {};
    void scheduler
      .use({ charger: code, urgency: "command", deadline: seconds(60), label: "test", work })
      .then((outcome) => {
        box.value = outcome.kind === "done" ? outcome.value : "unreachable";
      });
    await clock.runUntil(() => "value" in box, seconds(61));
    return box.value ?? "unreachable";
  }
  const running = (): number[] =>
    on.charger
      .view()
      .ports.filter((p) => p.state === "running")
      .map((p) => p.port);
  return { ...on, clock, radio, scheduler, time, history, run, running };
}

const done: Answer<null> = { kind: "ok", value: null };

it("a charger fresh from the box: its clock is set, a port is switched on and off", async () => {
  const { run, charger, running, history } = site();
  expect(charger.view().clock).toBe("unset");
  expect(await run((s) => s.powerOn(portNo(1), minutes(120)))).toEqual(done);
  expect(running()).toEqual([1]);
  expect(history).toEqual(["power cut"]);
  expect(await run((s) => s.ports())).toMatchObject({
    value: [{ port: 1, state: "running", minutesLeft: 120 }, {}, {}, {}],
  });
  expect(await run((s) => s.powerOff(portNo(1)))).toEqual(done);
  expect(running()).toEqual([]);
});

it("two commands within one second, and one command twice, are no replays", async () => {
  const { run } = site();
  const answers = await run(async (s) => [
    await s.powerOn(portNo(1), minutes(30)),
    await s.powerOn(portNo(2), minutes(30)),
    await s.powerOff(portNo(1)),
    await s.powerOn(portNo(1), minutes(30)),
    await s.powerOn(portNo(1), minutes(30)),
  ]);
  expect(answers).toEqual([done, done, done, done, { kind: "refused", result: 1 }]);
});

it("a power cut in mid-charge: the clock is set again on the next link, and the rest of the charge goes on", async () => {
  const { run, charger, clock, history } = site();
  await run((s) => s.powerOn(portNo(1), minutes(60)));
  await clock.advance(seconds(600));
  charger.powerCut();
  await clock.advance(seconds(300));
  charger.powerUp();
  expect(await run((s) => s.ports())).toMatchObject({
    value: [{ port: 1, state: "running", minutesLeft: 50 }, {}, {}, {}],
  });
  expect(await run((s) => s.powerOff(portNo(1)))).toEqual(done);
  expect(history).toEqual(["power cut", "power cut"]);
});

it("a wrong jam code is reported and switches nothing on", async () => {
  const { run, running, history } = site({ jamCode: "AAAAAA" });
  expect(await run((s) => s.powerOn(portNo(1), minutes(30)))).toEqual({ kind: "refused", result: 3 });
  expect(running()).toEqual([]);
  expect(history).toEqual([expect.stringContaining("jam code"), "power cut"]);
});

it("a gateway that does not know the time drives a charger that does, and leaves its clock alone", async () => {
  const { run, charger, clock, time, running, drop } = site();
  await run((s) => s.time());
  // The gateway restarts without network: its wall clock is days behind.
  clock.jump(seconds(-5 * 86_400));
  time.synced = false;
  drop();
  await clock.advance(seconds(10));
  expect(await run((s) => s.powerOn(portNo(3), minutes(30)))).toEqual(done);
  expect(running()).toEqual([3]);
  expect(charger.view().clock.slice(0, 6)).toBe("261122");
});

it("a clock that was set wrong is corrected before the next command, once the time is known", async () => {
  const { run, charger, clock, time } = site({ synced: false, start: instant(Date.UTC(2024, 0, 1)) });
  await run((s) => s.time());
  expect(charger.view().clock.slice(0, 6)).toBe("240101");
  clock.jump(millis(Date.UTC(2026, 10, 22) - Date.UTC(2024, 0, 1)));
  time.synced = true;
  expect(await run((s) => s.powerOn(portNo(1), minutes(30)))).toEqual(done);
  expect(charger.view().clock.slice(0, 6)).toBe("261122");
});

it("the reply of POWERON is lost: the port runs, the work is told no_reply, the next question shows it", async () => {
  const { run, air, running } = site();
  await run((s) => s.time());
  air.loseReplies = 1;
  expect(await run((s) => s.powerOn(portNo(1), minutes(30)))).toEqual({ kind: "no_reply" });
  expect(running()).toEqual([1]);
  expect(await run((s) => s.ports())).toMatchObject({ value: [{ port: 1, state: "running" }, {}, {}, {}] });
});

it("the reply of POWERON comes 3.5 s late: it does not confirm the next command", async () => {
  const { run, air, running } = site();
  await run((s) => s.time());
  air.replyDelay = millis(3500);
  const first = run((s) => s.powerOn(portNo(1), minutes(30)));
  expect(await first).toEqual({ kind: "no_reply" });
  air.replyDelay = millis(0);
  // Port 1 is busy: whoever takes the late "done" for this answer is wrong.
  expect(await run((s) => s.powerOn(portNo(1), minutes(60)))).toEqual({ kind: "refused", result: 1 });
  expect(running()).toEqual([1]);
});

it("an idle link outlives the charger's patience with silent centrals", async () => {
  const { run, radio, clock } = site();
  await run((s) => s.time());
  await clock.advance(seconds(1800));
  expect(radio.attempts).toHaveLength(1);
});
