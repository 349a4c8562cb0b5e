/** For tests: a host that writes the bytes it is told and keeps what its controller says, both as hex text. */
import { addressBytes, type DeviceAddress, parseAddress } from "./address.ts";
import type { Controller } from "./controller.ts";
import type { VirtualRadio } from "./virtualRadio.ts";

export interface ScriptedHost {
  readonly controller: Controller;
  /** Whether the controller cut its transport. */
  readonly unplugged: boolean;
  /** Writes packets; blanks between the bytes do not matter. */
  write(...packets: string[]): void;
  /** What came since the last call. */
  take(): string[];
  /** Writes one packet and gives what came, at once, since the last call. */
  ask(packet: string): string[];
}

export function scriptedHost(radio: VirtualRadio, address: string): ScriptedHost {
  let said: string[] = [];
  const host = {
    controller: radio.attach({
      address: deviceAddress(address),
      toHost: (packet) => said.push(Buffer.from(packet).toString("hex")),
      unplugged: () => {
        host.unplugged = true;
      },
    }),
    unplugged: false,
    write(...packets: string[]) {
      for (const packet of packets) {
        host.controller.fromHost(Uint8Array.from(Buffer.from(packet.replaceAll(" ", ""), "hex")));
      }
    },
    take() {
      const taken = said;
      said = [];
      return taken;
    },
    ask(packet: string) {
      host.write(packet);
      return host.take();
    },
  };
  return host;
}

export function deviceAddress(text: string): DeviceAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString("hex");
const u16 = (n: number): string => hex([n & 0xff, n >> 8]);

/** Command packets by the specification's names, and the event masks that hosts set first. */
export const command = {
  reset: "01 030c 00",
  eventMask: "01 010c 08 fffffbff07f8bf3d",
  leEventMask: "01 0120 08 1f00000000000000",
  advertisingParameters: (intervalMs: number, type = 0): string =>
    `01 0620 0f ${u16(intervalMs / 0.625)} ${u16(intervalMs / 0.625)} ${hex([type])} 00 00 000000000000 07 00`,
  advertisingData: (data: string): string => `01 0820 20 ${hex([data.length / 2])} ${data.padEnd(62, "0")}`,
  scanResponseData: (data: string): string => `01 0920 20 ${hex([data.length / 2])} ${data.padEnd(62, "0")}`,
  advertise: (on: boolean): string => `01 0a20 01 ${on ? "01" : "00"}`,
  scanParameters: (active: boolean): string => `01 0b20 07 ${active ? "01" : "00"} 1000 1000 00 00`,
  scan: (on: boolean, filterDuplicates = false): string =>
    `01 0c20 02 ${on ? "01" : "00"} ${filterDuplicates ? "01" : "00"}`,
  connect: (peer: string, { interval = 40, timeout = 400 } = {}): string =>
    `01 0d20 19 6000 3000 00 00 ${hex(addressBytes(deviceAddress(peer)))} 00 ${u16(interval)} ${u16(interval)} 0000 ${u16(timeout)} 0400 0600`,
  cancelConnect: "01 0e20 00",
  disconnect: (handle: number, reason = 0x13): string => `01 0604 03 ${u16(handle)} ${hex([reason])}`,
  /** One L2CAP packet on the ATT channel, in one ACL packet. */
  att: (handle: number, pdu: string): string =>
    `02 ${u16(handle)} ${u16(pdu.length / 2 + 4)} ${u16(pdu.length / 2)} 0400 ${pdu}`,
};

/** The packet that brings `att(handle, pdu)` to the other host. */
export const receivedAtt = (handle: number, pdu: string): string =>
  `02${u16(handle | 0x2000)}${u16(pdu.length / 2 + 4)}${u16(pdu.length / 2)}0400${pdu}`;

/** Advertising data of a name. */
export const nameData = (name: string): string => hex([name.length + 1, 0x09, ...Buffer.from(name)]);
