import { seconds } from "@bluepower/protocol/clock";
import { describe, expect, test } from "vitest";
import { bytesOf, linked, NOW, signed, textOf } from "./conversation.ts";
import { FaultyCharger, POWER_CUT_DEFAULT, readFault, SILENT_DEFAULT } from "./faults.ts";

const setUp = () => {
  const { charger, clock, setClock } = linked();
  setClock();
  let drops = 0;
  const faulty = new FaultyCharger({ charger, clock, dropLink: () => drops++ });
  const say = (text: string) => faulty.receive(bytesOf(text)).map((r) => textOf(r.bytes));
  const fault = (body: unknown): void => {
    const read = readFault(body, 4);
    if ("problem" in read) throw new Error(read.problem);
    faulty.apply(read);
  };
  return { charger, clock, faulty, say, fault, drops: () => drops };
};

test("a fault without details takes the defaults", () => {
  expect(readFault({ kind: "power-cut" }, 4)).toEqual({ kind: "power-cut", ms: POWER_CUT_DEFAULT });
  expect(readFault({ kind: "lose-reply" }, 4)).toEqual({ kind: "lose-reply", times: 1 });
  expect(readFault({ kind: "delay", ms: 10 }, 4)).toEqual({ kind: "delay", ms: 10, times: 1 });
  expect(readFault({ kind: "silent" }, 4)).toMatchObject({ kind: "silent", ms: SILENT_DEFAULT });
});

describe("silent", () => {
  test("for a time", async () => {
    const { clock, fault, say } = setUp();
    fault({ kind: "silent", ms: 5000 });
    expect(say("@STA&")).toEqual([]);
    await clock.advance(seconds(5));
    expect(say("@STA&")).toHaveLength(1);
  });

  test("for a number of frames in one chunk, nothing of which is carried out", () => {
    const { charger, fault, say } = setUp();
    fault({ kind: "silent", times: 2 });
    expect(say(`${signed("POWERON", ["1", "30"], NOW)}@STA&@STA&`)).toEqual(["@OK|0|1000|2000|3000|4000&"]);
    expect(charger.view().ports[0]?.state).toBe("free");
  });

  test("ends with times 0", () => {
    const { faulty, fault, say } = setUp();
    fault({ kind: "silent" });
    expect(faulty.pending()).toEqual(["silent"]);
    fault({ kind: "silent", times: 0 });
    expect(faulty.pending()).toEqual([]);
    expect(say("@STA&")).toHaveLength(1);
  });

  test("hides a hanging charger from nobody: the camping limit still counts", async () => {
    const { charger, clock, fault, say } = setUp();
    fault({ kind: "silent", ms: 300_000 });
    await clock.advance(seconds(30));
    say("@STA&");
    await clock.advance(seconds(30));
    expect(charger.view().connected).toBe(false);
  });
});

test("lose-reply swallows answers of set commands only, as often as it was told", () => {
  const { charger, faulty, fault, say } = setUp();
  fault({ kind: "lose-reply", times: 2 });
  expect(say("@STA&")).toHaveLength(1);
  expect(say(signed("POWERON", ["1", "30"], NOW))).toEqual([]);
  expect(faulty.pending()).toEqual(["lose-reply ×1"]);
  expect(say(signed("POWERON", ["2", "30"], NOW))).toEqual([]);
  expect(say(signed("POWERON", ["3", "30"], NOW))).toEqual(["@OK|0&"]);
  expect(charger.view().ports.map((p) => p.state)).toEqual(["running", "running", "running", "free"]);
});

test("a power cut ends by itself; a second one begins its time anew; the key's lasts until the key", async () => {
  const { charger, clock, faulty, fault } = setUp();
  const powered = () => charger.view().powered;
  fault({ kind: "power-cut", ms: 2000 });
  await clock.advance(seconds(1));
  fault({ kind: "power-cut", ms: 2000 });
  await clock.advance(seconds(1.5));
  expect(powered()).toBe(false);
  await clock.advance(seconds(0.5));
  expect(powered()).toBe(true);

  fault({ kind: "power-cut", ms: 2000 });
  faulty.togglePower();
  expect(powered()).toBe(true);
  faulty.togglePower();
  await clock.advance(seconds(3600));
  expect(powered()).toBe(false);
});

test("drop-link asks for the drop and leaves the charger's ports alone", () => {
  const { charger, fault, drops } = setUp();
  fault({ kind: "drop-link", port: 1, ms: 5, times: 2 });
  expect(drops()).toBe(1);
  expect(charger.view().ports.every((p) => p.state === "free")).toBe(true);
});
