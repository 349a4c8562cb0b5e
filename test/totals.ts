import type { Reporter, TestModule } from "vitest/node";

/**
 * The closing line of a run: how many tests passed, failed and were skipped. A test that passed only when it was
 * tried again has failed: what it proves does not hold every time. Where everything that a test can need is installed
 * (`REQUIRE=all`, as CI sets it), a skipped test is a failure.
 */
export default class Totals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skipped: string[] = [];
    const retried: string[] = [];
    for (const module of modules) {
      let ran = 0;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "pending") continue;
        const again = (test.diagnostic()?.retryCount ?? 0) > 0;
        counts[again ? "failed" : state] += 1;
        ran += 1;
        const name = `${module.relativeModuleId}: ${test.fullName}`;
        if (again) retried.push(name);
        if (state === "skipped") skipped.push(name);
      }
      // A file that does not load has no tests, but is a failure all the same.
      if (ran === 0 || module.errors().length > 0) counts.failed += 1;
    }
    refuse("Tried more than once, which is a failure:", retried);
    if (process.env.REQUIRE === "all") refuse("Skipped, which REQUIRE=all makes a failure:", skipped);
    console.log(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}

function refuse(what: string, tests: readonly string[]): void {
  if (tests.length === 0) return;
  console.log(`\n${what}\n  ${tests.join("\n  ")}`);
  process.exitCode = 1;
}
