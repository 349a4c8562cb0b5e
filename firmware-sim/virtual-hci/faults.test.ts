import { seededRandom } from "@bluepower/protocol/random";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applyFault } from "./faults.ts";
import { command, nameData, receivedAtt, type ScriptedHost, scriptedHost } from "./scriptedHost.ts";
import { createVirtualRadio, type VirtualRadio } from "./virtualRadio.ts";

const CENTRAL = "02:00:00:00:00:01";
const CHARGER = "02:00:00:00:00:02";
const name = "A1B2C3D4E5F6";
const HANDLE = 0x40;

/** Supervision timeout of the links here. */
const SUPERVISION_MS = 4000;
const TIMED_OUT = "04050400400008";

const WRITE = "520300aa";
const WRITE_REQUEST = "120300aa";
const SUBSCRIBE = "1206000100";
const NOTIFY = "1b0500bb";

let radio: VirtualRadio;
let central: ScriptedHost;
let charger: ScriptedHost;

const fault = (body: unknown): void => expect(applyFault(radio, body)).toEqual({ kind: "applied" });
const settle = (): void => {
  vi.advanceTimersByTime(1);
};
const connect = (): void => {
  charger.write(command.advertise(true));
  central.write(command.connect(CHARGER));
  settle();
};
/** What the host said that is neither the answer to a command nor a completed packet. */
const said = (host: ScriptedHost): string[] => host.take().filter((packet) => !/^04(0e|0f|13)/.test(packet));
const link = (): void => {
  connect();
  expect(said(central)).toEqual(["043e1301004000000002000000000228000000900100"]);
  said(charger);
};
const write = (pdu: string): void => {
  central.write(command.att(HANDLE, pdu));
  settle();
};
const notify = (pdu: string): void => {
  charger.write(command.att(HANDLE, pdu));
  settle();
};

beforeEach(() => {
  vi.useFakeTimers();
  radio = createVirtualRadio({ timing: "instant", random: seededRandom("faults") });
  central = scriptedHost(radio, CENTRAL);
  charger = scriptedHost(radio, CHARGER);
  for (const host of [central, charger]) host.write(command.eventMask, command.leEventMask);
  charger.write(
    command.advertisingParameters(100),
    command.advertisingData(nameData(`BUC_${name}`)),
    command.advertise(true),
  );
});
afterEach(() => {
  radio.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("an absent device", () => {
  it("is neither heard nor connected to, until it is present again", () => {
    fault({ kind: "absent", name });
    central.write(command.scan(true));
    connect();
    vi.advanceTimersByTime(60_000);
    expect(said(central)).toEqual([]);
    fault({ kind: "present", name });
    vi.advanceTimersByTime(200);
    expect(radio.air.links).toHaveLength(1);
  });

  it("loses its link by supervision timeout, and what was sent meanwhile is not completed", () => {
    link();
    fault({ kind: "absent", name });
    central.take();
    write(WRITE);
    vi.advanceTimersByTime(SUPERVISION_MS - 10);
    expect(central.take()).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(central.take()).toEqual([TIMED_OUT]);
    expect(said(charger)).toEqual([TIMED_OUT]);
  });

  it("that is back in time keeps its link and gets what was sent", () => {
    link();
    fault({ kind: "absent", name });
    write(WRITE);
    vi.advanceTimersByTime(SUPERVISION_MS / 2);
    fault({ kind: "present", name });
    vi.advanceTimersByTime(2 * SUPERVISION_MS);
    expect(said(central)).toEqual([]);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, WRITE)]);
  });
});

describe("a dropped link", () => {
  it("is noticed by both ends after the supervision timeout", () => {
    link();
    fault({ kind: "drop-link", name, how: "supervision" });
    write(WRITE);
    vi.advanceTimersByTime(SUPERVISION_MS - 10);
    expect([...said(central), ...said(charger)]).toEqual([]);
    vi.advanceTimersByTime(20);
    expect([...said(central), ...said(charger)]).toEqual([TIMED_OUT, TIMED_OUT]);
  });

  it("is not saved by a device that goes away and comes back", () => {
    link();
    fault({ kind: "drop-link", name, how: "supervision" });
    fault({ kind: "absent", name });
    fault({ kind: "present", name });
    vi.advanceTimersByTime(SUPERVISION_MS + 10);
    expect(said(central)).toEqual([TIMED_OUT]);
  });

  it("is noticed at once when asked for, and can be made again", () => {
    link();
    fault({ kind: "drop-link", name, how: "now" });
    expect([...said(central), ...said(charger)]).toEqual([TIMED_OUT, TIMED_OUT]);
    connect();
    expect(radio.air.links).toHaveLength(1);
  });
});

