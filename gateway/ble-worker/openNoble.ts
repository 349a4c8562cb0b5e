import { EventEmitter } from "node:events";
import Module, { createRequire } from "node:module";
import { connect } from "node:net";
import { createHciSocketClass, overNodeSocket } from "@bluepower/protocol/hci/socket";
import type { NobleAdapter, NoblePeripheral } from "./noble.ts";

/** `hci`: the kernel's adapter. Otherwise a unix socket that speaks H4, as virtual controllers offer it. */
export type RadioChoice = { kind: "hci" } | { kind: "virtual"; socket: string };

/** Undefined when the text is neither `hci` nor `virtual:SOCKET`. */
export function parseRadioChoice(text: string): RadioChoice | undefined {
  if (text === "hci") return { kind: "hci" };
  const socket = /^virtual:(.+)$/.exec(text)?.[1];
  return socket === undefined ? undefined : { kind: "virtual", socket };
}

/** Half of the time listens, the other half belongs to the links; the library would listen always. In 0.625 ms. */
const SCAN = { interval: 0x60, window: 0x30 };

interface NobleHci {
  on(event: "addressChange", listener: (address: string) => void): unknown;
  readBdAddr(): void;
  readLeBufferSize(): void;
  setScanParameters(interval?: number, window?: number): void;
}

type ById = Record<string, unknown>;

interface NobleBindings {
  _hci: NobleHci;
  _gap: { _discoveries: ById };
  _addresses: ById;
  _addresseTypes: ById;
  _connectable: ById;
  scannable: ById;
}

interface Noble {
  on(event: "stateChange", listener: (state: string) => void): unknown;
  on(event: "discover", listener: (peripheral: NoblePeripheral) => void): unknown;
  on(event: "scanStart" | "scanStop", listener: () => void): unknown;
  on(event: "warning", listener: (message: string) => void): unknown;
  startScanning(services: string[], allowDuplicates: boolean): void;
  stopScanning(): void;
  _state: string;
  _peripherals: ById;
  _services: ById;
  _characteristics: ById;
  _descriptors: ById;
  _discoveredPeripheralUUids: ById;
}

/**
 * Loads noble on the adapter chosen and begins to initialise it. It is loaded here and nowhere else, because its import
 * opens a Bluetooth socket and throws on a machine without one.
 */
export function openNoble(of: {
  radio: RadioChoice;
  /** The adapter's stream or socket is gone. */
  lost: (reason: string) => void;
  warn: (message: string) => void;
}): NobleAdapter {
  const require = createRequire(import.meta.url);
  // Raw sockets block the whole process for 40 s when a device does not answer; the user channel does not. The library's
  // option of the same meaning has no effect, only the variable.
  process.env.HCI_CHANNEL_USER = "1";
  if (of.radio.kind === "virtual") seedHciSocket(require, of.radio.socket, of.lost);

  const Bindings = require("@abandonware/noble/lib/hci-socket/bindings") as new (
    options: object,
  ) => NobleBindings;
  const withBindings = require("@abandonware/noble/with-bindings") as (bindings: NobleBindings) => Noble;
  const bindings = new Bindings({});
  const hci = bindings._hci;
  const setScanParameters = hci.setScanParameters.bind(hci);
  hci.setScanParameters = () => setScanParameters(SCAN.interval, SCAN.window);
  // In the user channel the library never asks for the buffer size, and every write would wait for it.
  hci.on("addressChange", () => hci.readLeBufferSize());

  const noble = withBindings(bindings);
  noble.on("warning", of.warn);
  return {
    startScanning() {
      if (noble._state === "poweredOn") noble.startScanning([], true);
    },
    stopScanning: () => noble.stopScanning(),
    onScan(listener) {
      noble.on("scanStart", () => listener(true));
      noble.on("scanStop", () => listener(false));
    },
    onDiscover: (listener) => void noble.on("discover", listener),
    readAddress: () => hci.readBdAddr(),
    onAddress: (listener) => void hci.on("addressChange", listener),
    // The first listener starts the library.
    onState: (listener) => void noble.on("stateChange", listener),
    forget(keep) {
      const { _addresses, _addresseTypes, _connectable, scannable } = bindings;
      const byId = [_addresses, _addresseTypes, _connectable, scannable];
      byId.push(noble._peripherals, noble._services, noble._characteristics, noble._descriptors);
      byId.push(noble._discoveredPeripheralUUids);
      for (const map of byId) {
        for (const id of Object.keys(map)) if (!keep(id)) delete map[id];
      }
      const discoveries = bindings._gap._discoveries;
      for (const address of Object.keys(discoveries)) {
        if (!keep(address.replaceAll(":", ""))) delete discoveries[address];
      }
    },
  };
}

/** Puts a socket that speaks H4 in the place of the native module, which is then never loaded. */
function seedHciSocket(require: NodeJS.Require, path: string, lost: (reason: string) => void): void {
  const id = require.resolve("@abandonware/bluetooth-hci-socket");
  const module = new Module(id);
  module.filename = id;
  module.loaded = true;
  module.exports = createHciSocketClass({
    EventEmitter,
    toBuffer: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    macrotask: setImmediate,
    open: overNodeSocket(() => connect(path)),
    lost: (error) => lost(`the virtual controller at ${path} is gone: ${error.message}`),
  });
  require.cache[id] = module;
}
