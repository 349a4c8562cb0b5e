import { readFileSync } from "node:fs";
import { isJamCode, type JamCode } from "@bluepower/protocol/units";
import type { Tx } from "../database/database.ts";
import { listDevices } from "../devices/devices.ts";
import { assignGateway, assignManager, registerDevice, setDevice } from "../devices/register.ts";
import { touchDesired } from "../gateways/desired.ts";
import type { By } from "../identity/audit.ts";
import { placeDevice } from "../sites/sites.ts";
import { command, optional, required } from "./command.ts";
import { masked, table, yuan } from "./output.ts";
import {
  chipValue,
  deviceCodeValue,
  fileValue,
  gatewayIdValue,
  orNone,
  phoneValue,
  priceValue,
  switchValue,
  textValue,
  wholeValue,
} from "./values.ts";

const CODE = { name: "CODE", parse: deviceCodeValue };
/** Enough for a list on a terminal; a larger network is read in pages by its own tools. */
const LIST_MAX = 10_000;

/** Why a change of several steps is undone; thrown through the transaction, so that nothing of it stays. */
class Refused extends Error {}
const refuse = (problem: string): never => {
  throw new Refused(problem);
};

/** Runs the steps in one transaction; the problem of a step that refused, or undefined. */
async function steps(
  change: <T>(work: (tx: Tx, by: By) => Promise<T>) => Promise<T>,
  work: (tx: Tx, by: By) => Promise<void>,
): Promise<{ problem: string } | undefined> {
  try {
    await change(work);
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return { problem: error.message };
    throw error;
  }
}

const deviceAdd = command({
  name: "device add",
  summary: "Register a charger by the code on its label and its chip ID.",
  argument: CODE,
  flags: {
    chip: required("CHIP", chipValue, "the chip ID, 12 of 0-9A-Z"),
    version: required("N", wholeValue(1, 65_535), "the charger's profile; 1 is the one with four ports"),
    "jam-code-file": optional(
      "FILE",
      fileValue,
      "file with the charger's jam code, 6 of 0-9A-Z (- reads it from the input); the derived one when left out",
    ),
    gateway: optional("ID", gatewayIdValue, "the gateway that drives it; none: the phones do"),
    site: optional("NAME", textValue(60), "the site it stands on; its gateway's when left out"),
  },
  examples: [
    "device add DEMO0001 --chip A1B2C3D4E5F6 --version 1 --gateway gw-7",
    "device add DEMO0002 --chip 0123456789AB --version 1 --site yard --jam-code-file -",
  ],
  async run({ argument: deviceCode, flags }, { change }) {
    const file = flags["jam-code-file"];
    const jam: ReturnType<typeof readJamCode> = file === undefined ? {} : readJamCode(file);
    if ("problem" in jam) return jam;
    const { chip, version, gateway: gatewayId, site } = flags;
    const refused = await steps(change, async (tx, by) => {
      switch (await registerDevice(tx, { deviceCode, chip, version, ...jam }, by)) {
        case "code_exists":
          return refuse(`there is a charger "${deviceCode}" already`);
        case "chip_exists":
          return refuse(`there is a charger with the chip ID "${chip}" already`);
        case "profile_unknown":
          return refuse(`--version ${version}: no charger of this kind is known`);
        case "registered":
      }
      if (gatewayId !== undefined) await behind(tx, { deviceCode, gatewayId }, by);
      if (site !== undefined && (await placeDevice(tx, { deviceCode, site }, by)) !== "placed") {
        refuse(`there is no site "${site}"; add it with: site add`);
      }
    });
    if (refused !== undefined) return refused;
    const json = { deviceCode, chip, version, gateway: gatewayId ?? null, site: site ?? null };
    return { text: `charger ${deviceCode} registered`, json };
  },
});

async function behind(
  tx: Tx,
  change: { deviceCode: Parameters<typeof assignGateway>[1]["deviceCode"]; gatewayId: string | null },
  by: By,
): Promise<void> {
  switch (await assignGateway(tx, { ...change, touchDesired }, by)) {
    case "device_unknown":
      return refuse(`there is no charger "${change.deviceCode}"`);
    case "gateway_unknown":
      return refuse(`there is no gateway "${change.gatewayId}", or it is revoked`);
    case "order_live":
      return refuse(`charger "${change.deviceCode}" has an order that runs; wait for its end`);
    case "assigned":
  }
}

