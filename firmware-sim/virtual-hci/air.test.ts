import { seededRandom } from "@bluepower/protocol/random";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Timing } from "./link.ts";
import { command, nameData, receivedAtt, type ScriptedHost, scriptedHost } from "./scriptedHost.ts";
import { createVirtualRadio, type VirtualRadio } from "./virtualRadio.ts";

const CENTRAL = "02:00:00:00:00:01";
const CHARGER = "02:00:00:00:00:02";
const OTHER = "02:00:00:00:00:03";
const DATA = `020106${nameData("BUC_A1B2C3D4E5F6")}`;
const RESPONSE = "03ff5f05";
const INTERVAL_MS = 100;

/** What a scanner is told of the charger: the advertisement, and the scan response. */
const REPORT = `043e210201000002000000000215${DATA}c9`;
const SCAN_RSP = `043e100201040002000000000204${RESPONSE}c9`;

let radio: VirtualRadio;
let central: ScriptedHost;
let charger: ScriptedHost;

const start = (timing: Timing): void => {
  radio = createVirtualRadio({ timing, random: seededRandom("air") });
  central = scriptedHost(radio, CENTRAL);
  charger = scriptedHost(radio, CHARGER);
  for (const host of [central, charger]) host.write(command.eventMask, command.leEventMask);
};
const advertise = (type = 0): void => {
  charger.write(
    command.advertisingParameters(INTERVAL_MS, type),
    command.advertisingData(DATA),
    command.scanResponseData(RESPONSE),
    command.advertise(true),
  );
};
const scan = (options: { active: boolean; filterDuplicates: boolean }): void => {
  central.write(command.scanParameters(options.active), command.scan(true, options.filterDuplicates));
  central.take();
};

