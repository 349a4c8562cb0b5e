import type { Command, Flag } from "./command.ts";

/** What `bluepower-cloud --help` prints. */
export function overview(commands: readonly Command[], others: readonly [string, string][]): string {
  const rows: (readonly [string, string])[] = [
    ...others,
    ...commands.map((c) => [usage(c), c.summary] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    "bluepower-cloud: the cloud of a charging network, and its operator's command line.",
    "",
    "The commands work on the database of the serving program, also while it runs (DATA_DIR, DATABASE_URL).",
    "They act as the account that OPERATOR names, with the password in the file that OPERATOR_PASSWORD_FILE names,",
    "each as far as its role goes; without the two as this machine's account, which may everything.",
    "",
    ...rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "Each takes --json for one JSON value, and --help for its flags and examples.",
    "",
    "Examples:",
    "  bluepower-cloud serve",
    "  bluepower-cloud site add yard --zone Asia/Shanghai",
    "  bluepower-cloud device list --json",
  ].join("\n");
}

/** What `--help` behind a sub-command prints. */
export function helpOf(command: Command): string {
  const flags: [string, string][] = [
    ...Object.entries(command.flags).map(([name, flag]): [string, string] => [
      written(name, flag),
      flag.help,
    ]),
    ["--json", "one JSON value instead of text"],
  ];
  const width = Math.max(...flags.map(([name]) => name.length));
  const all = Object.entries(command.flags).map(([name, flag]) =>
    flag.required ? written(name, flag) : `[${written(name, flag)}]`,
  );
  return [
    command.summary,
    "",
    `  bluepower-cloud ${[usage(command), ...all, "[--json]"].join(" ")}`,
    "",
    ...flags.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`),
    "",
    "Examples:",
    ...command.examples.map((example) => `  bluepower-cloud ${example}`),
  ].join("\n");
}

const usage = (command: Command): string =>
  command.argument === null ? command.name : `${command.name} ${command.argument.name}`;

const written = (name: string, flag: Flag): string => `--${name} ${flag.takes}`.trimEnd();
