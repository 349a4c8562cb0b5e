import { EventEmitter } from "node:events";
import Module, { createRequire } from "node:module";
import { connect } from "node:net";
import { createHciSocketClass, overNodeSocket } from "@bluepower/protocol/hci/socket";

/** `hci`: the adapter of this machine. Otherwise a unix socket that speaks H4, as virtual controllers offer it. */
export type RadioChoice = { kind: "hci" } | { kind: "virtual"; socket: string };

/** Undefined when the text is neither `hci` nor `virtual:SOCKET`. */
export function parseRadioChoice(text: string): RadioChoice | undefined {
  if (text === "hci") return { kind: "hci" };
  const socket = /^virtual:(.+)$/.exec(text)?.[1];
  return socket === undefined ? undefined : { kind: "virtual", socket };
}

export interface NotifyCharacteristic {
  /** There while a central is subscribed. Cuts silently what does not fit into MTU − 3. */
  readonly updateValueCallback?: ((value: Buffer) => void) | null;
}

/** The part of bleno that is used here; its own typings lack some of it. */
export interface Bleno {
  on(event: "stateChange", listener: (state: string) => void): unknown;
  on(event: "accept" | "disconnect", listener: (address: string) => void): unknown;
  on(event: "mtuChange", listener: (mtu: number) => void): unknown;
  readonly PrimaryService: new (of: { uuid: string; characteristics: unknown[] }) => object;
  readonly Characteristic: new (of: {
    uuid: string;
    properties: string[];
    onWriteRequest?: (
      data: Buffer,
      offset: number,
      withoutResponse: boolean,
      done: (r: number) => void,
    ) => void;
  }) => NotifyCharacteristic;
  setServices(services: object[]): void;
  startAdvertisingWithEIRData(data: Buffer, scanResponse: Buffer, done: (error?: Error | null) => void): void;
  stopAdvertising(): void;
  disconnect(): void;
  readonly _bindings: { readonly _hci: BlenoHci };
}

interface BlenoHci {
  on(event: "addressChange", listener: (address: string) => void): unknown;
  readBdAddr(): void;
}

/**
 * Loads bleno on the adapter chosen. It is loaded here and nowhere else, because its import opens a Bluetooth
 * socket and throws on a machine without one. It exists once in a process and cannot be closed.
 */
export function openBleno(of: { radio: RadioChoice; lost: (reason: string) => void }): Bleno {
  const require = createRequire(import.meta.url);
  // The device is ours alone then, and no other program resets it.
  if (of.radio.kind === "hci") process.env.HCI_CHANNEL_USER = "1";
  else seedHciSocket(require, of.radio.socket, of.lost);
  return require("@abandonware/bleno") as Bleno;
}

/** Puts a socket that speaks H4 in the place of the native module, which is then never loaded. */
function seedHciSocket(require: NodeJS.Require, path: string, lost: (reason: string) => void): void {
  const inBleno = createRequire(require.resolve("@abandonware/bleno"));
  const id = inBleno.resolve("@abandonware/bluetooth-hci-socket");
  const seeded = new Module(id);
  seeded.filename = id;
  seeded.loaded = true;
  seeded.exports = createHciSocketClass({
    EventEmitter,
    toBuffer: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    macrotask: setImmediate,
    open: overNodeSocket(() => connect(path)),
    lost: (error) => lost(`the virtual controller at ${path} is gone: ${error.message}`),
  });
  require.cache[id] = seeded;
}
