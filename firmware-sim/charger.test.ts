import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { millis, seconds } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { jamCode } from "@bluepower/protocol/units";
import { describe, expect, test } from "vitest";
import { BLINK_TIME, CAMPING_LIMIT, type ChargerEvent, SimulatedCharger } from "./charger.ts";
import { bytesOf, CHIP, later, linked, NOW, START, signed, textOf } from "./conversation.ts";
import { REPLAY_MEMORY } from "./replayMemory.ts";

const minutes = (n: number) => seconds(60 * n);
const FREE = "@OK|0|1000|2000|3000|4000&";

describe("queries", () => {
  test("STA of a new charger says four free ports", () => {
    expect(linked().ports()).toBe(FREE);
  });

  test("QTIME before the clock is set answers its initial value, running from there", async () => {
    const { ask, clock } = linked();
    expect(ask("@QTIME&")).toBe("@OK|0|000101000000&");
    await clock.advance(seconds(40));
    ask("@STA&");
    await clock.advance(seconds(31));
    expect(ask("@QTIME&")).toBe("@OK|0|000101000111&");
  });

  test("LEDBLINK blinks every LED for a while and switches nothing", async () => {
    const { ask, charger, clock } = linked();
    const leds = () => charger.view().ports.map((p) => p.led);
    expect(ask("@LEDBLINK&")).toBe("@OK|0&");
    expect(leds()).toEqual(["blinking", "blinking", "blinking", "blinking"]);
    expect(charger.view().ports.every((p) => p.state === "free")).toBe(true);
    await clock.advance(BLINK_TIME);
    expect(leds()).toEqual(["off", "off", "off", "off"]);
  });

  test("queries need no set clock and no signature", () => {
    const { ask, charger } = linked();
    expect(charger.view().clock).toBe("unset");
    for (const frame of ["@QTIME&", "@STA&", "@LEDBLINK&"]) expect(ask(frame)).toMatch(/^@OK\|0/);
  });
});

describe("frames", () => {
  const unparsable = [
    ["an unknown command", "@REBOOT&"],
    ["an empty frame", "@&"],
    ["lower case", "@sta&"],
    ["a query with a parameter", "@STA|1&"],
    ["a set command with a field too few", "@POWERON|1|120|261122103000&"],
    ["a set command with a field too many", signed("POWERON", ["1", "120", "1"], NOW)],
    ["bytes that are no ASCII", "@\u00e4\u00ff&"],
  ] as const;
  for (const [what, frame] of unparsable) {
    test(`${what} with beginning and end is answered by 1`, () => {
      const { say, setClock, ports } = linked();
      setClock();
      expect(say(frame)).toEqual(["@OK|1&"]);
      expect(ports()).toBe(FREE);
    });
  }

  test("noise, a frame without an end and one over 128 bytes get silence, and the next frame its answer", () => {
    const { say } = linked();
    expect(say("AT+NAME?\r\n")).toEqual([]);
    expect(say("@STA")).toEqual([]);
    expect(say(`@${"A".repeat(200)}&`)).toEqual([]);
    expect(say("@STA&")).toEqual([FREE]);
  });

  test("two frames in one chunk get two answers in order; a frame byte by byte gets one", () => {
    const { say } = linked();
    expect(say("@QTIME&@STA&")).toEqual(["@OK|0|000101000000&", FREE]);
    expect([..."@STA&"].flatMap((byte) => say(byte))).toEqual([FREE]);
  });
});

describe("the order of checks: signature, timestamp, parameters and state", () => {
  test("the example of the protocol's document is carried out", () => {
    const { ask, setClock } = linked();
    setClock();
    const frame = "@POWERON|1|120|261122103000|7ea26be30659c3c7da2e1b98be196a45&";
    expect(ask(frame)).toBe("@OK|0&");
  });

  test("a wrong signature is 3 whatever else is wrong", () => {
    const { ask, setClock, ports } = linked();
    expect(ask(signed("POWERON", ["9", "999"], "nonsense", "WRONG1"))).toBe("@OK|3&");
    setClock();
    expect(ask(signed("POWERON", ["1", "120"], NOW, "WRONG1"))).toBe("@OK|3&");
    expect(ask("@POWERON|1|120|261122103000|&")).toBe("@OK|3&");
    expect(ports()).toBe(FREE);
  });

  test("upper-case hex of the right signature is taken", () => {
    const { ask, setClock } = linked();
    setClock();
    expect(ask("@POWERON|1|120|261122103000|7EA26BE30659C3C7DA2E1B98BE196A45&")).toBe("@OK|0&");
  });

  test("a jam code of its own replaces the derived one", () => {
    const { ask } = linked({ jamCode: jamCode("ZZZZZZ") });
    expect(ask(signed("STIME", [NOW], NOW))).toBe("@OK|3&");
    expect(ask(signed("STIME", [NOW], NOW, "ZZZZZZ"))).toBe("@OK|0&");
  });

  test("a wrong timestamp is 2 although port and minutes are wrong, too", () => {
    const { ask, setClock } = linked();
    setClock();
    expect(ask(signed("POWERON", ["9", "999"], later(NOW, 500)))).toBe("@OK|2&");
    expect(ask(signed("POWERON", ["9", "999"], NOW))).toBe("@OK|1&");
  });
});

