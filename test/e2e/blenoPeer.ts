import { EventEmitter } from "node:events";
import Module, { createRequire } from "node:module";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { createHciSocketClass, overNodeSocket } from "@bluepower/protocol/hci/socket";
import { systemClock } from "@bluepower/protocol/systemClock";
import { bluetoothName, chipId } from "@bluepower/protocol/units";
import { SimulatedCharger } from "../../firmware-sim/charger.ts";

/**
 * The smallest peripheral there is: the real bleno around the charger's firmware, with the odd habits of cheap modules that
 * tests of the radio want. Forked with IPC; answers `{ view }` when asked for it.
 */

interface BlenoCharacteristic {
  updateValueCallback: ((data: Buffer) => void) | null;
}
interface Bleno extends EventEmitter {
  state: string;
  mtu: number;
  _bindings: { _gatt: { maxMtu: number } };
  PrimaryService: new (options: object) => object;
  Characteristic: new (options: object) => BlenoCharacteristic;
  setServices(services: object[], done: () => void): void;
  startAdvertisingWithEIRData(data: Buffer, scan: Buffer, done: (error?: Error) => void): void;
  disconnect(): void;
}

const { values } = parseArgs({
  options: {
    chip: { type: "string", default: "" },
    socket: { type: "string", default: "" },
    /** The largest MTU it grants. */
    mtu: { type: "string" },
    /** Sends each byte as a notification of its own. */
    bytewise: { type: "boolean", default: false },
    /** Its characteristics have other numbers. */
    foreign: { type: "boolean", default: false },
  },
});
const chip = chipId(values.chip);
const require = createRequire(import.meta.url);
const path = require.resolve("@abandonware/bluetooth-hci-socket");
const Socket = createHciSocketClass({
  EventEmitter,
  toBuffer: (bytes) => Buffer.from(bytes),
  macrotask: setImmediate,
  open: overNodeSocket(() => connect(values.socket)),
  lost: () => process.exit(0),
});
require.cache[path] = Object.assign(new Module(path), { filename: path, loaded: true, exports: Socket });
const bleno = require("@abandonware/bleno") as Bleno;
if (values.mtu !== undefined) bleno._bindings._gatt.maxMtu = Number(values.mtu);

const charger = new SimulatedCharger({ chip, clock: systemClock, zone: "Asia/Shanghai" });
const notify = new bleno.Characteristic({ uuid: values.foreign ? "fff2" : "ffe2", properties: ["notify"] });
const write = new bleno.Characteristic({
  uuid: values.foreign ? "fff1" : "ffe1",
  properties: ["write", "writeWithoutResponse"],
  onWriteRequest(data: Buffer, _offset: number, _quiet: boolean, done: (result: number) => void) {
    done(0);
    for (const reply of charger.receive(data)) {
      const size = values.bytewise ? 1 : bleno.mtu - 3;
      for (let at = 0; at < reply.length; at += size) {
        notify.updateValueCallback?.(Buffer.from(reply.subarray(at, at + size)));
      }
    }
  },
});

const name = bluetoothName(chip);
const advertisement = Buffer.concat([
  Buffer.from([0x02, 0x01, 0x06, name.length + 1, 0x09]),
  Buffer.from(name),
  Buffer.from([0x03, 0x03, 0xe0, 0xff]),
]);
bleno.on("stateChange", (state: string) => {
  if (state !== "poweredOn") return;
  bleno.setServices([new bleno.PrimaryService({ uuid: "ffe0", characteristics: [write, notify] })], () =>
    bleno.startAdvertisingWithEIRData(advertisement, Buffer.alloc(0), () => process.send?.({ ready: true })),
  );
});
bleno.on("accept", () => charger.connected());
bleno.on("disconnect", () => charger.disconnected());
charger.onDrop(() => bleno.disconnect());
process.on("message", () => process.send?.({ view: charger.view() }));
process.on("disconnect", () => process.exit(0));