const deviceSet = command({
  name: "device set",
  summary: "Change what is given of a charger; orders already made keep their price.",
  argument: CODE,
  flags: {
    name: optional("NAME", textValue(60), "the name that people see"),
    state: optional("0|1", switchValue, "0 enabled, 1 disabled"),
    "max-unit": optional("N", wholeValue(1, 12), "longest charge, in units of thirty minutes"),
    charge: optional("0|1", switchValue, "0 free of charge, 1 charged for"),
    price: optional("YUAN", priceValue, "price of thirty minutes, 0.01 to 99.99"),
    gateway: optional("ID|none", orNone(gatewayIdValue), "the gateway that drives it, or none"),
    site: optional("NAME", textValue(60), "the site it stands on"),
  },
  examples: [
    "device set DEMO0001 --name Dormitory-3 --charge 1 --price 1.50",
    "device set DEMO0001 --state 1",
  ],
  async run({ argument: deviceCode, flags }, { change }) {
    const { gateway, site } = flags;
    const values = {
      ...(flags.name !== undefined && { deviceName: flags.name }),
      ...(flags.state !== undefined && { state: flags.state }),
      ...(flags["max-unit"] !== undefined && { maxUnit: flags["max-unit"] }),
      ...(flags.charge !== undefined && { chargeFlag: flags.charge }),
      ...(flags.price !== undefined && { unitPrice: flags.price }),
    };
    const some = Object.keys(values).length > 0;
    if (!some && gateway === undefined && site === undefined) {
      return { problem: `nothing to set: device set ${deviceCode} --help` };
    }
    const refused = await steps(change, async (tx, by) => {
      if (gateway !== undefined) await behind(tx, { deviceCode, gatewayId: gateway }, by);
      const placed = site === undefined ? "placed" : await placeDevice(tx, { deviceCode, site }, by);
      if (placed === "site_unknown") refuse(`there is no site "${site}"; add it with: site add`);
      if (placed === "device_unknown") refuse(`there is no charger "${deviceCode}"`);
      if (!some) return;
      switch (await setDevice(tx, { deviceCode, touchDesired, ...values }, by)) {
        case "device_unknown":
          return refuse(`there is no charger "${deviceCode}"`);
        case "unit_range":
          return refuse("--max-unit is 1 to 12");
        case "price_range":
          return refuse(
            "--price is 0.01 to 99.99 yuan, and at most 999.99 for the longest charge (--max-unit)",
          );
        case "set":
      }
    });
    if (refused !== undefined) return refused;
    const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
    return { text: `charger ${deviceCode} changed`, json: { deviceCode, ...given } };
  },
});

const deviceAssign = command({
  name: "device assign",
  summary: "Give a charger to an approved manager, who gets what it earns.",
  argument: CODE,
  flags: { manager: required("PHONE|none", orNone(phoneValue), "the manager's phone number, or none") },
  examples: ["device assign DEMO0001 --manager 13900000001", "device assign DEMO0001 --manager none"],
  async run({ argument: deviceCode, flags: { manager } }, { change }) {
    const outcome = await change((tx, by) => assignManager(tx, { deviceCode, manager, touchDesired }, by));
    switch (outcome) {
      case "device_unknown":
        return { problem: `there is no charger "${deviceCode}"` };
      case "manager_unknown":
        return { problem: `there is no manager ${manager}; add one with: manager add` };
      case "manager_pending":
        return { problem: `manager ${manager} waits for approval: manager approve ${manager}` };
      case "assigned":
        return {
          text: `charger ${deviceCode} is managed by ${manager ?? "nobody"}`,
          json: { deviceCode, manager },
        };
    }
  },
});

const deviceList = command({
  name: "device list",
  role: "viewer",
  summary: "List the chargers.",
  argument: null,
  flags: {},
  examples: ["device list", "device list --json"],
  async run(_input, { db }) {
    const devices = await listDevices(db, { startIndex: 0, pageSize: LIST_MAX });
    const list = devices.map((d) => ({
      deviceCode: d.deviceCode,
      deviceName: d.deviceName,
      chip: d.btName,
      version: d.version,
      gateway: d.gatewayId,
      manager: d.manager === null ? null : masked(d.manager),
      state: d.state,
      chargeFlag: d.chargeFlag,
      unitPrice: Number(yuan(d.unitPrice)),
      maxUnit: d.maxUnit,
      portState: d.portState,
      portTime: d.portTime,
      misconfigured: d.misconfigured,
    }));
    const rows = list.map((d) => [
      d.deviceCode,
      d.deviceName,
      d.chip,
      d.gateway ?? "-",
      d.manager ?? "-",
      d.chargeFlag === 0 ? "free" : d.unitPrice.toFixed(2),
      d.maxUnit,
      d.misconfigured !== "" ? `misconfigured: ${d.misconfigured}` : d.state === 1 ? "disabled" : "",
    ]);
    const head = ["CODE", "NAME", "CHIP", "GATEWAY", "MANAGER", "PRICE", "MAX", ""];
    return { text: table(head, rows, "no charger yet"), json: list };
  },
});

function readJamCode(path: string): { jamCode?: JamCode } | { problem: string } {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8").trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { problem: `--jam-code-file ${path} cannot be read: ${code}` };
  }
  // What was read is a secret, so it is not repeated.
  return isJamCode(text) ? { jamCode: text } : { problem: "--jam-code-file holds 6 of 0-9A-Z" };
}

export const deviceCommands = [deviceAdd, deviceList, deviceSet, deviceAssign];
