import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Plant, titleParts } from "./plant.ts";

/** A mistake can make a program go round for ever, which no time-out of a test ends. */
const RUN_MAX_MS = 120_000;
/** On a busy machine, for each test that is asked for. */
const TEST_MAX_MS = 10_000;

/** What the runner says of its tests, as far as it is read here. */
export interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const pattern = (plant: Plant): string => titleParts(plant).map(escaped).join(".*");

/** Runs the tests that are to catch the plants, and nothing else, in a copy of the tree. Undefined: the run did not end. */
export async function runTests(copy: string, plants: readonly Plant[]): Promise<Report | undefined> {
  const files = [...new Set(plants.map((p) => p.caught.file))];
  const names = [...new Set(plants.map(pattern))].join("|");
  const output = join(copy, "report.json");
  const runner = join(copy, "node_modules/vitest/vitest.mjs");
  const args = [runner, "run", ...files, "-t", names, "--reporter=json", `--outputFile=${output}`];
  // A group of its own, so that a worker in an endless loop can be ended with it.
  const child = spawn(process.execPath, args, { cwd: copy, stdio: "ignore", detached: true });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  process.once("exit", end);
  const timer = setTimeout(end, RUN_MAX_MS + plants.length * TEST_MAX_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  clearTimeout(timer);
  process.off("exit", end);
  end();
  return code === null ? undefined : (JSON.parse(readFileSync(output, "utf8")) as Report);
}

export type Verdict =
  | { kind: "failed"; line: string }
  | { kind: "passed" }
  /** The file did not load, the run did not end, or no test has this name: nothing is said about the mistake. */
  | { kind: "not_run"; why: string };

/** What a run says of the test that is to catch the plant. */
export function verdict(report: Report | undefined, plant: Plant): Verdict {
  if (report === undefined) return { kind: "not_run", why: "the run did not end" };
  const file = report.testResults.find((r) => r.name.endsWith(`/${plant.caught.file}`));
  const parts = titleParts(plant);
  const named = (file?.assertionResults ?? []).filter(
    (t) => parts.every((part) => t.fullName.includes(part)) && ["passed", "failed"].includes(t.status),
  );
  const failed = named.find((t) => t.status === "failed");
  if (failed !== undefined) {
    return { kind: "failed", line: (failed.failureMessages[0] ?? "").split("\n")[0] ?? "" };
  }
  if (named.length > 0) return { kind: "passed" };
  return { kind: "not_run", why: file?.message.split("\n")[0] || "no test of this name ran" };
}
