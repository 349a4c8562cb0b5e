import { chargerProfile } from "@bluepower/protocol/charger/profiles";
import { millis, seconds } from "@bluepower/protocol/clock";
import { jamCode } from "@bluepower/protocol/units";
import { describe, expect, test } from "vitest";
import { BLINK_TIME } from "./charger.ts";
import { later, linked, NOW, START, signed } from "./conversation.ts";

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
    for (let n = 0; n < 256 - 1; n++) expect(ask(nth(n))).toBe("@OK|0&");
    expect(ask(nth(0))).toBe("@OK|2&");
    ask(nth(256));
    ask(nth(256 + 1));
    expect(ask(nth(1))).toBe("@OK|2&");
    expect(ask(nth(0))).toBe("@OK|0&");
  });

  test("refused signatures take no place in the memory", () => {
    const { ask, setClock } = linked();
    setClock();
    const first = signed("POWEROFF", ["1"], NOW);
    expect(ask(first)).toBe("@OK|0&");
    for (let n = 0; n < 2 * 256; n++) {
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
