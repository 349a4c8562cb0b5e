/** The HCI commands that the virtual controller knows: where their parameters lie and what they answer. */
import { addressBytes, readAddress } from "./address.ts";
import { ADVERTISING_DATA_MAX, ADVERTISING_TYPE, ERROR, OPCODE, UNIT_MS } from "./constants.ts";
import { ACL_DATA_PACKET_LENGTH, type Controller, NUM_ACL_DATA_PACKETS } from "./controller.ts";
import { commandComplete, commandStatus, connectionFailed } from "./events.ts";
import type { ConnectionParameters } from "./link.ts";

interface Command {
  /** Shorter parameters are refused; longer ones are read as far as they are known. */
  length: number;
  /** Answered by Command Complete with these return parameters, status first … */
  complete?: (controller: Controller, parameters: DataView) => number[];
  /** … or by Command Status with this status; the outcome is an event of its own. */
  status?: (controller: Controller, parameters: DataView) => number;
  /** What follows a successful reply. */
  after?: (controller: Controller) => void;
}

const u16 = (n: number): [number, number] => [n & 0xff, n >> 8];
const OK = [ERROR.SUCCESS];
const INVALID = ERROR.INVALID_HCI_COMMAND_PARAMETERS;

/** HCI and LMP version 5.0, manufacturer 0x05f1 (The Linux Foundation), revisions 0. */
const VERSION = [0x09, 0, 0, 0x09, 0xf1, 0x05, 0, 0];

/** Advertising intervals run from 20 ms to 10.24 s. */
const ADVERTISING_INTERVAL = { min: 0x0020, max: 0x4000 };

const data = (set: (controller: Controller, bytes: Uint8Array) => void): Command => ({
  length: 1,
  complete(controller, p) {
    const length = p.getUint8(0);
    if (length > ADVERTISING_DATA_MAX || p.byteLength < 1 + length) return [INVALID];
    set(controller, new Uint8Array(p.buffer, p.byteOffset + 1, length));
    return OK;
  },
});

const COMMANDS: Readonly<Record<number, Command>> = {
  [OPCODE.SET_EVENT_MASK]: {
    length: 8,
    complete(controller, p) {
      controller.eventMask = p.getBigUint64(0, true);
      return OK;
    },
  },
  [OPCODE.LE_SET_EVENT_MASK]: {
    length: 8,
    complete(controller, p) {
      controller.leEventMask = p.getBigUint64(0, true);
      return OK;
    },
  },
  [OPCODE.RESET]: {
    length: 0,
    complete(controller) {
      controller.reset();
      return OK;
    },
  },
  [OPCODE.WRITE_LE_HOST_SUPPORT]: { length: 2, complete: () => OK },
  [OPCODE.READ_LE_HOST_SUPPORT]: { length: 0, complete: () => [ERROR.SUCCESS, 1, 0] },
  [OPCODE.READ_LOCAL_VERSION_INFORMATION]: { length: 0, complete: () => [ERROR.SUCCESS, ...VERSION] },
  [OPCODE.READ_BUFFER_SIZE]: {
    length: 0,
    complete: () => [
      ERROR.SUCCESS,
      ...u16(ACL_DATA_PACKET_LENGTH),
      0, // no synchronous data
      ...u16(NUM_ACL_DATA_PACKETS),
      ...u16(0),
    ],
  },
  [OPCODE.LE_READ_BUFFER_SIZE]: {
    length: 0,
    complete: () => [ERROR.SUCCESS, ...u16(ACL_DATA_PACKET_LENGTH), NUM_ACL_DATA_PACKETS],
  },
  [OPCODE.READ_BD_ADDR]: {
    length: 0,
    complete: (controller) => [ERROR.SUCCESS, ...addressBytes(controller.address)],
  },
  [OPCODE.VENDOR_WRITE_BD_ADDR]: {
    length: 6,
    complete(controller, p) {
      controller.setPublicAddress(readAddress(p, 0));
      return OK;
    },
  },
  [OPCODE.READ_RSSI]: {
    length: 2,
    complete(controller, p) {
      const handle = p.getUint16(0, true);
      if (controller.connection(handle) === undefined) {
        return [ERROR.UNKNOWN_CONNECTION_IDENTIFIER, ...u16(handle), 0];
      }
      return [ERROR.SUCCESS, ...u16(handle), controller.rssi & 0xff];
    },
  },
  [OPCODE.LE_SET_RANDOM_ADDRESS]: {
    length: 6,
    complete: (controller, p) => [controller.setRandomAddress(readAddress(p, 0))],
  },
  [OPCODE.LE_SET_ADVERTISING_PARAMETERS]: {
    length: 15,
    complete(controller, p) {
      const min = p.getUint16(0, true);
      const max = p.getUint16(2, true);
      const type = p.getUint8(4);
      const { min: low, max: high } = ADVERTISING_INTERVAL;
      if (min < low || max > high || min > max) return [INVALID];
      if (!Object.values<number>(ADVERTISING_TYPE).includes(type)) {
        return [ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE];
      }
      const intervalMs = min * UNIT_MS.ADVERTISING_INTERVAL;
      return [controller.setAdvertisingParameters({ type, intervalMs, own: addressType(p.getUint8(5)) })];
    },
  },
  [OPCODE.LE_SET_ADVERTISING_DATA]: data((controller, bytes) => controller.setAdvertisingData(bytes)),
  [OPCODE.LE_SET_SCAN_RESPONSE_DATA]: data((controller, bytes) => controller.setScanResponseData(bytes)),
  [OPCODE.LE_SET_ADVERTISING_ENABLE]: {
    length: 1,
    complete: (controller, p) => [controller.setAdvertisingEnable(p.getUint8(0) === 1)],
  },
  [OPCODE.LE_SET_SCAN_PARAMETERS]: {
    length: 7,
    complete: (controller, p) => [controller.setScanParameters(p.getUint8(0) === 1)],
  },
  [OPCODE.LE_SET_SCAN_ENABLE]: {
    length: 2,
    complete(controller, p) {
      controller.setScanEnable(p.getUint8(0) === 1, p.getUint8(1) === 1);
      return OK;
    },
  },
  [OPCODE.LE_CREATE_CONNECTION]: {
    length: 25,
    status(controller, p) {
      const parameters = connectionParameters(p, 13);
      const own = controller.identity(addressType(p.getUint8(12)));
      if (parameters === undefined || own === undefined) return INVALID;
      if (p.getUint8(4) !== 0) return ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE; // filter accept list
      const peer = { type: addressType(p.getUint8(5)), address: readAddress(p, 6) };
      return controller.createConnection({ own, peer, parameters });
    },
  },
  [OPCODE.LE_CREATE_CONNECTION_CANCEL]: {
    length: 0,
    complete: (controller) => [controller.cancelCreateConnection()],
    after: (controller) => controller.reply(connectionFailed(ERROR.UNKNOWN_CONNECTION_IDENTIFIER)),
  },
  [OPCODE.LE_CONNECTION_UPDATE]: {
    length: 14,
    status(controller, p) {
      const connection = controller.connection(p.getUint16(0, true));
      const parameters = connectionParameters(p, 2);
      if (connection === undefined) return ERROR.UNKNOWN_CONNECTION_IDENTIFIER;
      if (parameters === undefined) return INVALID;
      connection.link.update(parameters);
      return ERROR.SUCCESS;
    },
  },
  [OPCODE.DISCONNECT]: {
    length: 3,
    status(controller, p) {
      const connection = controller.connection(p.getUint16(0, true));
      if (connection === undefined) return ERROR.UNKNOWN_CONNECTION_IDENTIFIER;
      connection.link.terminate(connection.role, p.getUint8(2));
      return ERROR.SUCCESS;
    },
  },
};