beforeEach(() => {
  vi.useFakeTimers();
  start("instant");
});
afterEach(() => {
  radio.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("advertising", () => {
  it("costs nothing while nobody listens", () => {
    advertise();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(radio.air.counters.advertisingEvents).toBe(0);
    scan({ active: true, filterDuplicates: false });
    vi.advanceTimersByTime(1000);
    expect(radio.air.counters.advertisingEvents).toBeGreaterThan(5);
    central.write(command.scan(false));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("costs nothing while an initiator waits for somebody else", () => {
    advertise();
    central.write(command.connect(OTHER));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is heard with its scan response by an active scanner, each in a report of its own", () => {
    advertise();
    scan({ active: true, filterDuplicates: true });
    vi.advanceTimersByTime(1);
    expect(central.take()).toEqual([REPORT, SCAN_RSP]);
  });

  it("is heard without a scan response by a passive scanner", () => {
    advertise();
    scan({ active: false, filterDuplicates: true });
    vi.advanceTimersByTime(1);
    expect(central.take()).toEqual([REPORT]);
  });

  it("that is not scannable has no scan response and cannot be connected to", () => {
    advertise(3);
    scan({ active: true, filterDuplicates: true });
    central.write(command.connect(CHARGER));
    vi.advanceTimersByTime(1000);
    expect(central.take().filter((packet) => packet.startsWith("043e"))).toEqual([
      REPORT.replace("043e21020100", "043e21020103"),
    ]);
    expect(radio.air.links).toEqual([]);
  });

  it("is heard by a scanner that began first, at once", () => {
    scan({ active: true, filterDuplicates: true });
    advertise();
    vi.advanceTimersByTime(1);
    expect(central.take()).toEqual([REPORT, SCAN_RSP]);
  });

  it("is reported again in every interval when duplicates are wanted", () => {
    advertise();
    scan({ active: false, filterDuplicates: false });
    vi.advanceTimersByTime(1000);
    // An interval of 100 ms and a delay of up to 10 ms.
    expect(central.take().length).toBeGreaterThanOrEqual(9);
  });

  it("is reported once per scan when duplicates are filtered, and again after the scan began anew", () => {
    advertise();
    scan({ active: true, filterDuplicates: true });
    vi.advanceTimersByTime(1000);
    expect(central.take()).toEqual([REPORT, SCAN_RSP]);
    central.write(command.scan(true, true));
    central.take();
    vi.advanceTimersByTime(1000);
    expect(central.take()).toEqual([REPORT, SCAN_RSP]);
  });

  it("is not heard by its own sender, nor after it was switched off", () => {
    advertise();
    charger.write(command.scan(true));
    charger.take();
    vi.advanceTimersByTime(1000);
    expect(charger.take()).toEqual([]);
    charger.write(command.advertise(false));
    scan({ active: true, filterDuplicates: false });
    vi.advanceTimersByTime(1000);
    expect(central.take()).toEqual([]);
  });

  it("gives the controller the name that tests call it by, also after it ended", () => {
    advertise();
    charger.write(command.advertise(false));
    for (const name of ["BUC_A1B2C3D4E5F6", "A1B2C3D4E5F6", CHARGER, CHARGER.toUpperCase()]) {
      expect(radio.find(name)).toBe(charger.controller);
    }
    expect(radio.find("A1B2C3D4E5F7")).toBeUndefined();
    const restarted = scriptedHost(radio, OTHER);
    restarted.write(command.advertisingData(DATA));
    expect(radio.find("A1B2C3D4E5F6")).toBe(restarted.controller);
  });
});

describe("lost advertising packets", () => {
  it("are heard by nobody when all are lost, by scanners as little as by initiators", () => {
    radio.air.advertisingLoss = 1;
    advertise();
    scan({ active: true, filterDuplicates: false });
    central.write(command.connect(CHARGER));
    central.take();
    vi.advanceTimersByTime(1000);
    expect(central.take()).toEqual([]);
    expect(radio.air.links).toEqual([]);
  });

  it("include scan responses alone, which a filtering scanner does not get a second time", () => {
    radio.air.advertisingLoss = 0.5;
    advertise();
    scan({ active: true, filterDuplicates: false });
    vi.advanceTimersByTime(20_000);
    const all = central.take();
    const reports = all.filter((packet) => packet === REPORT).length;
    const responses = all.filter((packet) => packet === SCAN_RSP).length;
    expect(reports).toBeGreaterThan(60);
    expect(reports).toBeLessThan(130);
    expect(responses).toBeGreaterThan(reports / 4);
    expect(responses).toBeLessThan((reports * 3) / 4);

    const heard = new Set<string>();
    for (let i = 0; i < 40; i++) {
      central.write(command.scan(false), command.scan(true, true));
      central.take();
      vi.advanceTimersByTime(5000);
      heard.add(central.take().join(" "));
    }
    expect(heard).toEqual(new Set([REPORT, `${REPORT} ${SCAN_RSP}`]));
  });
});

describe("range", () => {
  it("keeps two controllers apart that cannot hear each other, and nobody else", () => {
    const other = scriptedHost(radio, OTHER);
    other.write(command.eventMask, command.scan(true));
    radio.air.setReachable({ a: central.controller, b: charger.controller }, false);
    advertise();
    scan({ active: false, filterDuplicates: false });
    central.write(command.connect(CHARGER));
    central.take();
    other.take();
    vi.advanceTimersByTime(1000);
    expect(central.take()).toEqual([]);
    expect(other.take()).not.toEqual([]);
    radio.air.setReachable({ a: charger.controller, b: central.controller }, true);
    vi.advanceTimersByTime(200);
    expect(radio.air.links).toHaveLength(1);
  });
});

describe("with real advertising intervals", () => {
  it("a scanner that comes late hears twenty advertisers spread over the interval, not all at once", () => {
    radio.close();
    start("interval");
    const advertisers = Array.from({ length: 20 }, (_, i) => `02:00:00:00:01:${String(i).padStart(2, "0")}`);
    for (const address of advertisers) {
      scriptedHost(radio, address).write(command.advertisingParameters(INTERVAL_MS), command.advertise(true));
    }
    vi.advanceTimersByTime(60_000);
    scan({ active: false, filterDuplicates: true });
    vi.advanceTimersByTime(INTERVAL_MS / 2);
    const early = central.take().length;
    expect(early).toBeGreaterThan(2);
    expect(early).toBeLessThan(18);
    vi.advanceTimersByTime(INTERVAL_MS / 2 + 10);
    expect(early + central.take().length).toBe(20);
  });
});

describe("with a real connection interval", () => {
  const CONNECTION_INTERVAL_MS = 50;
  beforeEach(() => {
    radio.close();
    start("interval");
    advertise();
    central.write(command.connect(CHARGER));
    vi.advanceTimersByTime(INTERVAL_MS + 10);
    central.take();
    charger.take();
  });

  it("connects within one advertising interval", () => {
    expect(radio.air.links).toHaveLength(1);
  });

  it("moves data at the anchors only, and an answer one anchor later", () => {
    const moments: number[] = [];
    central.write(command.att(0x40, "520300aa"));
    const sent = performance.now();
    while (charger.take().length === 0) vi.advanceTimersByTime(1);
    moments.push(performance.now());
    charger.write(command.att(0x40, "1b0500bb"));
    while (!central.take().includes(receivedAtt(0x40, "1b0500bb"))) vi.advanceTimersByTime(1);
    moments.push(performance.now());
    const [heard = 0, answered = 0] = moments;
    expect(heard - sent).toBeLessThanOrEqual(CONNECTION_INTERVAL_MS + 1);
    expect(Math.abs(answered - heard - CONNECTION_INTERVAL_MS)).toBeLessThanOrEqual(1);
  });

  it("carries at most six packets each way in one event", () => {
    for (let i = 0; i < 8; i++) central.write(command.att(0x40, "520300aa"));
    const batches: number[] = [];
    for (let i = 0; i < 3 * CONNECTION_INTERVAL_MS; i++) {
      vi.advanceTimersByTime(1);
      const { length } = charger.take();
      if (length > 0) batches.push(length);
    }
    expect(batches).toEqual([6, 2]);
  });

  it("counts the anchors of a new interval from the moment it was agreed", () => {
    central.write("01 1320 0e 4000 5000 5000 0000 9001 0000 0000");
    while (!charger.take().some((packet) => packet.startsWith("043e0a03"))) vi.advanceTimersByTime(1);
    const agreed = performance.now();
    central.write(command.att(0x40, "520300aa"));
    while (charger.take().length === 0) vi.advanceTimersByTime(1);
    expect(Math.abs(performance.now() - agreed - 100)).toBeLessThanOrEqual(1);
  });

  it("has no timer running while nothing is to be sent", () => {
    expect(vi.getTimerCount()).toBe(0);
  });
});
