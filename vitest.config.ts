import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/longestFirst.ts";

/** What touches no noble, no bleno and no program of its own: these files may follow each other in one process. */
const SHARED = ["cloud", "gateway", "protocol", "test/sandbox", "test/conformance"].map(
  (folder) => `${folder}/**/*.test.ts`,
);
const NEVER = ["node_modules/**", "dist/**"];

export default defineConfig({
  test: {
    pool: "forks",
    // More than cores: the long files wait for the air and for other programs, not for the processor.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/totals.ts"],
    projects: [
      // Loading the same modules for each file anew costs more than running its tests.
      { extends: true, test: { name: "shared", include: SHARED, exclude: NEVER, isolate: false } },
      // noble and bleno keep state in their modules: every test file has a process of its own.
      {
        extends: true,
        test: { name: "apart", include: ["**/*.test.ts"], exclude: [...NEVER, ...SHARED] },
      },
    ],
  },
});