/** Executes one command packet (with its H4 indicator) and answers it, unless a fault swallows it. */
export function executeCommand(controller: Controller, packet: Uint8Array): void {
  const header = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const opcode = header.getUint16(1, true);
  const swallow = controller.swallowed.get(opcode) ?? 0;
  if (swallow > 0) {
    controller.swallowed.set(opcode, swallow - 1);
    return;
  }
  const command = COMMANDS[opcode];
  if (command === undefined) {
    controller.reply(commandStatus(opcode, ERROR.UNKNOWN_HCI_COMMAND));
    return;
  }
  const length = Math.min(header.getUint8(3), packet.length - 4);
  const parameters = new DataView(packet.buffer, packet.byteOffset + 4, length);
  const short = length < command.length;
  let status: number | undefined;
  if (command.complete !== undefined) {
    const returned = short ? [INVALID] : command.complete(controller, parameters);
    status = returned[0];
    controller.reply(commandComplete(opcode, returned));
  } else {
    status = short ? INVALID : command.status?.(controller, parameters);
    controller.reply(commandStatus(opcode, status ?? INVALID));
  }
  if (status === ERROR.SUCCESS) command.after?.(controller);
}

const addressType = (byte: number): "public" | "random" => ((byte & 1) === 0 ? "public" : "random");

/**
 * Interval minimum, interval maximum, latency and supervision timeout from `at` on, as the specification limits
 * them; undefined when they break the limits. The controller chooses the longest interval offered.
 */
function connectionParameters(p: DataView, at: number): ConnectionParameters | undefined {
  const [min, interval, latency, supervisionTimeout] = [0, 2, 4, 6].map((i) => p.getUint16(at + i, true));
  if (min === undefined || interval === undefined) return undefined;
  if (latency === undefined || supervisionTimeout === undefined) return undefined;
  const within = (n: number, low: number, high: number): boolean => n >= low && n <= high;
  const ranges =
    within(min, 0x0006, interval) &&
    within(interval, 0x0006, 0x0c80) &&
    within(latency, 0, 0x01f3) &&
    within(supervisionTimeout, 0x000a, 0x0c80);
  const longestSilence = (1 + latency) * interval * UNIT_MS.CONNECTION_INTERVAL * 2;
  if (!ranges || supervisionTimeout * UNIT_MS.SUPERVISION_TIMEOUT <= longestSilence) return undefined;
  return { interval, latency, supervisionTimeout };
}
