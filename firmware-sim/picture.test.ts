import { describe, expect, test } from "vitest";
import { bytesOf, linked } from "./conversation.ts";
import { clip, picture } from "./picture.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins every colour
const plain = (lines: string[]): string[] => lines.map((l) => l.replace(/\x1b\[[0-9;]*m/g, ""));
const widthOf = (line: string): number =>
  [...line].reduce((w, c) => w + (/[\u2e80-\uffe6]/.test(c) ? 2 : 1), 0);

function drawn(size: { columns: number; rows: number }): string[] {
  const { charger, setClock, set, ask } = linked();
  setClock();
  set("POWERON", "2", "45");
  charger.setDamaged(3, true);
  ask("@STA&");
  charger.receive(bytesOf("@\x1b[2J\u00ff&"));
  const view = charger.view();
  return picture(
    {
      name: "BUC_A1B2C3D4E5F6",
      speed: 60,
      view,
      radio: "02:b0:c0:00:00:00",
      control: undefined,
      faults: [],
      phase: true,
    },
    size,
  );
}

describe("the picture", () => {
  test("shows ports, LEDs, clock, link, frames and keys", () => {
    const text = plain(drawn({ columns: 100, rows: 30 })).join("\n");
    expect(text).toMatch(/USB 1 端口 {2}○ {2}free/);
    expect(text).toMatch(/USB 2 端口 {2}● {3}45 min left/);
    expect(text).toMatch(/USB 3 端口 {2}○ {2}damaged/);
    expect(text).toContain("2026-11-22 10:30:00   countdown ×60");
    expect(text).toContain("connected 已连接");
    expect(text).toContain("▶ @STA&");
    expect(text).toContain("◀ @OK|0|1000|2045|3999|4000&");
    expect(text).toContain("q quit");
  });

  test("what a central sends cannot command the terminal", () => {
    expect(drawn({ columns: 100, rows: 30 }).join("\n")).not.toContain("\x1b[2J");
  });

  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 40, rows: 12 },
    { columns: 20, rows: 5 },
  ]) {
    test(`keeps to ${size.columns}×${size.rows}, the keys last`, () => {
      const lines = plain(drawn(size));
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(size.columns);
      expect(lines.at(-1)).toContain("q quit");
    });
  }
});

test("a line is cut by columns: Chinese takes two, colours none", () => {
  expect(plain([clip("\x1b[32m端口端口\x1b[0m", 5)])).toEqual(["端口"]);
  expect(plain([clip("abc", 3)])).toEqual(["abc"]);
});
