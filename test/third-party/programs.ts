import { type ChildProcess, spawnSync } from "node:child_process";

/**
 * Whether other people's programs are installed. Where one is missing, a line says which test is skipped for it and what cures
 * it; under `REQUIRE=all` the skipped test is a failure.
 */
export function installed(what: string, programs: readonly string[]): boolean {
  const missing = programs.filter((program) => {
    const found = spawnSync("sh", ["-c", 'command -v "$0"', program], {
      // Debian keeps servers where a user's PATH does not look.
      env: { PATH: withServers() },
    });
    return found.status !== 0;
  });
  if (missing.length > 0) {
    console.log(`skipped: ${what}; ${missing.join(", ")} is missing: bash test/packages`);
  }
  return missing.length === 0;
}

export const withServers = (): string => `${process.env.PATH}:/usr/sbin`;

/** Ends a program and waits for its end. */
export function ended(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      done();
      return;
    }
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(late);
      done();
    });
    child.kill(signal);
  });
}
