/** A device address as text, the most significant byte first, lower case: `02:b0:c0:00:00:01`. */
export type DeviceAddress = string & { readonly __brand: "device address" };

export interface Identity {
  type: "public" | "random";
  address: DeviceAddress;
}

/** The text as an address, or undefined when it is none. */
export function parseAddress(text: string): DeviceAddress | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? (text.toLowerCase() as DeviceAddress) : undefined;
}

/** Six bytes as HCI carries them: the least significant first. */
export function addressBytes(address: DeviceAddress): number[] {
  return address
    .split(":")
    .reverse()
    .map((byte) => Number.parseInt(byte, 16));
}

export function readAddress(view: DataView, at: number): DeviceAddress {
  const bytes = Array.from({ length: 6 }, (_, i) => view.getUint8(at + 5 - i));
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":") as DeviceAddress;
}

/** Locally administered addresses in the order of their making: `02:b0:c0:00:00:00` and on. */
export function numberedAddress(n: number): DeviceAddress {
  const low = (n & 0xffffff).toString(16).padStart(6, "0");
  return `02:b0:c0:${low.slice(0, 2)}:${low.slice(2, 4)}:${low.slice(4)}` as DeviceAddress;
}

const SHORTENED_LOCAL_NAME = 0x08;
const COMPLETE_LOCAL_NAME = 0x09;

/** The local name in advertising or scan response data (length, type, value …), or undefined. */
export function localName(data: Uint8Array): string | undefined {
  for (let at = 0; at + 1 < data.length; ) {
    const length = data[at] ?? 0;
    const type = data[at + 1];
    if (length === 0) return undefined;
    if (type === COMPLETE_LOCAL_NAME || type === SHORTENED_LOCAL_NAME) {
      return new TextDecoder().decode(data.subarray(at + 2, at + 1 + length));
    }
    at += 1 + length;
  }
  return undefined;
}