describe("faults of the data on a link", () => {
  it("loses as many notifications as ordered, no more, and nothing else", () => {
    link();
    fault({ kind: "lose-notification", name, times: 2 });
    write(WRITE);
    for (const pdu of ["13", NOTIFY, NOTIFY, "1b0500cc"]) notify(pdu);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, WRITE)]);
    expect(said(central)).toEqual([receivedAtt(HANDLE, "13"), receivedAtt(HANDLE, "1b0500cc")]);
  });

  it("completes a lost packet, so that the sender goes on", () => {
    link();
    fault({ kind: "lose-notification", name, times: 1 });
    charger.take();
    notify(NOTIFY);
    expect(charger.take()).toEqual(["0413050140000100"]);
  });

  it("loses all fragments of a lost notification", () => {
    link();
    fault({ kind: "lose-notification", name, times: 1 });
    charger.write("02 4000 0600 0500 0400 1b05", "02 4010 0300 00aabb");
    settle();
    notify(NOTIFY);
    expect(said(central)).toEqual([receivedAtt(HANDLE, NOTIFY)]);
  });

  it.each([WRITE, WRITE_REQUEST])("drops the write %s but no subscription", (pdu) => {
    link();
    fault({ kind: "drop-write", name, times: 1 });
    write(SUBSCRIBE);
    write(pdu);
    write(pdu);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, SUBSCRIBE), receivedAtt(HANDLE, pdu)]);
  });

  it("may be ordered before there is a link", () => {
    fault({ kind: "drop-write", name, times: 1 });
    link();
    write(WRITE);
    expect(said(charger)).toEqual([]);
  });

  it("delays a notification and what the device sends after it, but not the other direction", () => {
    link();
    fault({ kind: "delay", name, ms: 500, times: 1 });
    notify(NOTIFY);
    notify("13");
    vi.advanceTimersByTime(400);
    write(WRITE);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, WRITE)]);
    expect(said(central)).toEqual([]);
    vi.advanceTimersByTime(110);
    expect(said(central)).toEqual([receivedAtt(HANDLE, NOTIFY), receivedAtt(HANDLE, "13")]);
    notify(NOTIFY);
    expect(said(central)).toEqual([receivedAtt(HANDLE, NOTIFY)]);
  });

  it("delays a write when told so", () => {
    link();
    fault({ kind: "delay", name, ms: 500, times: 1, direction: "received" });
    notify(NOTIFY);
    write(WRITE);
    expect(said(central)).toEqual([receivedAtt(HANDLE, NOTIFY)]);
    expect(said(charger)).toEqual([]);
    vi.advanceTimersByTime(510);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, WRITE)]);
  });

  it("corrupts the last byte of a notification once", () => {
    link();
    fault({ kind: "corrupt", name, times: 1 });
    notify(NOTIFY);
    notify(NOTIFY);
    expect(said(central)).toEqual([receivedAtt(HANDLE, "1b050044"), receivedAtt(HANDLE, NOTIFY)]);
  });
});

describe("faults of connecting", () => {
  it("fails to establish as often as ordered: connected, then 0x3e, at both ends", () => {
    fault({ kind: "fail-establish", name, times: 1 });
    connect();
    expect(said(central).map((packet) => packet.slice(0, 8) + packet.slice(-2))).toEqual([
      "043e1301" + "00",
      "04050400" + "3e",
    ]);
    expect(said(charger).at(-1)).toBe("0405040040003e");
    expect(radio.air.links).toEqual([]);
    connect();
    expect(radio.air.links).toHaveLength(1);
  });

  it("refuses more links than the limit of the central", () => {
    fault({ kind: "connection-limit", central: CENTRAL, n: 1 });
    link();
    expect(central.ask(command.connect("02:00:00:00:00:09"))).toEqual(["040f0409010d20"]);
    fault({ kind: "connection-limit", central: CENTRAL, n: 2 });
    expect(central.ask(command.connect("02:00:00:00:00:09"))).toEqual(["040f0400010d20"]);
  });

  it("loses all advertising when told so", () => {
    fault({ kind: "adv-loss", probability: 1 });
    central.write(command.scan(true));
    vi.advanceTimersByTime(1000);
    expect(said(central)).toEqual([]);
    fault({ kind: "adv-loss", probability: 0 });
    vi.advanceTimersByTime(200);
    expect(said(central)).not.toEqual([]);
  });
});

