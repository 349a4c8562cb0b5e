import type { Plant } from "./plant.ts";

const viewer = "cloud/cli/viewer.test.ts";
const flags = "a viewer is refused every flag that shows people whole, a cashier none";
const nothing = "nothing that a viewer can call shows a whole number of a person, nor a card's holder";
const devices = "cloud/api/manager/devices.test.ts";
const told = "is counted up at the manager's gateways and written down, whoever else has done nothing";

/** Who sees what of people, and what is sealed, named and written down. */
export const personPlants: readonly Plant[] = [
  {
    name: "person's number shown to a viewer with an order",
    file: "cloud/cli/orderCommands.ts",
    find: `  async run({ argument: orderId, flags: { phones } }, { db, zone, actor }) {
    const hidden = maySee(actor, "phones", phones === true);`,
    plant: `  async run({ argument: orderId, flags: { phones } }, { db, zone, actor }) {
    const hidden = maySee(actor, "phones", false);`,
    caught: { file: viewer, test: flags },
  },
  {
    name: "person's number written for a viewer in a report",
    file: "cloud/cli/reportCommands.ts",
    find: `maySee(actor, "phones", phones === true)`,
    plant: `maySee(actor, "phones", false)`,
    caught: { file: viewer, test: flags },
  },
  {
    name: "person's number in a report of sums",
    file: "cloud/reports/reports.ts",
    find: `return name === "manager" ? phone(String(given.manager)) : String(given[name]);`,
    plant: "return String(given[name]);",
    caught: { file: viewer, test: nothing },
  },
  {
    name: "person's name on a cash-out shown to a viewer",
    file: "cloud/cli/cashoutCommands.ts",
    find: "whole ? c.bankUser : maskedName(c.bankUser)",
    plant: "c.bankUser",
    caught: { file: viewer, test: nothing },
  },
  {
    name: "person's bank card under a second key",
    file: "cloud/cashout/bankCards.ts",
    find: "mayMake: stored === undefined",
    plant: "mayMake: true",
    caught: {
      file: "cloud/cli/cashouts.test.ts",
      test: "without the key nothing is exported and no other key is made",
    },
  },
  {
    name: "person's name that nobody sees",
    file: "cloud/plainText.ts",
    find: "  !HIDDEN.test(text);",
    plant: "  true;",
    caught: { file: "cloud/plainText.test.ts", test: "a zero-width space within > is no name" },
  },
  {
    name: "person barred without a gateway's being told",
    file: "cloud/devices/managed.ts",
    find: "  for (const id of gateways) await touchDesired(tx, id);\n",
    plant: "",
    caught: { file: devices, test: told },
  },
  {
    name: "person let go in silence",
    file: "cloud/people/blackList.ts",
    find: `    await audit(tx, by, { what: "blacklist.remove", object: user });\n`,
    plant: "",
    caught: { file: devices, test: told },
  },
  {
    name: "person's name changed in silence",
    file: "cloud/cli/peopleCommands.ts",
    find: "await renameManager(tx, { phone, managerName: name }, by);",
    plant: `await tx.updateTable("manager_info").set({ managerName: name }).where("manager", "=", phone).execute();`,
    caught: {
      file: "cloud/cli/desk.test.ts",
      test: "a manager's name is not changed in silence, also when the manager is approved already",
    },
  },
];
