import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** A run of vitest with our closing line, over one file of tests. */
function run(tests: string, options: { arguments?: string[]; require?: string } = {}) {
  const root = mkdtempSync(join(tmpdir(), "bluepower-totals-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, "some.test.ts"), tests);
  const program = resolve(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
  const reporter = ["--reporter", join(import.meta.dirname, "totals.ts")];
  const { status, stdout } = spawnSync(
    process.execPath,
    [program, "run", "--root", root, "--globals", ...reporter, ...(options.arguments ?? [])],
    {
      encoding: "utf8",
      env: { PATH: process.env.PATH, ...(options.require && { REQUIRE: options.require }) },
    },
  );
  return { status, said: stdout };
}

const FLAKY = `
  const tries = {};
  const atTheSecond = (what) => () => expect((tries[what] = (tries[what] ?? 0) + 1)).toBe(2);
  test("by its own option", { retry: 3 }, atTheSecond("own"));
  describe("by the group's", { retry: 1 }, () => test("option", atTheSecond("group")));
  test("by the command line", atTheSecond("line"));
  test("at once", () => {});
  test.runIf(false)("not here", () => {});
`;

test("a test that passes at its second try is a failure, whoever asked for the try", () => {
  const { status, said } = run(FLAKY, { arguments: ["--retry", "1"] });
  expect(said).toContain(
    [
      "Tried more than once, which is a failure:",
      "  some.test.ts: by its own option",
      "  some.test.ts: by the group's > option",
      "  some.test.ts: by the command line",
      "",
      "tests: 1 passed, 3 failed, 1 skipped",
    ].join("\n"),
  );
  expect(status).toBe(1);
});

test("a skipped test is a failure where everything is installed", () => {
  const { status, said } = run(`test("at once", () => {}); test.runIf(false)("not here", () => {});`, {
    require: "all",
  });
  expect(said).toContain(
    "Skipped, which REQUIRE=all makes a failure:\n  some.test.ts: not here\n\ntests: 1 passed, 0 failed, 1 skipped",
  );
  expect(status).toBe(1);
});
