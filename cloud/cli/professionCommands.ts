import { addProfession, listProfessions, removeProfession, renameProfession } from "../people/professions.ts";
import { command, required } from "./command.ts";
import { table } from "./output.ts";
import { textValue, wholeValue } from "./values.ts";

const ID = { name: "ID", parse: wholeValue(1, 999_999_999) };
const PROFESSION_NAME = textValue(20);
const unknown = (id: number) => ({ problem: `there is no profession ${id}: profession list` });
const exists = (name: string) => ({ problem: `there is a profession "${name}" already` });

const professionList = command({
  name: "profession list",
  role: "viewer",
  summary: "List the professions that users choose from.",
  argument: null,
  flags: {},
  examples: ["profession list", "profession list --json"],
  async run(_input, { db }) {
    const list = await listProfessions(db);
    const rows = list.map((p) => [p.professionId, p.professionName]);
    return { text: table(["ID", "NAME"], rows, "no profession"), json: list };
  },
});

const professionAdd = command({
  name: "profession add",
  summary: "Add a profession under the next number.",
  argument: { name: "NAME", parse: PROFESSION_NAME },
  flags: {},
  examples: ["profession add 幕墙工"],
  async run({ argument: professionName }, { change }) {
    const added = await change((tx, by) => addProfession(tx, professionName, by));
    if (added.kind === "name_exists") return exists(professionName);
    const { professionId } = added;
    return {
      text: `profession ${professionId} is ${professionName}`,
      json: { professionId, professionName },
    };
  },
});

const professionRename = command({
  name: "profession rename",
  summary: "Give a profession another name; whoever has it has it under the new one.",
  argument: ID,
  flags: { name: required("NAME", PROFESSION_NAME, "the new name") },
  examples: ["profession rename 3 --name 混凝土工"],
  async run({ argument: professionId, flags: { name: professionName } }, { change }) {
    switch (await change((tx, by) => renameProfession(tx, { professionId, professionName }, by))) {
      case "unknown":
        return unknown(professionId);
      case "name_exists":
        return exists(professionName);
      case "renamed":
        return {
          text: `profession ${professionId} is ${professionName}`,
          json: { professionId, professionName },
        };
    }
  },
});

const professionRemove = command({
  name: "profession remove",
  summary: "Remove a profession that nobody has.",
  argument: ID,
  flags: {},
  examples: ["profession remove 19"],
  async run({ argument: professionId }, { change }) {
    switch (await change((tx, by) => removeProfession(tx, professionId, by))) {
      case "unknown":
        return unknown(professionId);
      case "in_use":
        return { problem: `profession ${professionId} is somebody's; rename it instead` };
      case "removed":
        return { text: `profession ${professionId} is removed`, json: { professionId } };
    }
  },
});

export const professionCommands = [professionList, professionAdd, professionRename, professionRemove];
