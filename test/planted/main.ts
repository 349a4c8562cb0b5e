import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Plant, planted } from "./plant.ts";
import { plants } from "./plants.ts";
import { runTests, type Verdict, verdict } from "./testRun.ts";
import { theTen } from "./theTen.ts";
import { copyTree } from "./treeCopy.ts";

/**
 * `npm run planted` writes one mistake after another into a copy of the tree and demands that the test which is named for it
 * fails, and passes without it. With a word it tries the plants whose name has it, with `--ten` the ten that must never get in.
 * Ends with 1 when one is not caught.
 */
const [word = ""] = process.argv.slice(2);
const chosen = word === "--ten" ? theTen : plants.filter((p) => p.name.includes(word));
if (chosen.length === 0) {
  console.error(`no plant has ${JSON.stringify(word)} in its name`);
  process.exit(2);
}

/** Starting a runner is most of the work, and waits a good deal. */
const LANES = Math.min(4, availableParallelism());

const copies = new Set<string>();
process.once("exit", () => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

async function inCopy<T>(work: (copy: string) => Promise<T>): Promise<T> {
  const copy = copyTree(process.cwd());
  copies.add(copy);
  try {
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
    copies.delete(copy);
  }
}

const withPlant = (plant: Plant): Promise<Verdict> =>
  inCopy(async (copy) => {
    const file = join(copy, plant.file);
    writeFileSync(file, planted(plant, readFileSync(file, "utf8")));
    return verdict(await runTests(copy, [plant]), plant);
  });

const sound = await inCopy((copy) => runTests(copy, chosen));
const broken = chosen.filter((plant) => verdict(sound, plant).kind !== "passed");
for (const plant of broken) {
  console.log(`without a mistake this does not pass: ${plant.caught.file}: ${plant.caught.test}`);
}
if (broken.length > 0) process.exit(1);

function inWords(seen: Verdict): string {
  switch (seen.kind) {
    case "failed":
      return seen.line;
    case "passed":
      return "NOT CAUGHT: it passes";
    case "not_run":
      return `NOT CAUGHT: ${seen.why}`;
  }
}
const cell = (text: string): string => text.replaceAll("|", "\\|").slice(0, 160);
const row = (...cells: string[]): void => console.log(`| ${cells.map(cell).join(" | ")} |`);
row("plant", "file", "caught by", "its failure");
row("---", "---", "---", "---");
let caught = 0;
const waiting = [...chosen];
async function lane(): Promise<void> {
  for (let plant = waiting.shift(); plant !== undefined; plant = waiting.shift()) {
    const seen = await withPlant(plant);
    if (seen.kind === "failed") caught += 1;
    row(plant.name, plant.file, `${plant.caught.file}: ${plant.caught.test}`, inWords(seen));
  }
}
await Promise.all(Array.from({ length: LANES }, lane));
console.log(`\n${chosen.length} planted, ${caught} caught`);
process.exitCode = caught === chosen.length ? 0 : 1;
