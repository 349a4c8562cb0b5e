import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import Module, { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHciSocketClass, type OpenHciStream, overNodeSocket } from "@bluepower/protocol/hci/socket";
import { seededRandom } from "@bluepower/protocol/random";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { applyFault } from "./faults.ts";
import { serveH4 } from "./server.ts";
import { createVirtualRadio, inProcess, type VirtualRadio } from "./virtualRadio.ts";

/** The parts of noble and bleno that are used here. */
interface Characteristic extends EventEmitter {
  uuid: string;
  writeAsync(data: Buffer, withoutResponse: boolean): Promise<void>;
  subscribeAsync(): Promise<void>;
}
interface Peripheral extends EventEmitter {
  state: string;
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
interface BlenoCharacteristic {
  updateValueCallback: ((data: Buffer) => void) | null;
}
interface Bleno extends EventEmitter {
  state: string;
  PrimaryService: new (options: object) => object;
  Characteristic: new (options: object) => BlenoCharacteristic;
  setServices(services: object[]): void;
  startAdvertisingWithEIRData(data: Buffer, scan: Buffer, done: (error?: Error) => void): void;
}

type Channel = "raw" | "user";

const NAME = "BUC_A1B2C3D4E5F6";
const CONNECT = { minInterval: 24, maxInterval: 40, latency: 0, timeout: 100 };
const require = createRequire(import.meta.url);

/** What a stack keeps running after the test: it has no close of its own. */
const stops: (() => void)[] = [];

/** Loads a module afresh with our class in the place of the native socket, which is never opened. */
function loadWith<T>(open: OpenHciStream, lost: (error: Error) => void, load: () => T): T {
  const path = require.resolve("@abandonware/bluetooth-hci-socket");
  const Socket = createHciSocketClass({
    EventEmitter,
    toBuffer: (bytes) => Buffer.from(bytes),
    macrotask: setImmediate,
    open,
    lost,
  });
  for (const key of Object.keys(require.cache)) if (key.includes("/@abandonware/")) delete require.cache[key];
  require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports: Socket });
  return load();
}

/** `lost` collects what happens to the streams. */
const lost: string[] = [];

function startNoble(open: OpenHciStream, channel: Channel): Noble {
  // noble looks at the variable when it is built, and its option of that name has no effect.
  if (channel === "user") process.env.HCI_CHANNEL_USER = "1";
  const noble = loadWith(
    open,
    (error) => lost.push(error.message),
    () => {
      const Bindings = require("@abandonware/noble/lib/hci-socket/bindings");
      const bindings = new Bindings({});
      stops.push(() => {
        bindings._hci.pollIsDevUp = () => {};
        bindings._hci._socket.stop();
      });
      // On the user channel noble never asks for the buffer size, and would wait for it with every write.
      if (channel === "user") bindings._hci.on("addressChange", () => bindings._hci.readLeBufferSize());
      return require("@abandonware/noble/with-bindings")(bindings);
    },
  );
  // The first look at the state starts the stack.
  void noble.state;
  delete process.env.HCI_CHANNEL_USER;
  return noble;
}

/** A peripheral that answers every write with `@OK|` and what was written. */
async function startBleno(open: OpenHciStream): Promise<void> {
  const bleno: Bleno = loadWith(
    open,
    () => {},
    () => require("@abandonware/bleno"),
  );
  const bindings = require("@abandonware/bleno/lib/hci-socket/bindings");
  stops.push(() => {
    bindings._hci.pollIsDevUp = () => {};
    bindings._hci._socket.stop();
  });
  if (bleno.state !== "poweredOn") await once(bleno, "stateChange");
  const reply = new bleno.Characteristic({ uuid: "ffe2", properties: ["notify"] });
  const request = new bleno.Characteristic({
    uuid: "ffe1",
    properties: ["write", "writeWithoutResponse"],
    onWriteRequest(data: Buffer, _offset: number, _quiet: boolean, done: (result: number) => void) {
      done(0);
      reply.updateValueCallback?.(Buffer.concat([Buffer.from("@OK|"), data]));
    },
  });
  bleno.setServices([new bleno.PrimaryService({ uuid: "ffe0", characteristics: [request, reply] })]);
  const data = Buffer.concat([
    Buffer.from([0x02, 0x01, 0x06, NAME.length + 1, 0x09]),
    Buffer.from(NAME),
    Buffer.from([0x03, 0x03, 0xe0, 0xff]),
  ]);
  await new Promise<void>((resolve, reject) => {
    bleno.startAdvertisingWithEIRData(data, Buffer.alloc(0), (error) => (error ? reject(error) : resolve()));
  });
}

async function find(noble: Noble): Promise<Peripheral> {
  if (noble.state !== "poweredOn") await once(noble, "stateChange");
  const found = new Promise<Peripheral>((resolve) => {
    const listener = (peripheral: Peripheral): void => {
      if (peripheral.advertisement.localName !== NAME) return;
      noble.off("discover", listener);
      resolve(peripheral);
    };
    noble.on("discover", listener);
  });
  await noble.startScanningAsync([], true);
  const peripheral = await found;
  await noble.stopScanningAsync();
  return peripheral;
}

