import { expect, test } from "vitest";
import { isPlainText } from "./plainText.ts";

test.each([
  "张三",
  "买买提·艾力",
  "ئالىم",
  "Zoë",
  "e\u0301",
  "3号楼 A-101",
  "充电❤️",
  "👍",
  "a".repeat(32),
  "👍".repeat(32),
])("%j is a name", (text) => expect(isPlainText(text, 32)).toBe(true));

test.each([
  ["nothing", ""],
  ["blanks", " \u3000\u00a0"],
  ["a zero-width space", "\u200b"],
  ["a zero-width space within", "张\u200b三"],
  ["a joiner", "张\u200d三"],
  ["a soft hyphen", "张\u00ad三"],
  ["a word joiner", "\u2060张三"],
  ["a turned direction", "\u202e三张"],
  ["an isolate", "\u2066张\u2069"],
  ["a mark of direction", "张\u200f"],
  ["a byte-order mark within", "张\ufeff三"],
  ["Hangul fillers", "\u3164\u115f\u1160\uffa0"],
  ["an empty Braille cell", "\u2800"],
  ["variation selectors", "\ufe0f\u{e0100}"],
  ["an accent on nothing", "\u0301"],
  ["a tag", "a\u{e0041}"],
  ["a line end", "a\nb"],
  ["a separator of paragraphs", "a\u2029b"],
  ["a half of a character", "a\ud800"],
  ["one too many", "一".repeat(33)],
])("%s is no name", (_, text) => expect(isPlainText(text, 32)).toBe(false));
