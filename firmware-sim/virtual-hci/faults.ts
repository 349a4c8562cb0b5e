/**
 * The faults that a test of the whole system switches on by name: `{"kind": "absent", "name": "A1B2C3D4E5F6"}`.
 * `name` is an address, an advertised name or a chip ID (see `VirtualRadio.find`).
 */
import { ERROR } from "./constants.ts";
import { CONNECTIONS_MAX, type Controller } from "./controller.ts";
import type { LinkRule } from "./link.ts";
import type { VirtualRadio } from "./virtualRadio.ts";

/** `unknown_controller`: nobody of that name is in the air (yet). */
export type FaultOutcome =
  | { kind: "applied" }
  | { kind: "invalid"; message: string }
  | { kind: "unknown_controller"; message: string };

/** Reads fields and collects what is wrong with them, so that one answer names it all. */
interface Fields {
  controller(field: string): Controller | undefined;
  count(field: string, allowed: { min: number; max: number }): number;
  number(field: string, allowed: { min: number; max: number }): number;
  choice<T extends string | boolean>(field: string, allowed: readonly T[], absent?: T): T | undefined;
}

/** Reads its fields first; the action runs only when all of them were good. */
type FaultKind = (fields: Fields, radio: VirtualRadio) => () => void;

const TIMES = { min: 1, max: 1_000_000 };
const DELAY_MS = { min: 1, max: 3_600_000 };

/** Out of everybody's range: advertising is not heard, links end by supervision timeout. */
const absent: FaultKind = (fields) => {
  const controller = fields.controller("name");
  return () => controller?.setAbsent(true);
};

const present: FaultKind = (fields) => {
  const controller = fields.controller("name");
  return () => controller?.setAbsent(false);
};

/** `supervision`: the radio is lost and both ends notice late. `now`: both are told at once. */
const dropLink: FaultKind = (fields) => {
  const controller = fields.controller("name");
  const how = fields.choice("how", ["supervision", "now"]);
  const reason = ERROR.CONNECTION_TIMEOUT;
  return () => {
    for (const { link } of controller?.connections ?? []) {
      if (how === "now") link.close({ central: reason, peripheral: reason });
      else link.abandon();
    }
  };
};

/** The device sends a notification that never arrives. */
const loseNotification: FaultKind = (fields) => {
  return addRule(fields, () => ({ direction: "sent", matches: isNotification, action: { kind: "drop" } }));
};

/** A write to the device, with or without response, never arrives. */
const dropWrite: FaultKind = (fields) => {
  return addRule(fields, () => ({ direction: "received", matches: isWrite, action: { kind: "drop" } }));
};

/** Notifications of the device (`sent`, the default) or what is written to it (`received`) come late. */
const delay: FaultKind = (fields) => {
  const ms = fields.number("ms", DELAY_MS);
  const direction = fields.choice("direction", ["sent", "received"], "sent") ?? "sent";
  const matches = direction === "sent" ? isNotification : isWrite;
  return addRule(fields, () => ({ direction, matches, action: { kind: "delay", ms } }));
};

/** The last byte of a notification of the device (`sent`) or of a write to it (`received`) is flipped. */
const corrupt: FaultKind = (fields) => {
  const direction = fields.choice("direction", ["sent", "received"], "sent") ?? "sent";
  const matches = direction === "sent" ? isNotification : isWrite;
  const change = (l2cap: Uint8Array): Uint8Array =>
    l2cap.map((byte, i) => (i === l2cap.length - 1 ? byte ^ 0xff : byte));
  return addRule(fields, () => ({ direction, matches, action: { kind: "corrupt", change } }));
};

/** The controller's host gets no answer to anything any more; its radio goes on. */
const hang: FaultKind = (fields) => {
  const controller = fields.controller("name");
  const on = fields.choice("on", [true, false]);
  return () => {
    if (controller !== undefined) controller.hung = on === true;
  };
};

/** The central refuses more links than `n`. */
const connectionLimit: FaultKind = (fields) => {
  const controller = fields.controller("central");
  const n = fields.count("n", { min: 0, max: CONNECTIONS_MAX });
  return () => {
    if (controller !== undefined) controller.connectionLimit = n;
  };
};

/** The next connections are reported and lost at once (0x3e). */
const failEstablish: FaultKind = (fields) => {
  const controller = fields.controller("name");
  const times = fields.count("times", TIMES);
  return () => {
    if (controller !== undefined) controller.failuresToEstablish = times;
  };
};

/** The controller gives no answer to the next commands of this opcode. */
const swallowCommand: FaultKind = (fields) => {
  const controller = fields.controller("name");
  const opcode = fields.count("opcode", { min: 0, max: 0xffff });
  const times = fields.count("times", TIMES);
  return () => controller?.swallowed.set(opcode, times);
};

/** The controller loses its links and settings and says Hardware Error. */
const hardwareError: FaultKind = (fields) => {
  const controller = fields.controller("name");
  return () => controller?.hardwareError(0x00);
};

