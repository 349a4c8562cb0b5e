import type { Reporter, TestModule } from "vitest/node";

/**
 * The closing line of a run: how many tests passed, failed and were skipped. Where everything that a test can
 * need is installed (`REQUIRE=all`, as CI sets it), a skipped test is a failure.
 */
export default class Totals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      let ran = 0;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "pending") continue;
        counts[state] += 1;
        ran += 1;
        if (state === "skipped") skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
      // A file that does not load has no tests, but is a failure all the same.
      if (ran === 0 || module.errors().length > 0) counts.failed += 1;
    }
    if (process.env.REQUIRE === "all" && skipped.length > 0) {
      console.log(`\nSkipped, which REQUIRE=all makes a failure:\n  ${skipped.join("\n  ")}`);
      process.exitCode = 1;
    }
    console.log(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