describe("faults of a controller", () => {
  it("hangs: takes everything, says nothing, and its links stay up", () => {
    link();
    fault({ kind: "hang", name: CENTRAL, on: true });
    central.take();
    notify(NOTIFY);
    write(WRITE);
    expect(central.ask(command.reset)).toEqual([]);
    expect(said(charger)).toEqual([]);
    vi.advanceTimersByTime(2 * SUPERVISION_MS);
    expect(radio.air.links).toHaveLength(1);
    fault({ kind: "hang", name: CENTRAL, on: false });
    expect(central.ask("01 0910 00")).toHaveLength(1);
  });

  it("swallows one command as often as ordered, and no other", () => {
    fault({ kind: "swallow-command", name: CENTRAL, opcode: 0x200d, times: 1 });
    central.take();
    expect(central.ask(command.connect(CHARGER))).toEqual([]);
    expect(central.ask("01 0910 00")).toHaveLength(1);
    settle();
    expect(radio.air.links).toEqual([]);
    expect(central.ask(command.connect(CHARGER))).toEqual(["040f0400010d20"]);
  });

  it("fails in its hardware: one event, its links and its scan are gone without a word", () => {
    link();
    central.write(command.scan(true));
    central.take();
    fault({ kind: "hardware-error", name: CENTRAL });
    expect(central.take()).toEqual(["04100100"]);
    expect(central.controller.scanning).toBe(false);
    vi.advanceTimersByTime(SUPERVISION_MS + 10);
    expect(central.take()).toEqual([]);
    expect(said(charger)).toEqual([TIMED_OUT]);
  });

  it("is pulled out: its host loses it, its peers notice late", () => {
    link();
    fault({ kind: "unplug", name: CENTRAL });
    expect(central.unplugged).toBe(true);
    expect(radio.find(CENTRAL)).toBeUndefined();
    vi.advanceTimersByTime(SUPERVISION_MS + 10);
    expect(said(charger)).toEqual([TIMED_OUT]);
  });

  it("heals from everything that lasts", () => {
    fault({ kind: "absent", name });
    fault({ kind: "hang", name: CENTRAL, on: true });
    fault({ kind: "connection-limit", central: CENTRAL, n: 0 });
    fault({ kind: "fail-establish", name, times: 9 });
    fault({ kind: "drop-write", name, times: 9 });
    fault({ kind: "swallow-command", name: CENTRAL, opcode: 0x200d, times: 9 });
    fault({ kind: "adv-loss", probability: 1 });
    fault({ kind: "heal" });
    link();
    write(WRITE);
    expect(said(charger)).toEqual([receivedAtt(HANDLE, WRITE)]);
    expect(radio.air.advertisingLoss).toBe(0);
  });
});

describe("what is no fault", () => {
  const cases = [
    { name: "no object", body: 7, message: "a JSON object is wanted" },
    { name: "an unknown kind", body: { kind: "toString" }, message: "kind: one of absent, present" },
    {
      name: "no name",
      body: { kind: "absent" },
      message: "name: an address, an advertised name or a chip ID",
    },
    { name: "half a time", body: { kind: "drop-write", name, times: 1.5 }, message: "times: a whole number" },
    {
      name: "another way",
      body: { kind: "drop-link", name, how: "soon" },
      message: "how: one of supervision, now",
    },
    {
      name: "a probability of 2",
      body: { kind: "adv-loss", probability: 2 },
      message: "probability: a number from 0 to 1",
    },
    {
      name: "a text for a switch",
      body: { kind: "hang", name, on: "on" },
      message: "on: one of true, false",
    },
    {
      name: "everything at once",
      body: { kind: "delay", name: 1, ms: "x", times: 0, direction: "up" },
      message: "direction: one of sent, received",
    },
  ];
  it.each(cases)("$name is refused with what is allowed", ({ body, message }) => {
    const outcome = applyFault(radio, body);
    expect(outcome.kind).toBe("invalid");
    expect(outcome).toHaveProperty("message", expect.stringContaining(message));
  });

  it("somebody who is not there is named", () => {
    expect(applyFault(radio, { kind: "absent", name: "A1B2C3D4E5F7" })).toEqual({
      kind: "unknown_controller",
      message: "name: nobody is called A1B2C3D4E5F7",
    });
  });
});
