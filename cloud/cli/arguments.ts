import { parseArgs } from "node:util";
import type { Command } from "./command.ts";

export type ReadArguments =
  | { kind: "help" }
  | { kind: "input"; argument: unknown; flags: Record<string, unknown>; json: boolean }
  /** One line that names the flag or argument and what is allowed. */
  | { kind: "problem"; problem: string };

/** Reads what stands behind a sub-command's name. A flag given twice is a mistake, not a choice. */
export function readArguments(command: Command, args: readonly string[]): ReadArguments {
  const options = Object.entries(command.flags).map(
    ([name, flag]) => [name, { type: flag.takes === "" ? "boolean" : "string" }] as const,
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(options),
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string>();
  const positionals: string[] = [];
  const problem = (text: string): ReadArguments => ({ kind: "problem", problem: text });
  const seen = new Set<string>();

  if (tokens.some((t) => t.kind === "option" && t.name === "help")) return { kind: "help" };
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (name !== "json" && !Object.hasOwn(command.flags, name)) {
      const flags = [...Object.keys(command.flags), "json", "help"].map((f) => `--${f}`);
      return problem(`${rawName} is no flag of "${command.name}"; it has ${flags.join(", ")}`);
    }
    if (seen.has(name)) return problem(`${rawName} is given twice`);
    seen.add(name);
    const takes = name === "json" ? "" : command.flags[name]?.takes;
    if (takes === "") {
      if (value !== undefined) return problem(`${rawName} takes no value`);
      given.set(name, "");
      continue;
    }
    if (value === undefined || (value.startsWith("--") && token.inlineValue === false)) {
      return problem(`${rawName} needs a value: ${rawName} ${takes}`);
    }
    given.set(name, value);
  }

  let argument: unknown = null;
  if (command.argument === null) {
    if (positionals[0] !== undefined)
      return problem(`"${command.name}" takes no argument "${positionals[0]}"`);
  } else {
    const { name, parse } = command.argument;
    const [text, more] = positionals;
    if (text === undefined) return problem(`"${command.name}" needs ${name}`);
    if (more !== undefined) return problem(`"${command.name}" takes one ${name}; "${more}" is too much`);
    const read = parse(text);
    if ("problem" in read) return problem(`${name} ${read.problem}`);
    argument = read.value;
  }

  const flags: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    const text = given.get(name);
    if (text === undefined) {
      if (flag.required) return problem(`"${command.name}" needs --${name} ${flag.takes}: ${flag.help}`);
      continue;
    }
    const read = flag.parse(text);
    if ("problem" in read) return problem(`--${name} ${read.problem}`);
    flags[name] = read.value;
  }
  return { kind: "input", argument, flags, json: seen.has("json") };
}
