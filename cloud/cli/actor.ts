import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { Clock } from "@bluepower/protocol/clock";
import type { Db } from "../database/database.ts";
import { FAILURES_MAX, LOCKED_MS, mayAct, verifyOperator } from "../identity/operators.ts";
import { readSecret } from "../secretFile.ts";
import type { Actor, Command } from "./command.ts";

/**
 * Who acts: the account that OPERATOR names, with the password in the file that OPERATOR_PASSWORD_FILE names, or else the
 * machine's own account. Who may open the database may everything, so the latter has all rights.
 */
export async function actorOf(
  { db, env, clock }: { db: Db; env: Readonly<Record<string, string | undefined>>; clock: Clock },
  command: Command,
): Promise<Actor | { exit: 1 | 2; problem: string }> {
  const name = env.OPERATOR ?? "";
  const file = env.OPERATOR_PASSWORD_FILE ?? "";
  if (name === "" && file === "") return { who: `operator:${machineAccount()}`, role: "admin", named: false };
  if (name === "" || file === "") {
    return { exit: 2, problem: "OPERATOR and OPERATOR_PASSWORD_FILE are set together" };
  }
  const read = readPassword("OPERATOR_PASSWORD_FILE", file);
  if ("problem" in read) return { exit: 2, problem: read.problem };
  const verified = await verifyOperator(db, { name, password: read.password, at: clock.now() });
  if (verified.kind === "refused") {
    const problem = `OPERATOR "${name}" is refused: no such account, another password, disabled, or shut for ${LOCKED_MS / 60_000} minutes after ${FAILURES_MAX} wrong passwords`;
    return { exit: 1, problem };
  }
  const { role } = verified;
  if (!mayAct(role, command.role)) {
    return {
      exit: 1,
      problem: `"${command.name}" needs the role ${command.role}; account ${name} is ${role}`,
    };
  }
  return { who: `operator:${name}`, role, named: true };
}

/** Personal data is shown whole to those who handle it (spec 2, "Operator"): the problem of whoever may not see it. */
export function maySee(actor: Actor, flag: string, asked: boolean): { problem: string } | undefined {
  if (!asked || mayAct(actor.role, "cashier")) return undefined;
  return { problem: `--${flag} needs the role cashier; you are ${actor.role}` };
}

/** The first line of a file that its owner alone can read; `-` is the input. No problem repeats what was read. */
export function readPassword(flag: string, path: string): { password: string } | { problem: string } {
  const read = path === "-" ? readInput() : readSecret(path);
  if ("problem" in read) return { problem: `${flag} ${read.problem}` };
  const password = read.text.split(/\r?\n/, 1)[0] ?? "";
  return password === "" ? { problem: `${flag} ${path} is empty` } : { password };
}

function readInput(): { text: string } | { problem: string } {
  try {
    return { text: readFileSync(0, "utf8") };
  } catch (error) {
    return { problem: `- cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}` };
  }
}

function machineAccount(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without an entry in the password file has no name.
    return "unknown";
  }
}
