import { instant } from "@bluepower/protocol/clock";
import { wallTime, wireTime } from "@bluepower/protocol/siteTime";
import {
  addOperator,
  disableOperator,
  hashPassword,
  listOperators,
  madePassword,
  PASSWORD_MAX,
  PASSWORD_MIN,
  ROLES,
  setOperatorPassword,
  setOperatorRole,
} from "../identity/operators.ts";
import { readPassword } from "./actor.ts";
import { command, optional, required } from "./command.ts";
import { table } from "./output.ts";
import { accountNameValue, fileValue, oneOfValue } from "./values.ts";

const NAME = { name: "NAME", parse: accountNameValue };
const role = required(
  "ROLE",
  oneOfValue(...ROLES),
  "viewer reads, cashier handles money, admin does everything",
);
const passwordFile = optional(
  "FILE",
  fileValue,
  "file with the password (- reads it from the input); one is made and shown once when left out",
);
const unknown = (name: string) => ({ problem: `there is no account "${name}"; add it with: account add` });
const lastAdmin = (name: string) => ({
  problem: `"${name}" is the last admin that is not disabled; make another one first`,
});

/** The password of a file, or a new one that has to be shown. */
function given(
  file: string | undefined,
  make: () => string,
): { password: string; shown: string | null } | { problem: string } {
  if (file === undefined) {
    const password = make();
    return { password, shown: password };
  }
  const read = readPassword("--password-file", file);
  if ("problem" in read) return read;
  const { length } = read.password;
  if (length < PASSWORD_MIN || length > PASSWORD_MAX) {
    return { problem: `--password-file holds a password of ${PASSWORD_MIN} to ${PASSWORD_MAX} characters` };
  }
  return { password: read.password, shown: null };
}

const accountAdd = command({
  name: "account add",
  summary: "Add an account for a person who runs the installation.",
  argument: NAME,
  flags: { role, "password-file": passwordFile },
  examples: ["account add cashier-1 --role cashier", "account add boss --role admin --password-file -"],
  async run({ argument: name, flags }, { change, random }) {
    const password = given(flags["password-file"], () => madePassword(random));
    if ("problem" in password) return password;
    const passwordHash = await hashPassword(password.password, random);
    const outcome = await change((tx, by) => addOperator(tx, { name, role: flags.role, passwordHash }, by));
    if (outcome === "exists") return { problem: `there is an account "${name}" already` };
    const { shown } = password;
    const text = [`account ${name} added as ${flags.role}`];
    if (shown !== null) text.push(`password, shown this once: ${shown}`);
    return { text: text.join("\n"), json: { name, role: flags.role, password: shown } };
  },
});

const accountList = command({
  name: "account list",
  role: "viewer",
  summary: "List the accounts and their roles.",
  argument: null,
  flags: {},
  examples: ["account list", "account list --json"],
  async run(_input, { db, zone }) {
    const accounts = (await listOperators(db)).map((a) => ({
      ...a,
      setupTime: wireTime(wallTime(instant(a.setupTime), zone)),
    }));
    const rows = accounts.map((a) => [a.name, a.role, a.setupTime, a.disabled ? "disabled" : ""]);
    return { text: table(["NAME", "ROLE", "SINCE", ""], rows, "no account yet"), json: accounts };
  },
});

const accountDisable = command({
  name: "account disable",
  summary: "Shut an account; a new password opens it again.",
  argument: NAME,
  flags: {},
  examples: ["account disable cashier-1"],
  async run({ argument: name }, { change }) {
    switch (await change((tx, by) => disableOperator(tx, name, by))) {
      case "unknown":
        return unknown(name);
      case "last_admin":
        return lastAdmin(name);
      case "already":
        return { text: `account ${name} was disabled already`, json: { name, disabled: true } };
      case "disabled":
        return { text: `account ${name} is disabled`, json: { name, disabled: true } };
    }
  },
});

const accountRole = command({
  name: "account role",
  summary: "Give an account another role.",
  argument: NAME,
  flags: { role },
  examples: ["account role cashier-1 --role viewer"],
  async run({ argument: name, flags }, { change }) {
    switch (await change((tx, by) => setOperatorRole(tx, { name, role: flags.role }, by))) {
      case "unknown":
        return unknown(name);
      case "last_admin":
        return lastAdmin(name);
      case "set":
        return { text: `account ${name} is ${flags.role}`, json: { name, role: flags.role } };
    }
  },
});

const accountPassword = command({
  name: "account password",
  summary: "Give an account a new password; it is open again when it was disabled or shut.",
  argument: NAME,
  flags: { "password-file": passwordFile },
  examples: ["account password cashier-1", "account password cashier-1 --password-file -"],
  async run({ argument: name, flags }, { change, random }) {
    const password = given(flags["password-file"], () => madePassword(random));
    if ("problem" in password) return password;
    const passwordHash = await hashPassword(password.password, random);
    const outcome = await change((tx, by) => setOperatorPassword(tx, { name, passwordHash }, by));
    if (outcome === "unknown") return unknown(name);
    const { shown } = password;
    const text = [`account ${name} has a new password`];
    if (shown !== null) text.push(`password, shown this once: ${shown}`);
    return { text: text.join("\n"), json: { name, password: shown } };
  },
});

export const accountCommands = [accountAdd, accountList, accountDisable, accountRole, accountPassword];
