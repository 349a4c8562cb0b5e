import { millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { describe, expect, test } from "vitest";
import { CAMPING_LIMIT, type ChargerEvent, SimulatedCharger } from "./charger.ts";
import { bytesOf, CHIP, later, linked, NOW, START, signed, textOf } from "./conversation.ts";

const minutes = (n: number) => seconds(60 * n);
const FREE = "@OK|0|1000|2000|3000|4000&";

describe("POWERON", () => {
  test("supplies for the minutes, LED on, counts down rounded up, and ends", async () => {
    const { set, setClock, ports, charger, clock } = linked();
    setClock();
    expect(set("POWERON", "2", "2")).toBe("@OK|0&");
    expect(charger.view().ports[1]).toEqual({ port: 2, state: "running", minutesLeft: 2, led: "on" });
    await clock.advance(millis(1));
    expect(ports()).toBe("@OK|0|1000|2002|3000|4000&");
    await clock.advance(millis(59_999));
    expect(ports()).toBe("@OK|0|1000|2001|3000|4000&");
    charger.receive(bytesOf("@STA&"));
    await clock.advance(millis(59_999));
    expect(ports()).toBe("@OK|0|1000|2001|3000|4000&");
    await clock.advance(millis(1));
    expect(ports()).toBe(FREE);
    expect(charger.view().ports[1]).toEqual({ port: 2, state: "free", minutesLeft: 0, led: "off" });
  });

  test("the end is told without anybody asking", async () => {
    const { set, setClock, charger, clock } = linked();
    const events: ChargerEvent[] = [];
    setClock();
    set("POWERON", "2", "1");
    charger.onEvent((e) => events.push(e));
    await clock.advance(minutes(1));
    expect(events).toContainEqual({ kind: "port", port: 2, cause: "ran out", minutesLeft: 0 });
  });

  for (const [port, time, result] of [
    ["1", "1", 0],
    ["4", "360", 0],
    ["1", "0", 1],
    ["1", "361", 1],
    ["1", "999", 1],
    ["1", "", 1],
    ["1", "-1", 1],
    ["1", "1.5", 1],
    ["1", "1e2", 1],
    ["1", " 30", 1],
    ["0", "30", 1],
    ["5", "30", 1],
    ["", "30", 1],
    ["x", "30", 1],
  ] as const) {
    test(`port ${JSON.stringify(port)}, minutes ${JSON.stringify(time)} gets ${result}`, () => {
      const { set, setClock, ports } = linked();
      setClock();
      expect(set("POWERON", port, time)).toBe(`@OK|${result}&`);
      if (result === 1) expect(ports()).toBe(FREE);
    });
  }

  test("on a busy port is 1 and changes nothing", async () => {
    const { set, setClock, ports, clock } = linked();
    setClock();
    set("POWERON", "1", "30");
    await clock.advance(seconds(59));
    expect(set("POWERON", "1", "360")).toBe("@OK|1&");
    expect(ports()).toBe("@OK|0|1030|2000|3000|4000&");
  });

  test("on a damaged port is 1 and changes nothing", () => {
    const { set, setClock, ports, charger } = linked();
    setClock();
    charger.setDamaged(1, true);
    expect(set("POWERON", "1", "30")).toBe("@OK|1&");
    expect(ports()).toBe("@OK|0|1999|2000|3000|4000&");
  });
});

describe("POWEROFF and POWEROFFALL", () => {
  test("switch off one port, the others go on; a free port is off already", () => {
    const { set, setClock, ports, charger } = linked();
    setClock();
    set("POWERON", "1", "30");
    set("POWERON", "2", "60");
    expect(set("POWEROFF", "1")).toBe("@OK|0&");
    expect(ports()).toBe("@OK|0|1000|2060|3000|4000&");
    expect(charger.view().ports[0]?.led).toBe("off");
    expect(set("POWEROFF", "1")).toBe("@OK|0&");
  });

  test("on a damaged port, or one that does not exist, is 1", () => {
    const { set, setClock, charger } = linked();
    setClock();
    charger.setDamaged(3, true);
    expect(set("POWEROFF", "3")).toBe("@OK|1&");
    expect(set("POWEROFF", "5")).toBe("@OK|1&");
    expect(set("POWEROFF", "0")).toBe("@OK|1&");
  });

  test("all off leaves the damaged ones damaged", () => {
    const { set, setClock, ports, charger } = linked();
    setClock();
    charger.setDamaged(3, true);
    set("POWERON", "1", "30");
    set("POWERON", "4", "60");
    expect(set("POWEROFFALL")).toBe("@OK|0&");
    expect(ports()).toBe("@OK|0|1000|2000|3999|4000&");
  });
});

describe("damage", () => {
  test("ends a charge, shows 999, and what was left does not come back with the repair", () => {
    const { set, setClock, ports, charger } = linked();
    setClock();
    set("POWERON", "1", "30");
    charger.setDamaged(1, true);
    expect(ports()).toBe("@OK|0|1999|2000|3000|4000&");
    expect(charger.view().ports[0]).toEqual({ port: 1, state: "damaged", minutesLeft: 0, led: "off" });
    charger.setDamaged(1, false);
    expect(ports()).toBe(FREE);
    expect(set("POWERON", "1", "10")).toBe("@OK|0&");
  });

  test("a repair of a running port changes nothing", () => {
    const { set, setClock, ports, charger } = linked();
    setClock();
    set("POWERON", "1", "30");
    charger.setDamaged(1, false);
    charger.setDamaged(9, true);
    expect(ports()).toBe("@OK|0|1030|2000|3000|4000&");
  });
});

describe("power cut", () => {
  test("drops the link, everything is dark; remaining time stands still and goes on", async () => {
    const { set, setClock, ports, charger, clock } = linked();
    const drops: string[] = [];
    charger.onDrop((reason) => drops.push(reason));
    setClock();
    set("POWERON", "1", "30");
    charger.setDamaged(2, true);
    await clock.advance(seconds(30));
    charger.powerCut();
    expect(drops).toEqual(["power cut"]);
    expect(charger.view()).toMatchObject({
      powered: false,
      supplyLed: "off",
      clock: "unset",
      connected: false,
    });
    expect(charger.view().ports.map((p) => p.led)).toEqual(["off", "off", "off", "off"]);
    expect(charger.connected()).toBe(false);
    expect(charger.receive(bytesOf("@STA&"))).toEqual([]);
    await clock.advance(minutes(600));

    charger.powerUp();
    expect(charger.view().ports[0]).toEqual({ port: 1, state: "running", minutesLeft: 30, led: "on" });
    charger.connected();
    expect(ports()).toBe("@OK|0|1030|2999|3000|4000&");
    await clock.advance(seconds(30));
    expect(ports()).toBe("@OK|0|1029|2999|3000|4000&");
  });

  test("the clock is unset again and the replay memory empty", async () => {
    const { ask, charger, clock } = linked();
    expect(ask(signed("STIME", [NOW], NOW))).toBe("@OK|0&");
    charger.powerCut();
    await clock.advance(minutes(5));
    charger.powerUp();
    charger.connected();
    expect(ask("@QTIME&")).toBe("@OK|0|000101000000&");
    expect(ask(signed("POWEROFF", ["1"], NOW))).toBe("@OK|2&");
    expect(ask(signed("STIME", [NOW], NOW))).toBe("@OK|0&");
  });

  test("blinking ends with the power, and no timer is left behind", () => {
    const { ask, charger, clock, setClock, set } = linked();
    setClock();
    set("POWERON", "1", "30");
    ask("@LEDBLINK&");
    charger.powerCut();
    expect(clock.pending()).toEqual([]);
    charger.powerUp();
    expect(charger.view().ports.map((p) => p.led)).toEqual(["on", "off", "off", "off"]);
  });

  test("cut twice and back twice is cut and back once", async () => {
    const { charger, clock, setClock, set } = linked();
    setClock();
    set("POWERON", "1", "30");
    charger.powerCut();
    charger.powerCut();
    await clock.advance(minutes(10));
    charger.powerUp();
    charger.powerUp();
    await clock.advance(minutes(10));
    expect(charger.view().ports[0]?.minutesLeft).toBe(20);
  });

  test("a snapshot goes on in another charger, without the time between", async () => {
    const { set, setClock, charger, clock } = linked();
    setClock();
    set("POWERON", "1", "30");
    charger.setDamaged(4, true);
    await clock.advance(seconds(90));
    const saved = JSON.parse(JSON.stringify(charger.snapshot()));
    await clock.advance(minutes(10));
    const next = new SimulatedCharger({ chip: CHIP, clock, zone: "Asia/Shanghai", saved });
    expect(next.view().ports.map((p) => [p.state, p.minutesLeft])).toEqual([
      ["running", 29],
      ["free", 0],
      ["free", 0],
      ["damaged", 0],
    ]);
    expect(next.view().clock).toBe("unset");
    await clock.advance(minutes(28.5));
    expect(next.view().ports[0]?.state).toBe("free");
  });
});

describe("the link", () => {
  test("one central at a time", () => {
    const { charger } = linked();
    expect(charger.connected()).toBe(false);
    charger.disconnected();
    expect(charger.connected()).toBe(true);
  });

  test("without a central nothing is received", () => {
    const charger = new SimulatedCharger({ chip: CHIP, clock: new SimulatedClock(START), zone: "UTC" });
    expect(charger.receive(bytesOf("@STA&"))).toEqual([]);
  });

  test("half a frame is thrown away on disconnect", () => {
    const { charger, say } = linked();
    expect(say("@STA")).toEqual([]);
    charger.disconnected();
    charger.connected();
    expect(say("&")).toEqual([]);
    expect(say("@STA&")).toEqual([FREE]);
  });

  test("a central without a valid frame for 60 s is dropped, one that talks is not", async () => {
    const { charger, ask, say, clock } = linked();
    const drops: string[] = [];
    charger.onDrop((reason) => drops.push(reason));
    await clock.advance(millis(CAMPING_LIMIT - 1));
    ask("@STA&");
    await clock.advance(millis(CAMPING_LIMIT - 1));
    expect(drops).toEqual([]);
    // Neither noise nor an unknown command is a valid frame.
    say("hello");
    say("@HELLO&");
    await clock.advance(millis(1));
    expect(drops).toEqual(["camping"]);
    expect(charger.view().connected).toBe(false);
    expect(charger.connected()).toBe(true);
  });

  test("a link that was closed in time is not dropped afterwards", async () => {
    const { charger, clock } = linked();
    const drops: string[] = [];
    charger.onDrop((reason) => drops.push(reason));
    charger.disconnected();
    await clock.advance(minutes(5));
    expect(drops).toEqual([]);
  });

  test("a charge goes on without a central", async () => {
    const { charger, clock, setClock, set } = linked();
    setClock();
    set("POWERON", "1", "30");
    charger.disconnected();
    await clock.advance(minutes(29));
    expect(charger.view().ports[0]?.minutesLeft).toBe(1);
  });
});

describe("speed", () => {
  test("an hour of charging passes in a minute, the charger's clock and the deadlines do not", async () => {
    const { charger, clock, ask, setClock, set } = linked({ speed: 60 });
    setClock();
    set("POWERON", "1", "60");
    await clock.advance(seconds(30));
    expect(charger.view().ports[0]?.minutesLeft).toBe(30);
    expect(ask("@QTIME&")).toBe(`@OK|0|${later(NOW, 30)}&`);
    await clock.advance(seconds(30));
    expect(charger.view().ports[0]?.state).toBe("free");
    expect(charger.view().connected).toBe(true);
  });

  for (const speed of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`${speed} is refused`, () => expect(() => linked({ speed })).toThrow(RangeError));
  }
});

test("the view keeps the last frames, both ways, and no more", () => {
  const { ask, charger } = linked();
  for (let i = 0; i < 20; i++) ask("@STA&");
  ask("@QTIME&");
  const { frames } = charger.view();
  expect(frames).toHaveLength(10);
  expect(frames.slice(-2)).toEqual([
    { direction: "in", text: "@QTIME&" },
    { direction: "out", text: "@OK|0|000101000000&" },
  ]);
});

test("whatever bytes come, it answers or stays silent, and never throws", () => {
  const { charger, setClock } = linked();
  setClock();
  for (let seed = 1; seed < 400; seed++) {
    const noise = Uint8Array.from({ length: 64 }, (_, i) => ((seed * 7919 + i * 104_729) % 257) & 0xff);
    for (const reply of charger.receive(noise)) expect(textOf(reply)).toMatch(/^@OK\|[0-3]/);
  }
});
