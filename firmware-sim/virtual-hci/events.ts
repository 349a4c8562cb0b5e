/** HCI packets from the controller to its host, with the H4 indicator (Vol 4 Part E, 7.7). */
import { H4 } from "@bluepower/protocol/hci/h4";
import { addressBytes, type Identity } from "./address.ts";
import type { Advertisement } from "./air.ts";
import { ERROR, EVENT, LE_SUBEVENT, SCAN_RSP } from "./constants.ts";
import type { ConnectionParameters, LinkRole } from "./link.ts";

const u16 = (n: number): [number, number] => [n & 0xff, (n >> 8) & 0xff];
const addressType = (identity: Identity): number => (identity.type === "public" ? 0x00 : 0x01);
const event = (code: number, parameters: number[]): Uint8Array =>
  Uint8Array.of(H4.EVENT, code, parameters.length, ...parameters);
const le = (subevent: number, parameters: number[]): Uint8Array =>
  event(EVENT.LE_META, [subevent, ...parameters]);

/** Commands the host may send before the next reply. Hosts that send more than one at once are served too. */
const NUM_HCI_COMMAND_PACKETS = 1;

export const commandComplete = (opcode: number, returned: number[]): Uint8Array =>
  event(EVENT.COMMAND_COMPLETE, [NUM_HCI_COMMAND_PACKETS, ...u16(opcode), ...returned]);

export const commandStatus = (opcode: number, status: number): Uint8Array =>
  event(EVENT.COMMAND_STATUS, [status, NUM_HCI_COMMAND_PACKETS, ...u16(opcode)]);

export const disconnectionComplete = (handle: number, reason: number): Uint8Array =>
  event(EVENT.DISCONNECTION_COMPLETE, [ERROR.SUCCESS, ...u16(handle), reason]);

export const numberOfCompletedPackets = (handle: number, count: number): Uint8Array =>
  event(EVENT.NUMBER_OF_COMPLETED_PACKETS, [1, ...u16(handle), ...u16(count)]);

export const hardwareError = (code: number): Uint8Array => event(EVENT.HARDWARE_ERROR, [code]);

/** Link_Type 0x01 is ACL. */
export const dataBufferOverflow = (): Uint8Array => event(EVENT.DATA_BUFFER_OVERFLOW, [0x01]);

export function connectionComplete(opened: {
  role: LinkRole;
  handle: number;
  peer: Identity;
  parameters: ConnectionParameters;
}): Uint8Array {
  const { role, handle, peer, parameters } = opened;
  return le(LE_SUBEVENT.CONNECTION_COMPLETE, [
    ERROR.SUCCESS,
    ...u16(handle),
    role === "central" ? 0x00 : 0x01,
    addressType(peer),
    ...addressBytes(peer.address),
    ...parameterBytes(parameters),
    0x00, // Central_Clock_Accuracy: 500 ppm
  ]);
}

/** No connection came about: everything but the status is zero. */
export const connectionFailed = (status: number): Uint8Array =>
  le(LE_SUBEVENT.CONNECTION_COMPLETE, [status, ...Array.from({ length: 17 }, () => 0)]);

export const connectionUpdateComplete = (handle: number, parameters: ConnectionParameters): Uint8Array =>
  le(LE_SUBEVENT.CONNECTION_UPDATE_COMPLETE, [ERROR.SUCCESS, ...u16(handle), ...parameterBytes(parameters)]);

export const advertisingReport = (advertisement: Advertisement): Uint8Array =>
  report(advertisement, advertisement.type, advertisement.data);

export const scanResponseReport = (advertisement: Advertisement): Uint8Array =>
  report(advertisement, SCAN_RSP, advertisement.scanResponse);

export function aclData(handle: number, boundary: number, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(5 + payload.length);
  packet.set([H4.ACL_DATA, ...u16(handle | (boundary << 12)), ...u16(payload.length)]);
  packet.set(payload, 5);
  return packet;
}

function report({ identity, rssi }: Advertisement, type: number, data: Uint8Array): Uint8Array {
  return le(LE_SUBEVENT.ADVERTISING_REPORT, [
    1,
    type,
    addressType(identity),
    ...addressBytes(identity.address),
    data.length,
    ...data,
    rssi & 0xff,
  ]);
}

const parameterBytes = ({ interval, latency, supervisionTimeout }: ConnectionParameters): number[] => [
  ...u16(interval),
  ...u16(latency),
  ...u16(supervisionTimeout),
];
