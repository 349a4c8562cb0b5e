import { seededRandom } from "@bluepower/protocol/random";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { command, receivedAtt, type ScriptedHost, scriptedHost } from "./scriptedHost.ts";
import { createVirtualRadio, type VirtualRadio } from "./virtualRadio.ts";

const CENTRAL = "02:00:00:00:00:01";
const PERIPHERAL = "02:00:00:00:00:02";
const FAR = "02:00:00:00:00:03";

let radio: VirtualRadio;
let host: ScriptedHost;
let peer: ScriptedHost;

/** Lets everything that is due in the air happen. */
const settle = (): void => {
  vi.advanceTimersByTime(5);
};

/** Opens a link from `host` (handle 0x40) to `peer` (handle 0x40) and forgets what was said. */
const link = (): void => {
  for (const each of [host, peer]) each.write(command.eventMask, command.leEventMask);
  peer.write(command.advertisingParameters(100), command.advertise(true));
  host.write(command.connect(PERIPHERAL));
  settle();
  host.take();
  peer.take();
  expect(radio.air.links).toHaveLength(1);
};

beforeEach(() => {
  vi.useFakeTimers();
  radio = createVirtualRadio({ timing: "instant", random: seededRandom("controller") });
  host = scriptedHost(radio, CENTRAL);
  peer = scriptedHost(radio, PERIPHERAL);
});
afterEach(() => {
  radio.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("commands of a fresh controller", () => {
  const cases = [
    { name: "Set Event Mask", send: command.eventMask, answer: "040e0401010c00" },
    { name: "Reset", send: command.reset, answer: "040e0401030c00" },
    { name: "LE Set Event Mask", send: command.leEventMask, answer: "040e0401012000" },
    { name: "Read Local Version Information", send: "01 0110 00", answer: "040e0c0101100009000009f1050000" },
    { name: "Read Buffer Size", send: "01 0510 00", answer: "040e0b01051000fb000008000000" },
    { name: "Read BD_ADDR", send: "01 0910 00", answer: "040e0a01091000010000000002" },
    { name: "Write LE Host Support", send: "01 6d0c 02 0100", answer: "040e04016d0c00" },
    { name: "Read LE Host Support", send: "01 6c0c 00", answer: "040e06016c0c000100" },
    { name: "LE Read Buffer Size", send: "01 0220 00", answer: "040e0701022000fb0008" },
    { name: "LE Set Random Address", send: "01 0520 06 0605040302c1", answer: "040e0401052000" },
    {
      name: "LE Set Advertising Parameters",
      send: command.advertisingParameters(100),
      answer: "040e0401062000",
    },
    {
      name: "too short an advertising interval",
      send: command.advertisingParameters(10),
      answer: "040e0401062012",
    },
    { name: "directed advertising", send: command.advertisingParameters(100, 1), answer: "040e0401062011" },
    { name: "LE Set Advertising Data", send: command.advertisingData("020106"), answer: "040e0401082000" },
    { name: "advertising data of 32 bytes", send: "01 0820 01 20", answer: "040e0401082012" },
    { name: "LE Set Scan Response Data", send: command.scanResponseData(""), answer: "040e0401092000" },
    { name: "LE Set Advertising Enable", send: command.advertise(true), answer: "040e04010a2000" },
    { name: "LE Set Scan Parameters", send: command.scanParameters(true), answer: "040e04010b2000" },
    { name: "LE Set Scan Enable", send: command.scan(true), answer: "040e04010c2000" },
    { name: "LE Create Connection", send: command.connect(FAR), answer: "040f0400010d20" },
    {
      name: "an interval below 7.5 ms",
      send: command.connect(FAR, { interval: 5 }),
      answer: "040f0412010d20",
    },
    {
      name: "a supervision timeout below two intervals",
      send: command.connect(FAR, { interval: 80, timeout: 20 }),
      answer: "040f0412010d20",
    },
    {
      name: "LE Create Connection Cancel without one",
      send: command.cancelConnect,
      answer: "040e04010e200c",
    },
    {
      name: "LE Connection Update of no link",
      send: "01 1320 0e 4000 1800 2800 0000 9001 0000 0000",
      answer: "040f0402011320",
    },
    { name: "Disconnect of no link", send: command.disconnect(0x40), answer: "040f0402010604" },
    { name: "Read RSSI of no link", send: "01 0514 02 4000", answer: "040e0701051402400000" },
    { name: "vendor's Write BD_ADDR", send: "01 01fc 06 aabbccddeeff", answer: "040e040101fc00" },
    { name: "an unknown opcode", send: "01 4120 00", answer: "040f0401014120" },
    {
      name: "parameters that are too short, by Command Complete",
      send: "01 0b20 01 01",
      answer: "040e04010b2012",
    },
    {
      name: "parameters that are too short, by Command Status",
      send: "01 0d20 02 6000",
      answer: "040f0412010d20",
    },
    { name: "a length that promises more than there is", send: "01 0c20 02 01", answer: "040e04010c2012" },
  ];
  it.each(cases)("$name", ({ send, answer }) => {
    expect(host.ask(send)).toEqual([answer]);
  });

  it.each(["", "01", "0103", "01030c", "02", "0240", "0400", "ff0000"])(
    "ignores the fragment %j",
    (fragment) => {
      expect(host.ask(fragment)).toEqual([]);
    },
  );

  it("tells the address that the vendor's command gave it", () => {
    host.write("01 01fc 06 0605040302c0");
    expect(host.ask("01 0910 00")).toContain("040e0a010910000605040302c0");
    expect(host.controller.address).toBe("c0:02:03:04:05:06");
  });
});

describe("commands that depend on what runs", () => {
  it("refuses new parameters while it advertises or scans", () => {
    host.write(command.advertise(true), command.scan(true));
    host.take();
    expect(host.ask(command.advertisingParameters(100))).toEqual(["040e040106200c"]);
    expect(host.ask(command.scanParameters(true))).toEqual(["040e04010b200c"]);
    expect(host.ask("01 0520 06 0605040302c1")).toEqual(["040e040105200c"]);
    host.write(command.advertise(false), command.scan(false));
    host.take();
    expect(host.ask(command.advertisingParameters(100))).toEqual(["040e0401062000"]);
    expect(host.ask(command.scanParameters(true))).toEqual(["040e04010b2000"]);
  });

  it("does not advertise with a random address it does not have", () => {
    host.write("01 0620 0f a000 a000 00 01 00 000000000000 07 00");
    host.take();
    expect(host.ask(command.advertise(true))).toEqual(["040e04010a2012"]);
  });

  it("is silent, deaf and back at its defaults after a reset", () => {
    host.write("01 0520 06 0605040302c1", command.advertise(true), command.scan(true), command.connect(FAR));
    peer.write(command.advertise(true));
    host.write(command.reset);
    expect(vi.getTimerCount()).toBe(0);
    host.take();
    expect(host.ask(command.cancelConnect)).toEqual(["040e04010e200c"]);
    host.write("01 0620 0f a000 a000 00 01 00 000000000000 07 00");
    host.take();
    expect(host.ask(command.advertise(true))).toEqual(["040e04010a2012"]);
  });

  it("has one connection attempt at a time, and ends it by cancel", () => {
    host.write(command.eventMask, command.leEventMask, command.connect(FAR));
    host.take();
    expect(host.ask(command.connect(PERIPHERAL))).toEqual(["040f040c010d20"]);
    expect(host.ask(command.cancelConnect)).toEqual(["040e04010e2000", `043e130102${"00".repeat(17)}`]);
    expect(host.ask(command.connect(FAR))).toEqual(["040f0400010d20"]);
  });

  it("says nothing of the air to a host that has set no event mask", () => {
    peer.write(command.advertisingParameters(100), command.advertise(true));
    host.write(command.scan(true));
    settle();
    expect(host.take()).toEqual(["040e04010c2000"]);
    host.write(command.eventMask);
    host.take();
    vi.advanceTimersByTime(120);
    expect(host.take()[0]).toMatch(/^043e0c0201/);
  });
});

describe("a link", () => {
  it("is told to both hosts, each with its role and the other's address", () => {
    for (const each of [host, peer]) each.write(command.eventMask, command.leEventMask);
    peer.write(command.advertisingParameters(100), command.advertise(true));
    peer.take();
    host.take();
    expect(host.ask(command.connect(PERIPHERAL))).toEqual(["040f0400010d20"]);
    settle();
    expect(host.take()).toEqual(["043e1301004000000002000000000228000000900100"]);
    expect(peer.take()).toEqual(["043e1301004000010001000000000228000000900100"]);
  });

  it("is refused to a peer that is connected already, and the advertiser stops", () => {
    link();
    expect(peer.controller.advertisement).toBeUndefined();
    expect(host.ask(command.connect(PERIPHERAL))).toEqual(["040f040b010d20"]);
  });

  it("carries ACL data both ways and completes the packets of the sender", () => {
    link();
    host.write(command.att(0x40, "120300aa"));
    expect(peer.take()).toEqual([]);
    settle();
    expect(peer.take()).toEqual([receivedAtt(0x40, "120300aa")]);
    expect(host.take()).toEqual(["0413050140000100"]);
    peer.write(command.att(0x40, "13"));
    settle();
    expect(host.take()).toEqual([receivedAtt(0x40, "13")]);
  });

  it("keeps the fragments of a long L2CAP packet apart and in order", () => {
    link();
    host.write("02 4000 0600 0500 0400 5203", "02 4010 0300 00aabb");
    settle();
    expect(peer.take()).toEqual(["0240200600050004005203", "024010030000aabb"]);
  });

  it("ignores data for a handle that does not exist", () => {
    link();
    expect(host.ask(command.att(0x41, "13"))).toEqual([]);
    settle();
    expect(peer.take()).toEqual([]);
  });

  it("drops what does not fit into its eight buffers and says so", () => {
    link();
    for (let i = 0; i < 9; i++) host.write(command.att(0x40, "13"));
    expect(host.take()).toEqual(["041a0101"]);
    settle();
    expect(peer.take()).toHaveLength(8);
    host.take();
    expect(host.ask(command.att(0x40, "13"))).toEqual([]);
  });

  it("tells its RSSI", () => {
    link();
    expect(host.ask("01 0514 02 4000")).toEqual(["040e07010514004000c9"]);
  });

  it("takes new parameters and tells both hosts", () => {
    link();
    expect(host.ask("01 1320 0e 4000 0600 0c00 0000 6400 0000 0000")).toEqual(["040f0400011320"]);
    settle();
    const update = "043e0a030040000c0000006400";
    expect(host.take()).toEqual([update]);
    expect(peer.take()).toEqual([update]);
    expect(host.ask("01 1320 0e 4000 0600 0500 0000 6400 0000 0000")).toEqual(["040f0412011320"]);
  });

  it("ends after the data before the disconnection, and tells both who ended it", () => {
    link();
    const eight = Array.from({ length: 8 }, (_, i) => `520300a${i}`);
    host.write(...eight.map((pdu) => command.att(0x40, pdu)));
    expect(host.ask(command.disconnect(0x40))).toEqual(["040f0400010604"]);
    settle();
    expect(peer.take()).toEqual([...eight.map((pdu) => receivedAtt(0x40, pdu)), "04050400400013"]);
    expect(host.take()).toEqual(["0413050140000600", "0413050140000200", "04050400400016"]);
    expect(radio.air.links).toEqual([]);
    expect(host.ask(command.disconnect(0x40))).toEqual(["040f0402010604"]);
  });

  it("gives the next link another handle", () => {
    link();
    peer.write(command.disconnect(0x40));
    settle();
    peer.write(command.advertise(true));
    host.write(command.connect(PERIPHERAL));
    settle();
    expect(host.take().at(-1)).toMatch(/^043e13010041/);
  });

  it("is forgotten by a reset at one end, which the other notices by its supervision timeout", () => {
    link();
    expect(host.ask(command.reset)).toEqual(["040e0401030c00"]);
    host.write(command.eventMask, command.leEventMask);
    peer.write(command.att(0x40, "13"));
    vi.advanceTimersByTime(3990);
    expect(peer.take()).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(peer.take()).toEqual(["04050400400008"]);
    expect(host.take().some((packet) => packet.startsWith("0405"))).toBe(false);
  });

  it("ends for the peer of a host that went away", () => {
    link();
    radio.detach(host.controller);
    vi.advanceTimersByTime(4010);
    expect(peer.take()).toEqual(["04050400400008"]);
    expect(radio.controllers()).toEqual([peer.controller]);
  });
});
