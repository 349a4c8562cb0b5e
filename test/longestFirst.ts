import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Whole programs in real time: they wait for most of their time. */
const REAL_TIME = /^(test\/(kill|e2e|demo|third-party|sim|soak)\/|firmware-sim\/main)/;

/** What runs in real time begins first and the rest fills its pauses: the run does not end with one long file alone. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const waits = (file: TestSpecification): boolean =>
      REAL_TIME.test(relative(this.ctx.config.root, file.moduleId));
    const kills = (file: TestSpecification): boolean => /\/test\/kill\//.test(file.moduleId);
    const first = sorted.filter(waits).toSorted((a, b) => Number(kills(b)) - Number(kills(a)));
    return [...first, ...sorted.filter((file) => !waits(file))];
  }
}
