import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Plant, planted, titleParts } from "./plant.ts";
import { plants } from "./plants.ts";
import { type Report, verdict } from "./testRun.ts";
import { theTen } from "./theTen.ts";

/** Cheap, so that the table does not rot between two runs of `npm run planted`. */
describe("the table of planted mistakes", () => {
  const text = (file: string): string => readFileSync(file, "utf8");

  test.each(plants.map((p) => [p.name, p] as const))(
    "%s: can be planted, and its test exists",
    (_, plant) => {
      const before = text(plant.file);
      expect(planted(plant, before)).not.toBe(before);
      const { file, titles = file } = plant.caught;
      const said = text(file) + text(titles);
      for (const part of titleParts(plant)) expect(said).toContain(part);
      expect((plant.elsewhere ?? []).filter((other) => !existsSync(other))).toEqual([]);
    },
  );

  test("has each mistake once, and the ten that must never get in", () => {
    expect(new Set(plants.map((p) => p.name)).size).toBe(plants.length);
    expect(theTen.map((p) => p.name)).toEqual([
      "acknowledgement before the commit",
      "cursor outside the transaction",
      "missing deadline check",
      "slot not freed",
      "signature compared only by prefix",
      "owner not checked",
      "retry of a POWERON without STA",
      "notification not compared with the order",
      "hold not given back",
      "outbox row deleted before the ack",
    ]);
  });
});

describe("a plant", () => {
  const plant: Plant = {
    ...{ name: "p", file: "a.ts", find: "one", plant: "$& two" },
    ...{ caught: { file: "a.test.ts", test: "counts > to two" } },
  };

  test("stands where its text was, as it is written; a text that is not there, or twice, is an error", () => {
    expect(planted(plant, "as one")).toBe("as $& two");
    for (const wrong of ["two", "one and one"])
      expect(() => planted(plant, wrong)).toThrow(/found [02] times/);
  });

  const report = (fullName: string, status: string, message = ""): Report => ({
    testResults: [
      {
        name: "/tmp/x/a.test.ts",
        message,
        assertionResults:
          fullName === "" ? [] : [{ fullName, status, failureMessages: ["expected 1\nat line"] }],
      },
    ],
  });
  test.each([
    ["the named test failed", report("counts up to two", "failed"), { kind: "failed", line: "expected 1" }],
    ["the named test passed", report("counts up to two", "passed"), { kind: "passed" }],
    ["another test failed", report("counts up to three", "failed"), { kind: "not_run" }],
    ["the named test was left out", report("counts up to two", "skipped"), { kind: "not_run" }],
    ["the file did not load", report("", "", "SyntaxError: x\n"), { kind: "not_run", why: "SyntaxError: x" }],
    ["the run did not end", undefined, { kind: "not_run", why: "the run did not end" }],
  ])("is caught by its named test alone: %s", (_, given, said) => {
    expect(verdict(given, plant)).toMatchObject(said);
  });
});
