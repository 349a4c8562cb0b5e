import type { Phone } from "@bluepower/protocol/units";
import type { Side } from "../database/schema.ts";
import { confirmNumber } from "../identity/numbers.ts";
import {
  approveManager,
  listManagers,
  registerManager,
  renameManager,
  suspendManager,
} from "../people/managers.ts";
import { listUsers } from "../people/users.ts";
import { maySee } from "./actor.ts";
import { command, optional, type Result, required, type Tools, toggle } from "./command.ts";
import { masked, table } from "./output.ts";
import { phoneValue, textValue } from "./values.ts";

const PHONE = { name: "PHONE", parse: phoneValue };
/** Enough for a list on a terminal. */
const LIST_MAX = 10_000;

const phones = toggle("show whole phone numbers; their middle is left out otherwise");

const userList = command({
  name: "user list",
  role: "viewer",
  summary: "List the users.",
  argument: null,
  flags: { phones },
  examples: ["user list", "user list --phones --json"],
  async run({ flags }, { db, actor }) {
    const hidden = maySee(actor, "phones", flags.phones === true);
    if (hidden !== undefined) return hidden;
    const users = await listUsers(db, { startIndex: 0, pageSize: LIST_MAX });
    const list = users.map((u) => ({ ...u, user: flags.phones === true ? u.user : masked(u.user) }));
    const rows = list.map((u) => [u.user, u.userName, u.pmoney]);
    return { text: table(["PHONE", "NAME", "COINS"], rows, "no user yet"), json: list };
  },
});

const userConfirm = command({
  name: "user confirm",
  summary:
    "Confirm that the WeChat account a phone number is bound to now is the same person's: coins and bills are theirs again.",
  argument: PHONE,
  flags: {},
  examples: ["user confirm 13800000001"],
  run: ({ argument }, tools) => confirm("user", argument, tools),
});

const managerConfirm = command({
  name: "manager confirm",
  summary:
    "Confirm that the WeChat account a phone number is bound to now is the same person's: they can withdraw and give chargers away again.",
  argument: PHONE,
  flags: {},
  examples: ["manager confirm 13900000001"],
  run: ({ argument }, tools) => confirm("manager", argument, tools),
});

async function confirm(side: Side, phone: Phone, { change }: Tools): Promise<Result> {
  const json = { [side]: phone, confirmed: 1 };
  switch (await change((tx, by) => confirmNumber(tx, { side, phone }, by))) {
    case "unknown":
      return { problem: `there is no ${side} ${phone}` };
    case "unbound":
      return { problem: `no WeChat account is bound to ${phone}` };
    case "already":
      return { text: `${side} ${phone} was confirmed already`, json };
    case "confirmed":
      return { text: `${side} ${phone} is confirmed`, json };
  }
}

const managerList = command({
  name: "manager list",
  role: "viewer",
  summary: "List the managers, and who waits for approval.",
  argument: null,
  flags: { phones, pending: toggle("those alone that are not approved") },
  examples: ["manager list --pending", "manager list --phones --json"],
  async run({ flags }, { db, actor }) {
    const hidden = maySee(actor, "phones", flags.phones === true);
    if (hidden !== undefined) return hidden;
    const page = { startIndex: 0, pageSize: LIST_MAX, pending: flags.pending === true };
    const managers = await listManagers(db, page);
    const list = managers.map((m) => ({
      ...m,
      manager: flags.phones === true ? m.manager : masked(m.manager),
    }));
    const rows = list.map((m) => [
      m.manager,
      m.managerName,
      m.approved === 1 ? "approved" : "waits for approval",
    ]);
    return { text: table(["PHONE", "NAME", ""], rows, "no manager yet"), json: list };
  },
});

const managerAdd = command({
  name: "manager add",
  summary: "Register a manager, who has not logged in yet; approval is a step of its own.",
  argument: PHONE,
  flags: { name: required("NAME", textValue(60), "the manager's name") },
  examples: ["manager add 13900000001 --name Li"],
  async run({ argument: phone, flags: { name } }, { change }) {
    const outcome = await change((tx, by) => registerManager(tx, { phone, managerName: name }, by));
    if (outcome === "exists") return { problem: `there is a manager ${phone} already` };
    return { text: `manager ${phone} registered`, json: { manager: phone, managerName: name, approved: 0 } };
  },
});

const managerApprove = command({
  name: "manager approve",
  summary: "Approve a manager: from now on chargers can be theirs.",
  argument: PHONE,
  flags: { name: optional("NAME", textValue(60), "sets the name, too") },
  examples: ["manager approve 13900000001", "manager approve 13900000001 --name Li"],
  async run({ argument: phone, flags: { name } }, { change }) {
    const outcome = await change(async (tx, by) => {
      const approved = await approveManager(tx, { phone }, by);
      if (approved !== "unknown" && name !== undefined) {
        await renameManager(tx, { phone, managerName: name }, by);
      }
      return approved;
    });
    if (outcome === "unknown") return { problem: `there is no manager ${phone}; add one with: manager add` };
    const text = `manager ${phone} ${outcome === "already" ? "was approved already" : "is approved"}`;
    return { text, json: { manager: phone, approved: 1 } };
  },
});

const managerSuspend = command({
  name: "manager suspend",
  summary: "Take a manager's approval back: they can do nothing but log in. Their chargers serve on.",
  argument: PHONE,
  flags: {},
  examples: ["manager suspend 13900000001"],
  async run({ argument: phone }, { change }) {
    const outcome = await change((tx, by) => suspendManager(tx, { phone }, by));
    if (outcome === "unknown") return { problem: `there is no manager ${phone}; add one with: manager add` };
    const text = `manager ${phone} ${outcome === "already" ? "was not approved" : "is suspended"}`;
    return { text, json: { manager: phone, approved: 0 } };
  },
});

export const peopleCommands = [
  userList,
  userConfirm,
  managerList,
  managerAdd,
  managerApprove,
  managerConfirm,
  managerSuspend,
];