describe("timestamps", () => {
  test("while the clock is unset every set command but STIME gets 2, also with the clock's own reading", () => {
    const { ask, ports, charger } = linked();
    for (const timestamp of [NOW, "000101000000"]) {
      expect(ask(signed("POWERON", ["1", "120"], timestamp))).toBe("@OK|2&");
      expect(ask(signed("POWEROFF", ["1"], timestamp))).toBe("@OK|2&");
      expect(ask(signed("POWEROFFALL", [], timestamp))).toBe("@OK|2&");
    }
    expect(ports()).toBe(FREE);
    expect(charger.view().clock).toBe("unset");
  });

  for (const [off, result] of [
    [120, 0],
    [-120, 0],
    [121, 2],
    [-121, 2],
  ] as const) {
    test(`${off} s from the charger's clock gets ${result}`, () => {
      const { ask, setClock } = linked();
      setClock();
      expect(ask(signed("POWERON", ["1", "120"], later(NOW, off)))).toBe(`@OK|${result}&`);
    });
  }

  for (const wrong of ["", "26112210300", "261322103000", "260230103000", "26112210300x", "1795314600"]) {
    test(`${JSON.stringify(wrong)} is no timestamp: 2`, () => {
      const { ask, setClock } = linked();
      setClock();
      expect(ask(signed("POWERON", ["1", "120"], wrong))).toBe("@OK|2&");
    });
  }

  test("the same bytes twice are 2 the second time, in upper case too; a retry with a new timestamp is not", () => {
    const { ask, setClock, ports } = linked();
    setClock();
    const off = signed("POWEROFF", ["1"], NOW);
    expect(ask(off)).toBe("@OK|0&");
    expect(ask(signed("POWERON", ["1", "120"], NOW))).toBe("@OK|0&");
    expect(ask(off)).toBe("@OK|2&");
    const signature = /[0-9a-f]{32}/.exec(off)?.[0] ?? "";
    expect(ask(off.replace(signature, signature.toUpperCase()))).toBe("@OK|2&");
    expect(ports()).toBe("@OK|0|1120|2000|3000|4000&");
    expect(ask(signed("POWEROFF", ["1"], later(NOW, 1)))).toBe("@OK|0&");
  });

  test("a command that the port refused cannot be repeated when the port is free", () => {
    const { ask, setClock, ports } = linked();
    setClock();
    expect(ask(signed("POWERON", ["1", "60"], NOW))).toBe("@OK|0&");
    const refused = signed("POWERON", ["1", "120"], NOW);
    expect(ask(refused)).toBe("@OK|1&");
    expect(ask(signed("POWEROFF", ["1"], NOW))).toBe("@OK|0&");
    expect(ask(refused)).toBe("@OK|2&");
    expect(ports()).toBe(FREE);
  });

  test("a command that came while the clock was unset is not used up by that", () => {
    const { ask, setClock } = linked();
    const frame = signed("POWERON", ["1", "120"], NOW);
    expect(ask(frame)).toBe("@OK|2&");
    setClock();
    expect(ask(frame)).toBe("@OK|0&");
  });

  test("two different commands within one second are both fine", () => {
    const { ask, setClock } = linked();
    setClock();
    expect(ask(signed("POWERON", ["1", "120"], NOW))).toBe("@OK|0&");
    expect(ask(signed("POWERON", ["2", "120"], NOW))).toBe("@OK|0&");
  });

  test("the last 256 accepted signatures are remembered, and no more", () => {
    const { ask, setClock } = linked();
    setClock();
    const nth = (n: number): string =>
      signed("POWEROFF", [String(1 + (n % 4))], later(NOW, -100 + Math.floor(n / 4)));
    // STIME holds one place itself.
    for (let n = 0; n < REPLAY_MEMORY - 1; n++) expect(ask(nth(n))).toBe("@OK|0&");
    expect(ask(nth(0))).toBe("@OK|2&");
    ask(nth(REPLAY_MEMORY));
    ask(nth(REPLAY_MEMORY + 1));
    expect(ask(nth(1))).toBe("@OK|2&");
    expect(ask(nth(0))).toBe("@OK|0&");
  });

  test("refused signatures take no place in the memory", () => {
    const { ask, setClock } = linked();
    setClock();
    const first = signed("POWEROFF", ["1"], NOW);
    expect(ask(first)).toBe("@OK|0&");
    for (let n = 0; n < 2 * REPLAY_MEMORY; n++) {
      expect(ask(signed("POWEROFF", ["1"], later(NOW, 500 + n)))).toBe("@OK|2&");
    }
    expect(ask(first)).toBe("@OK|2&");
  });

  test("a profile with UNIX timestamps is judged in the site's zone", () => {
    const one = chargerProfile(1);
    if (one === undefined) throw new Error("no profile 1");
    const { ask } = linked({ profile: { ...one, timestamp: "unix" } });
    const unix = START / 1000;
    expect(ask(signed("STIME", [NOW], NOW))).toBe("@OK|2&");
    expect(ask(signed("STIME", [NOW], String(unix)))).toBe("@OK|0&");
    expect(ask(signed("POWERON", ["1", "120"], String(unix + 120)))).toBe("@OK|0&");
    expect(ask(signed("POWERON", ["2", "120"], String(unix + 121)))).toBe("@OK|2&");
    expect(ask(signed("POWERON", ["2", "120"], String(unix - 8 * 3600)))).toBe("@OK|2&");
  });
});

