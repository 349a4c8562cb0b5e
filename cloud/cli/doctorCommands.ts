import type { Command } from "./command.ts";
import { examine, type Finding } from "./doctorChecks.ts";

const line = ({ state, check, says, advice }: Finding): string =>
  `${state.padEnd(4)}  ${check.padEnd(20)}  ${says}${advice === undefined ? "" : `\n${" ".repeat(28)}${advice}`}`;

const doctor: Command = {
  name: "doctor",
  role: "viewer",
  summary:
    "Look at configuration, database, disk and clock, and try the credentials at WeChat; moves no money.",
  argument: null,
  flags: {},
  examples: ["doctor", "doctor --json"],
  async alone(outside) {
    const findings = await examine(outside);
    const failed = findings.some((f) => f.state === "fail");
    return { text: findings.map(line).join("\n"), json: { ok: !failed, findings }, failed };
  },
  run: () => Promise.reject(new Error("doctor looks at everything itself")),
};

export const doctorCommands = [doctor];
