import { decodeRequest } from "@bluepower/protocol/charger/frames";
import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { chargerSignature } from "@bluepower/protocol/charger/signature";
import { type Instant, instant, type Millis, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId, deviceCode, jamCode, minutes, portNo } from "@bluepower/protocol/units";
import { describe, expect, it } from "vitest";
import { SimulatedRadio } from "../radio/simulatedRadio.ts";
import type { Answer } from "./chargers.ts";
import { type ScriptedPeer, scriptedPeer, usualAnswer } from "./scriptedPeer.ts";
import { Session } from "./session.ts";
import { Signer } from "./signer.ts";

const chip = chipId("A1B2C3D4E5F6");
const profile = chargerProfile(1) ?? expect.fail("profile 1 is missing");
/** 2026-11-22 10:30:00 in Shanghai. */
const START = instant(Date.UTC(2026, 10, 22, 2, 30, 0));
const NOW = "261122103000";

async function linked(of: {
  answer: (frame: string) => string[];
  synced?: boolean;
  form?: "site" | "unix";
  signer?: Signer;
}) {
  const clock = new SimulatedClock(START, () => new Promise((resolve) => setImmediate(resolve)));
  const radio = new SimulatedRadio({ clock });
  const peer = scriptedPeer(of.answer);
  const faults = radio.add(chip, peer);
  const site = { synced: of.synced ?? true, now: (): Instant => clock.now() };
  const misconfigured: string[] = [];
  const shown: number[] = [];
  const connecting = radio.connect(chip, profile);
  await clock.advance(seconds(1));
  const outcome = await connecting;
  if (outcome.kind !== "connected") throw new Error(outcome.kind);
  const session = new Session({
    clock,
    link: outcome.link,
    config: { charger: deviceCode("DEMO0001"), chip, jamCode: jamCode("123456"), profile: 1 },
    profile: { ...profile, timestamp: of.form ?? "site" },
    site: {
      now: () => site.now(),
      synced: () => site.synced,
      zone: () => "Asia/Shanghai",
      chargerShows: (time) => shown.push(time),
    },
    signer: of.signer ?? new Signer(),
    events: { answered: () => {}, misconfigured: (detail) => misconfigured.push(detail) },
  });
  /** The value of a promise once simulated time has brought it. */
  async function settled<T>(promise: Promise<T>, limit: Millis = seconds(30)): Promise<T> {
    const box: { value?: T } = {};
    void promise.then((value) => {
      box.value = value;
    });
    await clock.runUntil(() => "value" in box, limit);
    return promise;
  }
  return { clock, radio, peer, faults, site, misconfigured, shown, link: outcome.link, session, settled };
}

const usual = (frame: string): string[] => usualAnswer(frame, NOW);
const timestamps = (peer: ScriptedPeer, name: string): string[] =>
  peer.frames.flatMap((frame) => {
    const request = decodeRequest(frame);
    return "kind" in request && request.kind === "set" && request.name === name ? [request.timestamp] : [];
  });

describe("a new link", () => {
  it("reads the clock and the ports, and leaves a right clock alone", async () => {
    const { session, peer, settled } = await linked({ answer: usual });
    expect(await settled(session.open())).toEqual({ kind: "open", powerCut: false });
    expect(peer.names()).toEqual(["QTIME", "STA"]);
  });

  it("tells what a set clock shows, in the site's zone, while ours is not known to be right", async () => {
    for (const [synced, time, told] of [
      [false, NOW, [START]],
      [true, NOW, []],
      [false, "000101000730", []],
    ] as const) {
      const { session, shown, settled } = await linked({ answer: off(time), synced });
      await settled(session.open());
      expect(shown.map((t) => Math.round((t - START) / 2000) * 2000 + START)).toEqual(told);
    }
  });

  const off = (time: string) => (frame: string) => usualAnswer(frame, time);
  const scenarios = [
    { name: "21 s off, time synced", time: "261122102938", synced: true, powerCut: false, sets: true },
    { name: "19 s off, time synced", time: "261122102942", synced: true, powerCut: false, sets: false },
    {
      name: "an hour off, time not synced",
      time: "261122093000",
      synced: false,
      powerCut: false,
      sets: false,
    },
    { name: "unset, time not synced", time: "000101000730", synced: false, powerCut: true, sets: true },
    { name: "unset, time synced", time: "000101000000", synced: true, powerCut: true, sets: true },
  ];
  for (const { name, time, synced, powerCut, sets } of scenarios) {
    it(`${sets ? "sets" : "does not set"} a clock that is ${name}`, async () => {
      const { session, peer, settled } = await linked({ answer: off(time), synced });
      expect(await settled(session.open())).toEqual({ kind: "open", powerCut });
      expect(peer.names()).toEqual(sets ? ["QTIME", "STIME", "STA"] : ["QTIME", "STA"]);
    });
  }

  it("sets the clock with a frame signed for the time it sets", async () => {
    const { session, peer, settled } = await linked({ answer: off("000101000000") });
    await settled(session.open());
    const time = "261122103001";
    const signature = chargerSignature({ name: "STIME", parameters: [time], timestamp: time }, "123456");
    expect(peer.frames[1]).toBe(`@STIME|${time}|${time}|${signature}&`);
  });

  it("fails and is closed when the charger is silent", async () => {
    const { session, link, settled } = await linked({ answer: () => [] });
    expect(await settled(session.open())).toEqual({
      kind: "failed",
      detail: "reading its clock: no answer within 3 s",
    });
    expect(link.open).toBe(false);
  });

  for (const step of ["QTIME", "STIME", "STA"]) {
    it(`fails within the deadline when the link drops at ${step}`, async () => {
      const rig = await linked({
        answer: (frame) => {
          if (frame.startsWith(`@${step}`)) rig.radio.drop(chip);
          return usualAnswer(frame, "000101000000");
        },
      });
      expect(await rig.settled(rig.session.open(), seconds(4))).toMatchObject({ kind: "failed" });
    });
  }

  it("goes on when STIME is refused, and reports a wrong jam code", async () => {
    const { session, misconfigured, settled } = await linked({
      answer: (frame) => (frame.startsWith("@STIME") ? ["@OK|3&"] : usualAnswer(frame, "000101000000")),
    });
    expect(await settled(session.open())).toEqual({ kind: "open", powerCut: true });
    expect(misconfigured).toHaveLength(1);
  });
});