describe("STIME", () => {
  test("sets the clock, which then runs", async () => {
    const { ask, charger, clock } = linked();
    expect(ask(signed("STIME", [NOW], NOW))).toBe("@OK|0&");
    expect(charger.view().clock).toBe(NOW);
    await clock.advance(seconds(59));
    expect(ask("@QTIME&")).toBe("@OK|0|261122103059&");
  });

  test("may move the clock either way, however far: a wrong STIME never locks the charger", () => {
    const { ask } = linked();
    for (const time of ["991231235959", "000101000000", "300228120000", NOW]) {
      expect(ask(signed("STIME", [time], time))).toBe("@OK|0&");
      expect(ask("@QTIME&")).toBe(`@OK|0|${time}&`);
    }
    expect(ask(signed("POWERON", ["1", "120"], NOW))).toBe("@OK|0&");
  });

  test("timestamp and parameter are within 120 s of each other, else 2 and the clock stays", () => {
    const { ask, charger } = linked();
    expect(ask(signed("STIME", [NOW], later(NOW, 121)))).toBe("@OK|2&");
    expect(ask(signed("STIME", [NOW], later(NOW, -121)))).toBe("@OK|2&");
    expect(charger.view().clock).toBe("unset");
    expect(ask(signed("STIME", [NOW], later(NOW, 120)))).toBe("@OK|0&");
    expect(ask(signed("STIME", [NOW], later(NOW, -120)))).toBe("@OK|0&");
  });

  test("a replayed STIME is 2", () => {
    const { ask, charger } = linked();
    const old = signed("STIME", [NOW], NOW);
    expect(ask(old)).toBe("@OK|0&");
    expect(ask(signed("STIME", [later(NOW, 3600)], later(NOW, 3600)))).toBe("@OK|0&");
    expect(ask(old)).toBe("@OK|2&");
    expect(charger.view().clock).toBe(later(NOW, 3600));
  });

  test("a parameter that is no time is 1", () => {
    const { ask, charger } = linked();
    expect(ask(signed("STIME", ["261322103000"], NOW))).toBe("@OK|1&");
    expect(charger.view().clock).toBe("unset");
  });

  test("never changes remaining minutes", async () => {
    const { ask, set, setClock, ports, clock } = linked();
    setClock();
    set("POWERON", "1", "120");
    await clock.advance(seconds(30));
    for (const time of [later(NOW, 86_400), later(NOW, -86_400)]) {
      expect(ask(signed("STIME", [time], time))).toBe("@OK|0&");
      expect(ports()).toBe("@OK|0|1120|2000|3000|4000&");
    }
  });

  test("the machine's wall time does not matter", () => {
    const { clock, setClock, set, ports } = linked();
    setClock();
    set("POWERON", "1", "120");
    clock.jump(millis(86_400_000));
    expect(ports()).toBe("@OK|0|1120|2000|3000|4000&");
    expect(set("POWEROFF", "1")).toBe("@OK|0&");
  });
});

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