/** The adapter is pulled out: the connection of its host ends. */
const unplug: FaultKind = (fields) => {
  const controller = fields.controller("name");
  return () => controller?.unplug();
};

/** Every listener misses an advertising packet with this probability. */
const advLoss: FaultKind = (fields, radio) => {
  const probability = fields.number("probability", { min: 0, max: 1 });
  return () => {
    radio.air.advertisingLoss = probability;
  };
};

/** Takes back every fault that lasts. Links that are lost stay lost. */
const heal: FaultKind = (_fields, radio) => () => {
  radio.air.advertisingLoss = 0;
  for (const controller of radio.controllers()) {
    controller.setAbsent(false);
    controller.hung = false;
    controller.linkRules = [];
    controller.swallowed.clear();
    controller.failuresToEstablish = 0;
    controller.connectionLimit = CONNECTIONS_MAX;
  }
};

const FAULTS: Readonly<Record<string, FaultKind>> = {
  absent,
  present,
  "drop-link": dropLink,
  "lose-notification": loseNotification,
  "drop-write": dropWrite,
  delay,
  corrupt,
  hang,
  "connection-limit": connectionLimit,
  "fail-establish": failEstablish,
  "swallow-command": swallowCommand,
  "hardware-error": hardwareError,
  unplug,
  "adv-loss": advLoss,
  heal,
};

/** Applies one fault as it came over the wire. Nothing is changed unless the outcome is `applied`. */
export function applyFault(radio: VirtualRadio, body: unknown): FaultOutcome {
  if (typeof body !== "object" || body === null)
    return { kind: "invalid", message: "a JSON object is wanted" };
  const values: Partial<Record<string, unknown>> = { ...body };
  const kind = values.kind;
  const fault = typeof kind === "string" && Object.hasOwn(FAULTS, kind) ? FAULTS[kind] : undefined;
  if (fault === undefined) {
    return { kind: "invalid", message: `kind: one of ${Object.keys(FAULTS).join(", ")}` };
  }
  const wrong: string[] = [];
  const unknown: string[] = [];
  const apply = fault(reader(values, radio, { wrong, unknown }), radio);
  if (wrong.length > 0) return { kind: "invalid", message: wrong.join("; ") };
  if (unknown.length > 0) return { kind: "unknown_controller", message: unknown.join("; ") };
  apply();
  return { kind: "applied" };
}

function reader(
  values: Partial<Record<string, unknown>>,
  radio: VirtualRadio,
  { wrong, unknown }: { wrong: string[]; unknown: string[] },
): Fields {
  const number: Fields["number"] = (field, { min, max }) => {
    const value = values[field];
    if (typeof value === "number" && value >= min && value <= max) return value;
    wrong.push(`${field}: a number from ${min} to ${max}`);
    return min;
  };
  return {
    number,
    count(field, allowed) {
      const value = number(field, allowed);
      if (!Number.isInteger(value)) wrong.push(`${field}: a whole number`);
      return value;
    },
    choice: (field, allowed, absentValue) => {
      const value = values[field] ?? absentValue;
      const chosen = allowed.find((each) => each === value);
      if (chosen === undefined) wrong.push(`${field}: one of ${allowed.join(", ")}`);
      return chosen;
    },
    controller(field) {
      const value = values[field];
      const found = typeof value === "string" ? radio.find(value) : undefined;
      if (typeof value !== "string") wrong.push(`${field}: an address, an advertised name or a chip ID`);
      else if (found === undefined) unknown.push(`${field}: nobody is called ${value}`);
      return found;
    },
  };
}

function addRule(fields: Fields, rule: () => Omit<LinkRule, "times">): () => void {
  const controller = fields.controller("name");
  const times = fields.count("times", TIMES);
  return () => {
    if (controller === undefined) return;
    controller.linkRules = [...controller.linkRules.filter((each) => each.times > 0), { ...rule(), times }];
  };
}

/** The Attribute Protocol (Vol 3 Part F): its L2CAP channel and three of its opcodes. */
const ATT = { CHANNEL: 0x0004, WRITE_REQ: 0x12, HANDLE_VALUE_NTF: 0x1b, WRITE_CMD: 0x52 } as const;

/** The opcode of an L2CAP packet on the ATT channel. */
const attOpcode = (l2cap: Uint8Array): number | undefined =>
  l2cap[2] === ATT.CHANNEL && l2cap[3] === 0 ? l2cap[4] : undefined;

const isNotification = (l2cap: Uint8Array): boolean => attOpcode(l2cap) === ATT.HANDLE_VALUE_NTF;

/** A write to a value; a subscription, which writes 0, 1 or 2 as two bytes to a descriptor, is none. */
function isWrite(l2cap: Uint8Array): boolean {
  const [low, high] = l2cap.subarray(7);
  const subscription = l2cap.length === 9 && low !== undefined && low <= 2 && high === 0;
  const opcode = attOpcode(l2cap);
  return opcode === ATT.WRITE_CMD || (opcode === ATT.WRITE_REQ && !subscription);
}
