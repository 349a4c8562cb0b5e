/** A central with the real noble on a virtual radio, for tests of the peripheral. */
import { EventEmitter, once } from "node:events";
import Module, { createRequire } from "node:module";
import { createHciSocketClass, type OpenHciStream } from "@bluepower/protocol/hci/socket";

interface Characteristic extends EventEmitter {
  properties: string[];
  writeAsync(data: Buffer, withoutResponse: boolean): Promise<void>;
  subscribeAsync(): Promise<void>;
}
interface Peripheral extends EventEmitter {
  state: string;
  mtu: number | null;
  advertisement: { localName?: string; serviceUuids: string[] };
  connectAsync(options: object): Promise<void>;
  disconnectAsync(): Promise<void>;
  discoverSomeServicesAndCharacteristicsAsync(
    services: string[],
    characteristics: string[],
  ): Promise<{ characteristics: Characteristic[] }>;
}
interface Noble extends EventEmitter {
  state: string;
  startScanningAsync(services: string[], duplicates: boolean): Promise<void>;
  stopScanningAsync(): Promise<void>;
}

export interface Connection {
  advertisement: Peripheral["advertisement"];
  mtu: number | null;
  /** Sizes of the notifications that came. */
  chunks: number[];
  /** Writes without waiting for an answer. */
  write(text: string): Promise<void>;
  /** Writes, and resolves with the next whole reply; a reply that never comes is the test's timeout. */
  ask(text: string): Promise<string>;
  /** Replies that nobody has asked for yet. */
  unread(): string[];
  closed: Promise<unknown>;
  close(): Promise<void>;
}

const CONNECT = { minInterval: 24, maxInterval: 40, latency: 0, timeout: 100 };

/** noble runs until the process ends: one central a test file. */
export function startCentral(open: OpenHciStream): { connect(name: string): Promise<Connection> } {
  const require = createRequire(import.meta.url);
  const path = require.resolve("@abandonware/bluetooth-hci-socket");
  const Socket = createHciSocketClass({
    EventEmitter,
    toBuffer: (bytes) => Buffer.from(bytes),
    macrotask: setImmediate,
    open,
    lost: () => {},
  });
  require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports: Socket });
  const Bindings = require("@abandonware/noble/lib/hci-socket/bindings");
  const noble: Noble = require("@abandonware/noble/with-bindings")(new Bindings({}));
  return {
    async connect(name) {
      if (noble.state !== "poweredOn") await once(noble, "stateChange");
      const found = new Promise<Peripheral>((resolve) => {
        const listener = (peripheral: Peripheral): void => {
          if (peripheral.advertisement.localName !== name) return;
          noble.off("discover", listener);
          resolve(peripheral);
        };
        noble.on("discover", listener);
      });
      await noble.startScanningAsync([], true);
      const peripheral = await found;
      await noble.stopScanningAsync();
      return converse(peripheral);
    },
  };
}

async function converse(peripheral: Peripheral): Promise<Connection> {
  await peripheral.connectAsync(CONNECT);
  const closed = once(peripheral, "disconnect");
  const { characteristics } = await peripheral.discoverSomeServicesAndCharacteristicsAsync(
    ["ffe0"],
    ["ffe1", "ffe2"],
  );
  const [write, notify] = characteristics;
  if (write === undefined || notify === undefined) throw new Error("characteristics are missing");
  await notify.subscribeAsync();
  let text = "";
  let came = (): void => {};
  const replies: string[] = [];
  const chunks: number[] = [];
  notify.on("data", (data: Buffer) => {
    chunks.push(data.length);
    text += data.toString("latin1");
    for (let end = text.indexOf("&"); end >= 0; end = text.indexOf("&")) {
      replies.push(text.slice(0, end + 1));
      text = text.slice(end + 1);
    }
    came();
  });
  const send = async (frame: string): Promise<void> => {
    const bytes = Buffer.from(frame, "latin1");
    for (let at = 0; at < bytes.length; at += 20) await write.writeAsync(bytes.subarray(at, at + 20), true);
  };
  return {
    advertisement: peripheral.advertisement,
    mtu: peripheral.mtu,
    chunks,
    write: send,
    async ask(frame) {
      await send(frame);
      for (;;) {
        const reply = replies.shift();
        if (reply !== undefined) return reply;
        await new Promise<void>((resolve) => {
          came = resolve;
        });
      }
    },
    unread: () => [...replies],
    closed,
    close: () => peripheral.disconnectAsync(),
  };
}
