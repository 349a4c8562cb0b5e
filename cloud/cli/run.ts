import type { Clock } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { readConfig } from "../config.ts";
import { openDatabase, transaction } from "../database/open.ts";
import { accountCommands } from "./accountCommands.ts";
import { actorOf } from "./actor.ts";
import { readArguments } from "./arguments.ts";
import { auditCommands } from "./auditCommands.ts";
import { auditLogCommands } from "./auditLogCommands.ts";
import { cardCommands } from "./cardCommands.ts";
import { cashoutCommands } from "./cashoutCommands.ts";
import type { Command, Result } from "./command.ts";
import { databaseCommands } from "./databaseCommands.ts";
import { deviceCommands } from "./deviceCommands.ts";
import { doctorCommands } from "./doctorCommands.ts";
import { gatewayCommands } from "./gatewayCommands.ts";
import { helpOf, overview } from "./help.ts";
import { importCommands } from "./importCommands.ts";
import { orderCommands } from "./orderCommands.ts";
import { peopleCommands } from "./peopleCommands.ts";
import { professionCommands } from "./professionCommands.ts";
import { reconcileCommands } from "./reconcileCommands.ts";
import { refundCommands } from "./refundCommands.ts";
import { reportCommands } from "./reportCommands.ts";
import { siteCommands } from "./siteCommands.ts";
import { vipCommands } from "./vipCommands.ts";

/** Every sub-command but those that the program itself is started by. */
export const commands: readonly Command[] = [
  ...doctorCommands,
  ...databaseCommands,
  ...siteCommands,
  ...gatewayCommands,
  ...deviceCommands,
  ...importCommands,
  ...orderCommands,
  ...refundCommands,
  ...reconcileCommands,
  ...peopleCommands,
  ...accountCommands,
  ...cashoutCommands,
  ...auditLogCommands,
  ...reportCommands,
  ...cardCommands,
  ...vipCommands,
  ...professionCommands,
  ...auditCommands,
];

/** The terminal as a command uses it; tests have their own. */
export interface Terminal {
  env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  clock: Clock;
  random: Random;
}

/** 1: it could not be done; 2: the command line, or a variable, is wrong. */
export type ExitCode = 0 | 1 | 2;

const SERVE = "Serve the interfaces, the broker and the web pages; set up by variables of the environment.";

const SERVE_EXAMPLES = [
  "  bluepower-cloud serve",
  "  DATA_DIR=/var/lib/bluepower PORT=8085 MQTT_PORT=1883 bluepower-cloud serve",
].join("\n");

/** Runs one sub-command; `serve` starts the program that runs. */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
  serve: () => Promise<void>,
): Promise<ExitCode> {
  const wrong = (line: string): 2 => {
    terminal.err(`${line} (bluepower-cloud --help)`);
    return 2;
  };
  const [first, second] = args;
  if (first === "--help" || first === "-h" || first === "help") {
    terminal.out(overview(commands, [["serve", SERVE]]));
    return 0;
  }
  if (first === undefined) return wrong("which command?");
  if (first === "serve") {
    if (second === "--help" || second === "-h") {
      terminal.out(`${SERVE}\n\n  bluepower-cloud serve\n\nExamples:\n${SERVE_EXAMPLES}`);
      return 0;
    }
    if (second !== undefined) return wrong(`"serve" takes no argument "${second}"`);
    await serve();
    return 0;
  }
  const command =
    commands.find((c) => c.name === `${first} ${second}`) ?? commands.find((c) => c.name === first);
  if (command === undefined) {
    const group = commands.filter((c) => c.name.startsWith(`${first} `));
    if (group.length === 0) return wrong(`"${first}" is no command`);
    if (second === "--help" || second === "-h") {
      terminal.out(overview(group, []));
      return 0;
    }
    const words = group.map((c) => c.name.slice(first.length + 1)).join(", ");
    return wrong(`"${first}" goes with one of ${words}`);
  }
  const read = readArguments(command, args.slice(command.name.split(" ").length));
  if (read.kind === "help") {
    terminal.out(helpOf(command));
    return 0;
  }
  if (read.kind === "problem") return wrong(read.problem);

  if (command.alone !== undefined) {
    const refused = await refusedLogin(command, terminal);
    if (refused !== undefined) {
      terminal.err(refused.problem);
      return refused.exit;
    }
    const said = await command.alone(terminal);
    terminal.out(read.json ? JSON.stringify(said.json, undefined, 2) : said.text);
    return said.failed ? 1 : 0;
  }
  const result = await work(command, read, terminal);
  if ("exit" in result) {
    terminal.err(result.line);
    for (const detail of result.details ?? []) terminal.err(detail);
    return result.exit;
  }
  terminal.out(read.json ? JSON.stringify(result.json, undefined, 2) : result.text);
  return result.failed === true ? 1 : 0;
}

/**
 * Who says who they are has to prove it, also to a command that looks at configuration and database itself. Where these cannot
 * be had nobody can be proven, and that is what the command is there to say.
 */
async function refusedLogin(
  command: Command,
  { env, clock, random }: Terminal,
): Promise<{ exit: 1 | 2; problem: string } | undefined> {
  if ((env.OPERATOR ?? "") === "" && (env.OPERATOR_PASSWORD_FILE ?? "") === "") return undefined;
  const read = readConfig(env, random);
  if ("problem" in read) return undefined;
  const opened = await openDatabase({ url: read.config.databaseUrl }).catch(() => undefined);
  if (opened === undefined) return undefined;
  try {
    const actor = await actorOf({ db: opened.db, env, clock }, command);
    return "problem" in actor ? actor : undefined;
  } finally {
    await opened.close();
  }
}

async function work(
  command: Command,
  input: { argument: unknown; flags: Record<string, unknown> },
  { env, clock, random }: Terminal,
): Promise<
  Exclude<Result, { problem: string }> | { exit: 1 | 2; line: string; details?: readonly string[] }
> {
  const read = readConfig(env, random);
  if ("problem" in read) return { exit: 2, line: read.problem };
  const { config } = read;
  const opened = await openDatabase({ url: config.databaseUrl }).catch((error: unknown) => ({ error }));
  if ("error" in opened) return { exit: 1, line: oneLine(opened.error) };
  const { db, migrated, close } = opened;
  try {
    const actor = await actorOf({ db, env, clock }, command);
    if ("problem" in actor) return { exit: actor.exit, line: actor.problem };
    const result = await command.run(input, {
      db,
      migrated,
      clock,
      random,
      config,
      zone: config.zone,
      actor,
      change: (change) => transaction(db, (tx) => change(tx, { who: actor.who, at: clock.now() })),
    });
    if (!("problem" in result)) return result;
    return { exit: 1, line: result.problem, details: result.details ?? [] };
  } catch (error) {
    return { exit: 1, line: oneLine(error) };
  } finally {
    await close();
  }
}

/** An error and what caused it, as the one line that a terminal shows. */
function oneLine(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at !== undefined && parts.length < 4; ) {
    parts.push(at instanceof Error ? at.message : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(": ").replaceAll(/\s+/g, " ");
}