async function openPipe(peripheral: Peripheral): Promise<{
  ask(text: string): Promise<string>;
  request: Characteristic;
  reply: Characteristic;
}> {
  await peripheral.connectAsync(CONNECT);
  const { characteristics } = await peripheral.discoverSomeServicesAndCharacteristicsAsync(
    ["ffe0"],
    ["ffe1", "ffe2"],
  );
  const [request, reply] = ["ffe1", "ffe2"].map((uuid) => characteristics.find((c) => c.uuid === uuid));
  if (request === undefined || reply === undefined) throw new Error("characteristics are missing");
  await reply.subscribeAsync();
  const ask = async (text: string): Promise<string> => {
    const answered = once(reply, "data");
    await request.writeAsync(Buffer.from(text), true);
    return String((await answered)[0]);
  };
  return { ask, request, reply };
}

const WAYS: { way: "in process" | "over a unix socket"; channel: Channel }[] = [
  { way: "in process", channel: "raw" },
  { way: "over a unix socket", channel: "raw" },
  { way: "over a unix socket", channel: "user" },
];

describe.each(WAYS)("the real noble on the $channel channel and the real bleno, $way", ({ way, channel }) => {
  let radio: VirtualRadio;
  let folder: string;
  let close = async (): Promise<void> => {};
  // Both stacks add listeners to the process and never take them back.
  const foreign = new Set<unknown>([...process.listeners("SIGINT"), ...process.listeners("exit")]);
  let noble: Noble;
  let peripheral: Peripheral;

  beforeAll(async () => {
    radio = createVirtualRadio({ timing: "instant", random: seededRandom("real hosts") });
    folder = await mkdtemp(join(tmpdir(), "virtual-air-"));
    const path = join(folder, "air.sock");
    if (way !== "in process") ({ close } = await serveH4(radio, path));
    const open = (): OpenHciStream =>
      way === "in process" ? inProcess(radio) : overNodeSocket(() => connect(path));
    await startBleno(open());
    noble = startNoble(open(), channel);
    peripheral = await find(noble);
  });

  beforeEach(() => {
    lost.length = 0;
    applyFault(radio, { kind: "heal" });
  });

  afterEach(async () => {
    if (peripheral.state !== "connected" || lost.length > 0) return;
    const disconnected = once(peripheral, "disconnect");
    await peripheral.disconnectAsync();
    await disconnected;
  });

  afterAll(async () => {
    for (const stop of stops.splice(0)) stop();
    await close();
    radio.close();
    await rm(folder, { recursive: true });
    const own = (listener: unknown): boolean => !foreign.has(listener);
    for (const listener of process.listeners("SIGINT").filter(own)) process.off("SIGINT", listener);
    for (const listener of process.listeners("exit").filter(own)) process.off("exit", listener);
  });

  it("advertises, is found, connected, discovered, subscribed, written, answers, and is disconnected", async () => {
    expect(peripheral.advertisement).toMatchObject({ localName: NAME, serviceUuids: ["ffe0"] });
    const { ask, request, reply } = await openPipe(peripheral);
    expect(await ask("@STA&")).toBe("@OK|@STA&");
    const answered = once(reply, "data");
    await request.writeAsync(Buffer.from("@QTIME&"), false);
    expect(String((await answered)[0])).toBe("@OK|@QTIME&");
    // Longer than an ACL packet of version 4.0: the exchanged MTU carries it in one.
    expect(await ask("x".repeat(100))).toHaveLength(104);
    expect(radio.air.links).toHaveLength(1);

    await peripheral.disconnectAsync();
    expect(peripheral.state).toBe("disconnected");
    expect(lost).toEqual([]);
  });

  it("notices that the link was dropped, and can be connected again", async () => {
    const first = await openPipe(peripheral);
    expect(await first.ask("1")).toBe("@OK|1");
    const disconnected = once(peripheral, "disconnect");
    expect(applyFault(radio, { kind: "drop-link", name: NAME, how: "now" })).toEqual({ kind: "applied" });
    await disconnected;
    const second = await openPipe(peripheral);
    expect(await second.ask("2")).toBe("@OK|2");
  });

  it("loses one notification and only one", async () => {
    const { ask, request, reply } = await openPipe(peripheral);
    applyFault(radio, { kind: "lose-notification", name: "A1B2C3D4E5F6", times: 1 });
    const seen: string[] = [];
    reply.on("data", (data: Buffer) => seen.push(String(data)));
    await request.writeAsync(Buffer.from("lost"), true);
    await ask("seen");
    expect(seen).toEqual(["@OK|seen"]);
  });

  it("tells the central's program when the adapter is pulled out", async () => {
    const central = radio.controllers().find((controller) => controller.name === undefined);
    applyFault(radio, { kind: "unplug", name: String(central?.address) });
    await vi.waitFor(() => expect(lost).toHaveLength(1));
    // Only on the raw channel noble looks whether its device is up.
    if (channel === "raw") expect(await once(noble, "stateChange")).toEqual(["poweredOff"]);
  });
});
