import { instant, millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { chipId } from "@bluepower/protocol/units";
import { describe, expect, it } from "vitest";
import { Central } from "./central.ts";
import type { FromWorker } from "./ipc.ts";
import { ScriptedAdapter, ScriptedPeripheral } from "./scriptedNoble.ts";

const chip = chipId("A1B2C3D4E5F6");
const profile = { service: "ffe0", write: "ffe1", notify: "ffe2" };
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
/** 66 bytes, the longest frame there is. */
const POWERON = `@POWERON|1|120|261122103000|${"a".repeat(32)}&`.padEnd(66, "x");

function worker() {
  const clock = new SimulatedClock(instant(0), () => new Promise((resolve) => setImmediate(resolve)));
  const adapter = new ScriptedAdapter();
  const sent: FromWorker[] = [];
  const fatal: string[] = [];
  const central = new Central({
    clock,
    adapter,
    send: (message) => sent.push(message),
    fatal: (reason) => fatal.push(reason),
  });
  const peripheral = new ScriptedPeripheral("BUC_A1B2C3D4E5F6", adapter.calls);
  central.start();
  const connect = (request = 1): void => central.receive({ kind: "connect", request, chip, profile });
  const said = (kind: FromWorker["kind"]): FromWorker[] => sent.filter((m) => m.kind === kind);
  return { clock, adapter, sent, said, fatal, central, peripheral, connect };
}

async function linked() {
  const w = worker();
  w.adapter.hear(w.peripheral);
  w.connect();
  await w.clock.advance(millis(10));
  expect(w.said("connected")).toEqual([{ kind: "connected", request: 1, link: 1 }]);
  w.adapter.calls.splice(0);
  const write = (request: number, text: string): void =>
    w.central.receive({ kind: "write", request, link: 1, bytes: bytes(text) });
  return { ...w, write };
}

describe("a connection", () => {
  it("is made while nobody scans, discovers and subscribes each time, and the scan goes on", async () => {
    const { adapter, clock, peripheral, connect, central } = worker();
    adapter.hear(peripheral);
    peripheral.during = (step) => {
      if (step === "connect") expect(adapter.scanning).toBe(false);
    };
    await clock.advance(millis(10));
    connect(1);
    await clock.advance(millis(10));
    expect(adapter.calls).toEqual([
      "scan",
      "stop scan",
      "connect",
      "discover ffe0",
      "subscribe ffe2",
      "scan",
    ]);
    central.receive({ kind: "close", link: 1 });
    await clock.advance(millis(10));
    adapter.calls.splice(0);
    connect(2);
    await clock.advance(millis(10));
    expect(adapter.calls).toEqual(expect.arrayContaining(["connect", "discover ffe0", "subscribe ffe2"]));
  });

  it("waits for a charger that was never heard, scanning, and is absent after 10 s without an attempt", async () => {
    const { adapter, clock, connect, said, fatal } = worker();
    connect();
    await clock.advance(seconds(9.9));
    expect(said("not_connected")).toEqual([]);
    await clock.advance(seconds(0.2));
    expect(said("not_connected")).toEqual([
      { kind: "not_connected", request: 1, failure: { kind: "absent" } },
    ]);
    expect(adapter.calls).not.toContain("connect");
    expect(fatal).toEqual([]);
  });

  it("is made as soon as the charger is heard", async () => {
    const { adapter, clock, peripheral, connect, said } = worker();
    connect();
    await clock.advance(seconds(5));
    adapter.hear(peripheral);
    await clock.advance(millis(10));
    expect(said("connected")).toHaveLength(1);
  });

  it("to an absent charger is cancelled after 10 s, and the next one works", async () => {
    const { adapter, clock, peripheral, connect, said, fatal } = worker();
    adapter.hear(peripheral);
    peripheral.endings.connect = "hang";
    connect(1);
    await clock.advance(seconds(10.1));
    expect(said("not_connected")).toMatchObject([{ request: 1, failure: { kind: "absent" } }]);
    expect(adapter.calls).toContain("cancel");
    peripheral.endings.connect = "done";
    connect(2);
    await clock.advance(millis(10));
    expect(said("connected")).toMatchObject([{ request: 2 }]);
    expect(fatal).toEqual([]);
  });

  it("that cannot be cancelled ends the process after one second more", async () => {
    const { adapter, clock, peripheral, connect, fatal } = worker();
    adapter.hear(peripheral);
    peripheral.endings.connect = "hang";
    peripheral.endings.cancel = "hang";
    connect();
    await clock.advance(seconds(10.5));
    expect(fatal).toEqual([]);
    await clock.advance(seconds(1));
    expect(fatal).toEqual(["a connection attempt cannot be cancelled"]);
  });

  it("that comes about while it is cancelled is ended again", async () => {
    const { adapter, clock, peripheral, connect, said, fatal } = worker();
    adapter.hear(peripheral);
    peripheral.endings.connect = "hang";
    peripheral.endings.cancel = "done";
    connect();
    await clock.advance(seconds(11));
    expect(said("not_connected")).toMatchObject([{ failure: { kind: "absent" } }]);
    expect(said("connected")).toEqual([]);
    expect(peripheral.state).toBe("disconnected");
    expect(adapter.calls).toContain("disconnect");
    expect(fatal).toEqual([]);
  });

  it("is cancelled when the gateway says so, unless it stands already", async () => {
    const { adapter, clock, peripheral, connect, central, said } = worker();
    adapter.hear(peripheral);
    peripheral.endings.connect = "hang";
    connect(1);
    await clock.advance(seconds(1));
    central.receive({ kind: "cancel", request: 99 });
    await clock.advance(millis(10));
    expect(said("not_connected")).toEqual([]);
    central.receive({ kind: "cancel", request: 1 });
    await clock.advance(millis(10));
    expect(said("not_connected")).toEqual([
      { kind: "not_connected", request: 1, failure: { kind: "cancelled" } },
    ]);

    peripheral.endings.connect = "done";
    peripheral.during = (step) => {
      if (step === "discover") central.receive({ kind: "cancel", request: 2 });
    };
    connect(2);
    await clock.advance(millis(10));
    expect(said("connected")).toMatchObject([{ request: 2 }]);
  });

  it("is refused while another one is made, without a word to the adapter", async () => {
    const { adapter, clock, peripheral, connect, said } = worker();
    adapter.hear(peripheral);
    peripheral.endings.connect = "hang";
    connect(1);
    connect(2);
    await clock.advance(seconds(1));
    expect(said("not_connected")).toMatchObject([{ request: 2, failure: { kind: "failed" } }]);
    expect(adapter.calls.filter((c) => c === "connect")).toHaveLength(1);
  });

  const refusals = [
    { message: "Connection Limit Exceeded (0x9)", failure: { kind: "limit" } },
    { message: "Command Disallowed (0xc)", failure: { kind: "limit" } },
    {
      message: "ACL Connection Already Exists (0xb)",
      failure: { kind: "failed", step: "connect", detail: "ACL Connection Already Exists (0xb)" },
    },
  ];
  for (const { message, failure } of refusals) {
    it(`refused with ${message} is told as ${failure.kind}`, async () => {
      const { adapter, clock, peripheral, connect, said, fatal } = worker();
      adapter.hear(peripheral);
      peripheral.endings.connect = new Error(message);
      connect();
      await clock.advance(millis(10));
      expect(said("not_connected")).toMatchObject([{ failure }]);
      expect(adapter.calls).not.toContain("disconnect");
      expect(fatal).toEqual([]);
    });
  }

  for (const step of ["discover", "subscribe"] as const) {
    it(`whose link drops in ${step} fails at once with the reason`, async () => {
      const { adapter, clock, peripheral, connect, said } = worker();
      adapter.hear(peripheral);
      peripheral.endings[step] = "hang";
      peripheral.during = (at) => {
        if (at === step) queueMicrotask(() => peripheral.drop(0x3e));
      };
      connect();
      await clock.advance(millis(10));
      expect(said("not_connected")).toMatchObject([
        { failure: { kind: "failed", step, detail: "the connection could not be established" } },
      ]);
      // Asked to disconnect what is not connected, noble ends somebody else's connection.
      expect(adapter.calls).not.toContain("disconnect");
    });

    it(`that never answers in ${step} is ended after its deadline`, async () => {
      const { adapter, clock, peripheral, connect, said, fatal } = worker();
      adapter.hear(peripheral);
      peripheral.endings[step] = "hang";
      connect();
      await clock.advance(seconds(step === "discover" ? 5.1 : 3.1));
      expect(said("not_connected")).toMatchObject([{ failure: { kind: "failed", step } }]);
      expect(adapter.calls).toContain("disconnect");
      expect(fatal).toEqual([]);
    });
  }

  it("to a device without the profile's characteristics fails and is ended", async () => {
    const { adapter, clock, peripheral, connect, said } = worker();
    adapter.hear(peripheral);
    peripheral.characteristics = ["ffe1"];
    connect();
    await clock.advance(millis(10));
    expect(said("not_connected")).toMatchObject([
      { failure: { detail: "the device has no characteristics ffe1 and ffe2 in service ffe0" } },
    ]);
    expect(adapter.calls).toContain("disconnect");
  });
});

describe("a link", () => {
  const cut = [
    { mtu: null, sizes: [20, 20, 20, 6] },
    { mtu: 23, sizes: [20, 20, 20, 6] },
    { mtu: 50, sizes: [47, 19] },
    { mtu: 517, sizes: [66] },
  ];
  for (const { mtu, sizes } of cut) {
    it(`cuts a frame into ${sizes.join(", ")} with an MTU of ${mtu}`, async () => {
      const { clock, peripheral, write, said } = await linked();
      peripheral.mtu = mtu;
      write(7, POWERON);
      await clock.advance(millis(10));
      expect(peripheral.written.map((w) => w.length)).toEqual(sizes);
      expect(peripheral.written.join("")).toBe(POWERON);
      expect(said("written")).toEqual([{ kind: "written", request: 7, outcome: "written" }]);
    });
  }

  it("forgets the MTU of the link before", async () => {
    const { clock, peripheral, central, connect } = await linked();
    peripheral.mtu = 100;
    central.receive({ kind: "close", link: 1 });
    await clock.advance(millis(10));
    connect(2);
    await clock.advance(millis(10));
    expect(peripheral.mtu).toBeNull();
  });

  it("writes without response where that is possible, one chunk after another", async () => {
    const { clock, peripheral, write, adapter } = await linked();
    peripheral.endings.write = "hang";
    write(1, POWERON);
    write(2, "@STA&");
    await clock.advance(seconds(1));
    expect(adapter.calls.filter((c) => c.startsWith("write"))).toEqual(["write command"]);
  });

  it("that drops in a write answers it at once", async () => {
    const { clock, peripheral, write, said, adapter } = await linked();
    peripheral.endings.write = "hang";
    write(1, "@STA&");
    await clock.advance(millis(10));
    peripheral.drop(0x08);
    await clock.advance(millis(10));
    expect(said("written")).toEqual([{ kind: "written", request: 1, outcome: "closed" }]);
    expect(said("closed")).toEqual([
      { kind: "closed", link: 1, reason: "supervision timeout: out of reach or without power" },
    ]);
    expect(adapter.calls).not.toContain("disconnect");
  });

  it("is not written to after it dropped", async () => {
    const { clock, peripheral, write, said } = await linked();
    peripheral.drop(0x13);
    await clock.advance(millis(10));
    write(1, "@STA&");
    await clock.advance(millis(10));
    expect(peripheral.written).toEqual([]);
    expect(said("written")).toEqual([{ kind: "written", request: 1, outcome: "closed" }]);
  });

  it("in which a write is never acknowledged is given up after 3 s", async () => {
    const { clock, peripheral, write, said, adapter } = await linked();
    peripheral.endings.write = "hang";
    write(1, "@STA&");
    await clock.advance(seconds(3.1));
    expect(said("written")).toEqual([{ kind: "written", request: 1, outcome: "closed" }]);
    expect(said("closed")).toEqual([{ kind: "closed", link: 1, reason: "write: no answer within 3 s" }]);
    expect(adapter.calls).toContain("disconnect");
  });

  it("with more than 16 writes waiting is given up", async () => {
    const { clock, peripheral, write, said } = await linked();
    peripheral.endings.write = "hang";
    for (let i = 0; i < 17; i++) write(i, "@STA&");
    await clock.advance(millis(10));
    expect(said("closed")).toMatchObject([{ reason: "too many writes were waiting" }]);
    expect(said("written")).toHaveLength(17);
  });

  it("passes notifications on until it is closed", async () => {
    const { clock, peripheral, central, said } = await linked();
    peripheral.notify(bytes("@OK|0&"));
    central.receive({ kind: "close", link: 1 });
    peripheral.notify(bytes("@OK|1&"));
    await clock.advance(millis(10));
    expect(said("bytes")).toEqual([{ kind: "bytes", link: 1, bytes: bytes("@OK|0&") }]);
  });

  it("that does not end is over for the gateway after 3 s; after 10 s the process ends", async () => {
    const { clock, peripheral, central, said, fatal, connect } = await linked();
    peripheral.endings.disconnect = "hang";
    central.receive({ kind: "close", link: 1 });
    await clock.advance(seconds(3.1));
    expect(said("closed")).toEqual([{ kind: "closed", link: 1, reason: "closed by the gateway" }]);
    connect(5);
    await clock.advance(millis(10));
    expect(said("not_connected")).toMatchObject([{ request: 5, failure: { kind: "failed" } }]);
    expect(fatal).toEqual([]);
    await clock.advance(seconds(7));
    expect(fatal).toEqual(["a connection does not end"]);
  });

  it("is closed once, however often it is asked for", async () => {
    const { clock, central, said, adapter } = await linked();
    for (let i = 0; i < 3; i++) central.receive({ kind: "close", link: 1 });
    await clock.advance(millis(10));
    central.receive({ kind: "close", link: 1 });
    await clock.advance(millis(10));
    expect(adapter.calls.filter((c) => c === "disconnect")).toHaveLength(1);
    expect(said("closed")).toHaveLength(1);
  });

  it("that noble believes to be gone already is not asked to end: it would end another's", async () => {
    const { clock, central, peripheral, said, adapter } = await linked();
    peripheral.state = "error";
    central.receive({ kind: "close", link: 1 });
    await clock.advance(seconds(3.1));
    expect(adapter.calls).not.toContain("disconnect");
    expect(said("closed")).toHaveLength(1);
  });

  it("is closed when the worker is stopped", async () => {
    const { clock, central, adapter, fatal } = await linked();
    central.receive({ kind: "stop" });
    await clock.advance(millis(10));
    expect(adapter.calls).toContain("disconnect");
    expect(fatal).toEqual(["stopped"]);
  });
});

describe("the scan", () => {
  it("tells of chargers only, and of each once a second", async () => {
    const { adapter, clock, peripheral, said } = worker();
    for (let i = 0; i < 30; i++) {
      adapter.hear(peripheral);
      adapter.hear(new ScriptedPeripheral("BUC_short", []));
      adapter.hear(new ScriptedPeripheral("a phone", []));
      await clock.advance(millis(100));
    }
    expect(said("sighting")).toEqual(Array(3).fill({ kind: "sighting", chip, rssi: -50 }));
  });

  it("comes in bursts and begins anew after it stopped by itself", async () => {
    const { adapter, clock } = worker();
    await clock.advance(seconds(1));
    adapter.scanEvent(false);
    await clock.advance(seconds(60));
    const starts = adapter.calls.filter((c) => c === "scan").length;
    expect(starts).toBeGreaterThanOrEqual(10);
    expect(starts).toBeLessThanOrEqual(11);
  });

  it("that does not stop ends the process, because a connection cannot be made", async () => {
    const { adapter, clock, peripheral, connect, fatal, said } = worker();
    adapter.hear(peripheral);
    await clock.advance(millis(10));
    adapter.obeys.stop = false;
    connect();
    await clock.advance(seconds(2.1));
    expect(fatal).toEqual(["the scan does not stop"]);
    expect(said("not_connected")).toHaveLength(1);
    expect(adapter.calls).not.toContain("connect");
  });

  it("that never starts ends the process after five times, but not while there are links", async () => {
    const alone = worker();
    alone.adapter.obeys.start = false;
    await alone.clock.advance(seconds(60));
    expect(alone.fatal[0]).toBe("the scan does not start");

    const busy = await linked();
    busy.adapter.obeys.start = false;
    await busy.clock.advance(seconds(60));
    expect(busy.fatal).toEqual([]);
  });

  it("makes noble forget whatever is no charger", async () => {
    const { adapter, clock, peripheral } = worker();
    adapter.hear(peripheral);
    adapter.hear(new ScriptedPeripheral("a phone", []));
    await clock.advance(seconds(31));
    expect([adapter.keep(peripheral.id), adapter.keep("a phone")]).toEqual([true, false]);
  });
});
