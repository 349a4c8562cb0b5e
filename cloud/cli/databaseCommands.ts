import { command } from "./command.ts";

const migrate = command({
  name: "migrate",
  summary: "Bring the tables of the database up to date; every start does so, too.",
  argument: null,
  flags: {},
  examples: ["migrate", "migrate --json"],
  async run(_input, { migrated }) {
    const text = migrated.length === 0 ? "the tables are up to date" : `carried out: ${migrated.join(", ")}`;
    return { text, json: { migrated } };
  },
});

export const databaseCommands = [migrate];
