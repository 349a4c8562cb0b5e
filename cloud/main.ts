import { randomFillSync } from "node:crypto";
import { secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { runCommand } from "./cli/run.ts";

/**
 * `bluepower-cloud`: `serve` is the program that runs; everything else is the operator's command line, which works on its
 * database beside it (spec 6, "Programs").
 */
const random = secureRandom(randomFillSync);
const terminal = {
  env: process.env,
  out: (text: string) => console.log(text),
  err: (text: string) => console.error(text),
  clock: systemClock,
  random,
};
process.exitCode = await runCommand(process.argv.slice(2), terminal, async () => {
  // The command line does not wait for what only the serving program needs.
  const { serve } = await import("./serve.ts");
  await serve({ env: process.env, clock: systemClock, random });
});
