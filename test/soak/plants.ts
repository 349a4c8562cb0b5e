import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Plant, planted } from "../planted/plant.ts";
import { copyTree } from "../planted/treeCopy.ts";

const execute = promisify(execFile);
const caught = { file: "test/soak/soak.test.ts", test: "is found by the soak" };

/** Mistakes that are seen only where many people, repeats and a cloud that is killed come together; `npm run soak -- --plants`. */
export const plants: readonly Plant[] = [
  {
    name: "a repeat is carried out again",
    file: "cloud/api/answeredCalls.ts",
    find: "if (stored !== null) return",
    plant: "if (stored === undefined) return",
    caught,
  },
  {
    name: "what an earlier run has answered is not known",
    file: "cloud/api/serve.ts",
    find: "signature: httpSignature(read.parameters, app.jamCode),",
    plant: "signature: process.pid + httpSignature(read.parameters, app.jamCode),",
    caught,
  },
  {
    name: "coins given that nobody has",
    file: "cloud/ledger/ledger.ts",
    find: `    .where("balance", ">=", amount)\n`,
    plant: "",
    caught,
  },
  {
    name: "held coins kept when a payment fails",
    file: "cloud/payments/orderPayment.ts",
    find: "  if (attempt.pmoney > 0) {",
    plant: "  if (attempt.pmoney > 0 && attempt.cash === 0) {",
    caught,
  },
];

/** A cloud with the mistake in it, built in a copy of the tree; `remove` when it has been used. */
export async function plantedCloud(plant: Plant): Promise<{ bundle: string; remove: () => void }> {
  const copy = copyTree(process.cwd());
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  process.once("exit", remove);
  const file = join(copy, plant.file);
  writeFileSync(file, planted(plant, readFileSync(file, "utf8")));
  const rolldown = join(copy, "node_modules/rolldown/bin/cli.mjs");
  await execute(process.execPath, [rolldown, "-c", "rolldown.config.ts"], { cwd: copy });
  return { bundle: join(copy, "dist/cloud"), remove };
}