describe("commands", () => {
  async function opened(of: Parameters<typeof linked>[0]) {
    const rig = await linked(of);
    await rig.settled(rig.session.open());
    return { ...rig, lease: rig.session.lease() };
  }

  it("are dated by the charger's own clock when it may not be set", async () => {
    const { lease, peer, settled } = await opened({
      answer: (frame) => usualAnswer(frame, "250101000000"),
      synced: false,
    });
    expect(await settled(lease.session.powerOn(portNo(1), minutes(120)))).toEqual({
      kind: "ok",
      value: null,
    });
    expect(timestamps(peer, "POWERON")).toEqual(["250101000000"]);
  });

  it("carry UNIX seconds where the profile says so", async () => {
    const { lease, peer, settled } = await opened({ answer: usual, form: "unix" });
    await settled(lease.session.powerOff(portNo(1)));
    expect(timestamps(peer, "POWEROFF")).toEqual([String(START / 1000)]);
  });

  it("never repeat a signature: the same command in one second is dated a second later", async () => {
    const signer = new Signer();
    const first = await opened({ answer: usual, signer });
    await first.settled(first.lease.session.powerOn(portNo(1), minutes(30)));
    await first.settled(first.lease.session.powerOn(portNo(1), minutes(30)));
    await first.settled(first.lease.session.powerOn(portNo(2), minutes(30)));
    expect(timestamps(first.peer, "POWERON")).toEqual([NOW, "261122103001", NOW]);
    // Also on the next link: the charger's memory outlives it.
    const second = await opened({ answer: usual, signer });
    await second.settled(second.lease.session.powerOn(portNo(1), minutes(30)));
    expect(timestamps(second.peer, "POWERON")).toEqual(["261122103002"]);
  });

  it("set the clock after a timestamp error and are tried once more", async () => {
    let refusals = 1;
    const { lease, peer, settled } = await opened({
      answer: (frame) => (frame.startsWith("@POWERON") && refusals-- > 0 ? ["@OK|2&"] : usual(frame)),
    });
    expect(await settled(lease.session.powerOn(portNo(1), minutes(30)))).toEqual({ kind: "ok", value: null });
    expect(peer.names().slice(2)).toEqual(["POWERON", "QTIME", "STIME", "POWERON"]);
    expect(new Set(timestamps(peer, "POWERON")).size).toBe(2);
  });

  it("are not tried a third time", async () => {
    const { lease, peer, settled } = await opened({
      answer: (frame) => (frame.startsWith("@POWERON") ? ["@OK|2&"] : usual(frame)),
    });
    const answer = await settled(lease.session.powerOn(portNo(1), minutes(30)));
    expect(answer).toEqual({ kind: "refused", result: 2 });
    expect(timestamps(peer, "POWERON")).toHaveLength(2);
  });

  it("do not set a clock that may not be set, but read it again", async () => {
    let refusals = 1;
    const { lease, peer, settled } = await opened({
      answer: (frame) =>
        frame.startsWith("@POWERON") && refusals-- > 0 ? ["@OK|2&"] : usualAnswer(frame, "250101000000"),
      synced: false,
    });
    expect(await settled(lease.session.powerOn(portNo(1), minutes(30)))).toEqual({ kind: "ok", value: null });
    expect(peer.names().slice(2)).toEqual(["POWERON", "QTIME", "POWERON"]);
  });

  it("set the clock first once the gateway's own time has been corrected", async () => {
    const { lease, peer, site, clock, settled } = await opened({ answer: usual, synced: false });
    clock.jump(seconds(7200));
    site.synced = true;
    await settled(lease.session.powerOn(portNo(1), minutes(30)));
    expect(peer.names().slice(2)).toEqual(["STIME", "POWERON"]);
    expect(timestamps(peer, "POWERON")).toEqual(["261122123001"]);
  });

  it("report a wrong jam code", async () => {
    const { lease, misconfigured, settled } = await opened({
      answer: (frame) => (frame.startsWith("@POWERON") ? ["@OK|3&"] : usual(frame)),
    });
    const answer = await settled(lease.session.powerOn(portNo(1), minutes(30)));
    expect(answer).toEqual({ kind: "refused", result: 3 });
    expect(misconfigured).toEqual([expect.stringContaining("jam code")]);
  });

  const readings: { name: string; frames: string[]; answer: Answer<unknown> }[] = [
    {
      name: "as printed, with letters for digits and blanks",
      frames: ["@0K|O|1OOO| 2003|3045|4999&"],
      answer: {
        kind: "ok",
        value: [
          { port: 1, state: "free" },
          { port: 2, state: "running", minutesLeft: 3 },
          { port: 3, state: "running", minutesLeft: 45 },
          { port: 4, state: "damaged" },
        ],
      },
    },
    { name: "refused", frames: ["@OK|1&"], answer: { kind: "refused", result: 1 } },
    {
      name: "behind noise and the middle of another frame",
      frames: ["00|4000&", "@NOISE&", "@OK|0&", "@OK|0|1001&"],
      answer: { kind: "ok", value: [{ port: 1, state: "running", minutesLeft: 1 }] },
    },
    {
      name: "of ports the profile does not have",
      frames: ["@OK|0|5000&"],
      answer: { kind: "garbled", detail: '"@OK|0|5000&" answers another request' },
    },
  ];
  for (const { name, frames, answer } of readings) {
    it(`understand an answer ${name}`, async () => {
      let opening = true;
      const { lease, settled, clock } = await opened({
        answer: (frame) => (frame === "@STA&" && !opening ? frames : usual(frame)),
      });
      opening = false;
      await clock.advance(seconds(2));
      expect(await settled(lease.session.ports())).toEqual(answer);
    });
  }

  it("do not ask twice for ports that were read in this second", async () => {
    const { lease, peer, settled, clock } = await opened({ answer: usual });
    await settled(lease.session.ports());
    expect(peer.names()).toEqual(["QTIME", "STA"]);
    await clock.advance(seconds(2));
    await settled(lease.session.ports());
    expect(peer.names()).toEqual(["QTIME", "STA", "STA"]);
  });

  it("ask again for ports after a set command", async () => {
    const { lease, peer, settled } = await opened({ answer: usual });
    await settled(lease.session.powerOn(portNo(1), minutes(30)));
    await settled(lease.session.ports());
    expect(peer.names()).toEqual(["QTIME", "STA", "POWERON", "STA"]);
  });

  it("close the link after an answer that did not come, so that a late one confirms nothing else", async () => {
    const { lease, peer, faults, link, settled } = await opened({ answer: usual });
    faults.replyDelay = millis(3500);
    expect(await settled(lease.session.powerOn(portNo(1), minutes(30)))).toEqual({ kind: "no_reply" });
    expect(link.open).toBe(false);
    expect(await settled(lease.session.powerOff(portNo(2)))).toEqual({ kind: "closed" });
    expect(peer.names()).not.toContain("POWEROFF");
  });

  it("go one after another, also when asked at once", async () => {
    const { lease, peer, settled, clock } = await opened({ answer: usual });
    await clock.advance(seconds(2));
    const both = Promise.all([lease.session.ports(), lease.session.blink()]);
    await clock.advance(millis(25));
    expect(peer.names().slice(2)).toEqual(["STA"]);
    expect(await settled(both)).toMatchObject([{ kind: "ok" }, { kind: "ok", value: null }]);
  });

  it("end with no_reply when the session is taken away, and nothing is sent afterwards", async () => {
    const { lease, peer, settled, clock } = await opened({ answer: usual });
    const running = lease.session.powerOn(portNo(1), minutes(30));
    await clock.advance(millis(5));
    lease.revoke();
    expect(await settled(running, millis(1))).toEqual({ kind: "no_reply" });
    expect(await settled(lease.session.powerOff(portNo(1)), millis(1))).toEqual({ kind: "closed" });
    expect(peer.names()).not.toContain("POWEROFF");
  });

  it("leave the link alone when the session is taken away between them", async () => {
    const { lease, link, peer, settled } = await opened({ answer: usual });
    await settled(lease.session.blink());
    lease.revoke();
    expect(link.open).toBe(true);
    expect(await settled(lease.session.powerOff(portNo(1)))).toEqual({ kind: "closed" });
    expect(peer.names()).not.toContain("POWEROFF");
  });

  for (const fault of ["dropBeforeRequest", "dropBeforeReply"] as const) {
    it(`are answered as closed at once with ${fault}`, async () => {
      const { lease, faults, settled } = await opened({ answer: usual });
      faults[fault] = 1;
      expect(await settled(lease.session.powerOn(portNo(1), minutes(30)), millis(100))).toEqual({
        kind: "closed",
      });
    });
  }
});
