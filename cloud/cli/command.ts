import type { Clock } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import type { Config } from "../config.ts";
import type { Db, Tx } from "../database/database.ts";
import type { Role } from "../database/schema.ts";
import type { By } from "../identity/audit.ts";

/** A text of the command line as a value, or what is allowed instead: "is 1 to 12". */
export type Parse<T> = (text: string) => { value: T } | { problem: string };
export type Parsed<P> = P extends Parse<infer T> ? T : never;

export interface Flag<T = unknown> {
  /** What stands behind the flag in the usage: `NAME`; empty for a flag that takes nothing. */
  takes: string;
  help: string;
  parse: Parse<T>;
  /** False: may be left out. */
  required: boolean;
}

/** For whom a command acts. */
export interface Actor {
  /** As the audit log has it: `operator:NAME`. */
  who: string;
  role: Role;
  /** False: the account of this machine, which nobody has logged in as. */
  named: boolean;
}

/** What a sub-command works with: the running system's database, beside the serving process. */
export interface Tools {
  db: Db;
  /** Migrations that the opening has carried out. */
  migrated: readonly string[];
  clock: Clock;
  random: Random;
  config: Config;
  /** Zone in which times are shown. */
  zone: string;
  actor: Actor;
  /** Runs one transaction, with who acts for the audit log. */
  change<T>(work: (tx: Tx, by: By) => Promise<T>): Promise<T>;
}

/**
 * `problem` is one line for the terminal, exit code 1; `details`, lines below it, say where in a file. `failed`: what was
 * looked into is not as it should be, exit code 1, too.
 */
export type Result =
  | { text: string; json: unknown; failed?: boolean }
  | { problem: string; details?: readonly string[] };

type Flags = Record<string, Flag>;
type FlagValue<F> = F extends Flag<infer T> ? T : never;
type Given<F extends Flags> = {
  [K in keyof F]: F[K] extends { required: true } ? FlagValue<F[K]> : FlagValue<F[K]> | undefined;
};

interface Definition<A, F extends Flags> {
  /** `gateway add`. */
  name: string;
  /** The least role that may; an admin's when nothing is said. */
  role?: Role;
  summary: string;
  /** Name and form of the one argument behind the command; null when it takes none. */
  argument: { name: string; parse: Parse<A> } | null;
  flags: F;
  examples: readonly string[];
  run(input: { argument: A; flags: Given<F> }, tools: Tools): Promise<Result>;
}

/** What a command has that must work where configuration or database do not. */
export interface Outside {
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
}

/** A sub-command as the dispatcher uses it: its values are checked by what its definition says. */
export interface Command {
  name: string;
  role: Role;
  summary: string;
  argument: { name: string; parse: Parse<unknown> } | null;
  flags: Flags;
  examples: readonly string[];
  run(input: { argument: unknown; flags: Record<string, unknown> }, tools: Tools): Promise<Result>;
  /** Of a command that looks at configuration and database itself: takes the place of `run`. */
  alone?(outside: Outside): Promise<{ text: string; json: unknown; failed: boolean }>;
}

/** A sub-command is one value: help, checks and its work come from it. */
export function command<A, F extends Flags>(definition: Definition<A, F>): Command {
  return {
    ...definition,
    role: definition.role ?? "admin",
    run: ({ argument, flags }, tools) =>
      definition.run({ argument: argument as A, flags: flags as Given<F> }, tools),
  };
}

export const required = <T>(takes: string, parse: Parse<T>, help: string) =>
  ({ takes, parse, help, required: true }) as const;
export const optional = <T>(takes: string, parse: Parse<T>, help: string) =>
  ({ takes, parse, help, required: false }) as const;
/** A flag that is there or not. */
export const toggle = (help: string) =>
  ({ takes: "", parse: (() => ({ value: true })) as Parse<true>, help, required: false }) as const;
