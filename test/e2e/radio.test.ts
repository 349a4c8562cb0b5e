import { seconds } from "@bluepower/protocol/clock";
import { minutes, portNo } from "@bluepower/protocol/units";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Bench, chipOf, radioBench, requests } from "./radioBench.ts";

/** The gateway's radio on the real noble against chargers on the real bleno, in real time: links. */

const ok = { kind: "done", value: { kind: "ok" } };
/** Opcodes of the Attribute Protocol, by what noble does with them. */
const STEPS = [
  { step: "the discovery of services", opcode: 0x10, direction: "received" },
  { step: "the discovery of characteristics", opcode: 0x08, direction: "received" },
  { step: "the subscription", opcode: 0x12, direction: "received" },
  { step: "a write", opcode: 0x52, direction: "received" },
  { step: "a notification", opcode: 0x1b, direction: "sent" },
] as const;

describe("one charger", () => {
  let bench: Bench;
  const { use, served } = requests(() => bench);
  beforeAll(async () => {
    bench = await radioBench({ assigned: 1 });
    await bench.charger(1);
  });
  afterEach(() => bench.fault({ kind: "heal" }));
  afterAll(async () => {
    // None of this was a reason to give up the adapter.
    expect(bench.workers).toHaveLength(1);
    await bench.stop();
  });

  it("is heard, linked, its clock set, a port switched on and off", async () => {
    expect(await use(1, (s) => s.powerOn(portNo(2), minutes(120)))).toMatchObject(ok);
    const view = await bench.view(1);
    expect(view.ports.map((p) => p.state)).toEqual(["free", "running", "free", "free"]);
    expect(view.clock).not.toBe("unset");
    expect(await use(1, (s) => s.ports())).toMatchObject({
      value: { value: [{}, { port: 2, state: "running", minutesLeft: 120 }, {}, {}] },
    });
    expect(await use(1, (s) => s.powerOff(portNo(2)))).toMatchObject(ok);
  });

  for (const { step, opcode, direction } of STEPS) {
    it(`drops the link in ${step}: it is made again, and the command carried out`, async () => {
      await served(1);
      const drop = (): void => bench.fault({ kind: "drop-link", name: chipOf(1), how: "now" });
      let times = 1;
      const rule = {
        direction,
        action: { kind: "drop" as const },
        times: 1,
        matches: (l2cap: Uint8Array) => {
          if (l2cap[4] !== opcode || times-- <= 0) return false;
          setImmediate(drop);
          return true;
        },
      };
      bench.air.find(chipOf(1))?.linkRules.push(rule);
      if (opcode !== 0x52 && opcode !== 0x1b) drop();
      else expect(await use(1, (s) => s.blink())).toMatchObject({ value: { kind: "closed" } });
      await served(1);
      expect(times).toBe(0);
    });
  }

  it("loses a link as soon as it is made, twice: the third one serves", async () => {
    await served(1);
    bench.fault({ kind: "fail-establish", name: chipOf(1), times: 2 });
    bench.fault({ kind: "drop-link", name: chipOf(1), how: "now" });
    await served(1);
  });

  it("gets a write that never arrives: no_reply after 3 s, a new link, and the late answer of nobody", async () => {
    await served(1);
    bench.fault({ kind: "drop-write", name: chipOf(1), times: 1 });
    expect(await use(1, (s) => s.blink())).toEqual({ kind: "done", value: { kind: "no_reply" } });
    await served(1);
  });

  it("answers nothing while it is discovered: the link is given up after 5 s and made again", async () => {
    await served(1);
    bench.air.find(chipOf(1))?.linkRules.push({
      direction: "received",
      action: { kind: "drop" },
      times: 1,
      matches: (l2cap) => l2cap[4] === 0x10,
    });
    bench.fault({ kind: "drop-link", name: chipOf(1), how: "now" });
    await served(1);
    expect(bench.log).toContainEqual(
      expect.objectContaining({ problem: "discover: discover: no answer within 5 s" }),
    );
  });
});

describe("odd modules", () => {
  let bench: Bench;
  const { use } = requests(() => bench);
  beforeAll(async () => {
    bench = await radioBench({ assigned: 3 });
    await Promise.all([
      bench.charger(1, "--mtu", "23"),
      bench.charger(2, "--bytewise"),
      bench.charger(3, "--foreign"),
    ]);
  });
  afterAll(() => bench.stop());

  it("one with the smallest MTU gets a POWERON of 66 bytes", async () => {
    expect(await use(1, (s) => s.powerOn(portNo(1), minutes(360)))).toMatchObject(ok);
    expect((await bench.view(1)).ports[0]?.state).toBe("running");
  });

  it("one that sends each byte by itself is understood", async () => {
    expect(await use(2, (s) => s.powerOn(portNo(4), minutes(30)))).toMatchObject(ok);
  });

  it("one without the profile's characteristics is refused in words", async () => {
    const outcome = await use(3, (s) => s.blink(), seconds(3));
    expect(outcome).toMatchObject({ kind: "unreachable", detail: /has no characteristics ffe1 and ffe2/ });
  });
});

describe("a real connection interval", () => {
  let bench: Bench;
  const { use } = requests(() => bench);
  beforeAll(async () => {
    bench = await radioBench({ assigned: 1, timing: "interval" });
    await bench.charger(1);
  });
  afterAll(() => bench.stop());

  it("leaves time enough for every step", async () => {
    expect(await use(1, (s) => s.powerOn(portNo(3), minutes(30)))).toMatchObject(ok);
    expect((await bench.view(1)).ports[2]?.state).toBe("running");
    expect(bench.workers).toHaveLength(1);
  });
});
