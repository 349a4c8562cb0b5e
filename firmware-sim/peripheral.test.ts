import { millis } from "@bluepower/protocol/clock";
import { SimulatedClock } from "@bluepower/protocol/simulatedClock";
import { describe, expect, test } from "vitest";
import { bytesOf, START, textOf } from "./conversation.ts";
import { advertisement } from "./peripheral.ts";
import { REPLIES_MAX, ReplyQueue } from "./replyQueue.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("advertising", () => {
  test("flags, name and a 16-bit UUID share one packet of 31 bytes at most", () => {
    const { data, scanResponse } = advertisement("BUC_A1B2C3D4E5F6", "ffe0");
    expect(hex(data)).toBe(`020106${"1109"}${Buffer.from("BUC_A1B2C3D4E5F6").toString("hex")}0303e0ff`);
    expect(data.length).toBeLessThanOrEqual(31);
    expect(scanResponse).toHaveLength(0);
  });

  test("a 128-bit UUID goes into the scan response", () => {
    const { data, scanResponse } = advertisement("BUC_A1B2C3D4E5F6", "6e400001b5a3f393e0a9e50e24dcca9e");
    expect(data).toHaveLength(21);
    expect(hex(scanResponse)).toBe("11079ecadc240ee5a9e093f3a3b50100406e");
  });
});

describe("replies that are held back", () => {
  const setUp = () => {
    const clock = new SimulatedClock(START);
    const sent: string[] = [];
    const queue = new ReplyQueue({ clock, send: (bytes) => sent.push(textOf(bytes)) });
    const push = (text: string, delay = 0) => queue.push({ bytes: bytesOf(text), delay: millis(delay) });
    return { clock, sent, queue, push };
  };

  test("one without delay goes at once, one behind a late one waits for it", async () => {
    const { clock, sent, push } = setUp();
    push("a");
    push("b", 1000);
    push("c");
    expect(sent).toEqual(["a"]);
    await clock.advance(millis(999));
    expect(sent).toEqual(["a"]);
    await clock.advance(millis(1));
    expect(sent).toEqual(["a", "b", "c"]);
  });

  test("what waits when the link goes is lost, and nothing of it comes on the next link", async () => {
    const { clock, sent, queue, push } = setUp();
    push("old", 1000);
    queue.clear();
    push("new", 2000);
    await clock.advance(millis(1500));
    expect(sent).toEqual([]);
    await clock.advance(millis(500));
    expect(sent).toEqual(["new"]);
  });

  test("over the bound the newest is lost", async () => {
    const { clock, sent, push } = setUp();
    for (let i = 0; i < REPLIES_MAX + 5; i++) push(String(i), 10);
    await clock.advance(millis(1000));
    expect(sent).toHaveLength(REPLIES_MAX);
    expect(sent.at(-1)).toBe(String(REPLIES_MAX - 1));
  });
});
