import { H4 } from "@bluepower/protocol/hci/h4";
import { type DeviceAddress, type Identity, localName } from "./address.ts";
import type { Advertisement, Air, Initiation, Station } from "./air.ts";
import { ADVERTISING_TYPE, ERROR, UNIT_MS } from "./constants.ts";
import * as events from "./events.ts";
import type { ConnectionParameters, Link, LinkRole, LinkRule } from "./link.ts";

export interface ControllerOptions {
  address: DeviceAddress;
  /** Gets every packet for the host, with its H4 indicator. */
  toHost: (packet: Uint8Array) => void;
  /** The transport is to be cut, as when the adapter is pulled out. */
  unplugged: () => void;
}

interface Connection {
  link: Link;
  role: LinkRole;
  peer: Identity;
  /** ACL packets taken from the host and not yet completed. */
  outstanding: number;
}

interface AdvertisingParameters {
  type: number;
  intervalMs: number;
  own: Identity["type"];
}

/** The 27 bytes of version 4.0 would do; 251 is what controllers with long packets offer. */
export const ACL_DATA_PACKET_LENGTH = 251;
export const NUM_ACL_DATA_PACKETS = 8;

const FIRST_HANDLE = 0x040;
const LAST_HANDLE = 0xeff;
/** More links than any hardware holds: the limit of a small adapter is a fault to be set. */
export const CONNECTIONS_MAX = 256;

/** Masks after reset (Vol 4 Part E, 7.3.1 and 7.8.1): LE Meta events are off, the first five subevents on. */
const DEFAULT_EVENT_MASK = 0x0000_1fff_ffff_ffffn;
const DEFAULT_LE_EVENT_MASK = 0x1fn;
const LE_META_MASK_BIT = 61n;

/**
 * A virtual LE controller of version 5.0 with the legacy commands, as far as noble and bleno go. The host's
 * packets come in by `fromHost`; `commands.ts` reads the commands and calls the methods here.
 * Hosts never see an exception: what is wrong is answered with the specification's error code.
 */
export class Controller implements Station {
  linkRules: LinkRule[] = [];
  /** Swallows everything from the host and tells it nothing, while the radio goes on. */
  hung = false;
  /** Commands that get no answer: opcode → how many times more. */
  readonly swallowed = new Map<number, number>();
  connectionLimit = CONNECTIONS_MAX;
  failuresToEstablish = 0;
  /** Signal strength at every listener, in dBm. */
  readonly rssi = -55;
  /** Only LE Meta is masked by it: hosts want the rest. */
  eventMask = DEFAULT_EVENT_MASK;
  leEventMask = DEFAULT_LE_EVENT_MASK;
  readonly unplug: () => void;
  readonly #air: Air;
  readonly #toHost: (packet: Uint8Array) => void;
  readonly #execute: (controller: Controller, packet: Uint8Array) => void;
  readonly #connections = new Map<number, Connection>();
  #address: DeviceAddress;
  #randomAddress: DeviceAddress | undefined;
  #name: string | undefined;
  #absent = false;
  #gone = false;
  #advertising = false;
  #advertisingParameters: AdvertisingParameters = defaultAdvertising();
  #advertisingData = new Uint8Array();
  #scanResponseData = new Uint8Array();
  #scan: { filterDuplicates: boolean; seen: Set<string> } | undefined;
  #activeScan = false;
  #initiation: Initiation | undefined;
  #lastHandle = FIRST_HANDLE - 1;

  /** `execute` reads one command packet and answers it by `reply`. */
  constructor(
    air: Air,
    options: ControllerOptions,
    execute: (controller: Controller, packet: Uint8Array) => void,
  ) {
    this.#air = air;
    this.#address = options.address;
    this.#toHost = options.toHost;
    this.#execute = execute;
    this.unplug = options.unplugged;
  }

  get address(): DeviceAddress {
    return this.#address;
  }

  get name(): string | undefined {
    return this.#name;
  }

  get scanning(): boolean {
    return this.#scan !== undefined;
  }

  get initiation(): Initiation | undefined {
    return this.#initiation;
  }

  get absent(): boolean {
    return this.#absent || this.#gone;
  }

  get advertisement(): Advertisement | undefined {
    const identity = this.identity(this.#advertisingParameters.own);
    if (!this.#advertising || identity === undefined) return undefined;
    return {
      identity,
      type: this.#advertisingParameters.type,
      data: this.#advertisingData,
      scanResponse: this.#scanResponseData,
      rssi: this.rssi,
      intervalMs: this.#advertisingParameters.intervalMs,
    };
  }

  get connections(): readonly { handle: number; link: Link; role: LinkRole }[] {
    return [...this.#connections].map(([handle, { link, role }]) => ({ handle, link, role }));
  }

  // ---- the host's side

  /** One packet of the host, with its H4 indicator. Anything but commands and ACL data is ignored. */
  fromHost(packet: Uint8Array): void {
    if (this.hung || this.#gone) return;
    if (packet[0] === H4.COMMAND && packet.length >= 4) this.#execute(this, packet);
    else if (packet[0] === H4.ACL_DATA && packet.length >= 5) this.#aclFromHost(packet);
  }

  /** A packet for the host, unless the controller hangs. */
  reply(packet: Uint8Array): void {
    if (!this.hung && !this.#gone) this.#toHost(packet);
  }

  identity(type: Identity["type"]): Identity | undefined {
    const address = type === "public" ? this.#address : this.#randomAddress;
    return address === undefined ? undefined : { type, address };
  }

  connection(handle: number): Connection | undefined {
    return this.#connections.get(handle);
  }

  setPublicAddress(address: DeviceAddress): void {
    this.#address = address;
  }

  setRandomAddress(address: DeviceAddress): number {
    if (this.#advertising || this.#scan !== undefined || this.#initiation !== undefined) {
      return ERROR.COMMAND_DISALLOWED;
    }
    this.#randomAddress = address;
    return ERROR.SUCCESS;
  }

  setAdvertisingParameters(parameters: AdvertisingParameters): number {
    if (this.#advertising) return ERROR.COMMAND_DISALLOWED;
    this.#advertisingParameters = parameters;
    return ERROR.SUCCESS;
  }

  /** The new data goes out with the next advertising event; the name in it is what tests call the device. */
  setAdvertisingData(data: Uint8Array): void {
    this.#advertisingData = data.slice();
    this.#name = localName(data) ?? this.#name;
  }

  setScanResponseData(data: Uint8Array): void {
    this.#scanResponseData = data.slice();
    this.#name = localName(data) ?? this.#name;
  }

  setAdvertisingEnable(enable: boolean): number {
    if (enable && this.identity(this.#advertisingParameters.own) === undefined) {
      return ERROR.INVALID_HCI_COMMAND_PARAMETERS;
    }
    this.#advertising = enable;
    this.#air.advertisingChanged(this);
    return ERROR.SUCCESS;
  }

  setScanParameters(active: boolean): number {
    if (this.#scan !== undefined) return ERROR.COMMAND_DISALLOWED;
    this.#activeScan = active;
    return ERROR.SUCCESS;
  }

  /** Enabling a scan that runs starts its filter of duplicates anew. */
  setScanEnable(enable: boolean, filterDuplicates: boolean): void {
    this.#scan = enable ? { filterDuplicates, seen: new Set() } : undefined;
    this.#air.scanningChanged(this, enable);
  }

  /** The outcome comes later, as LE Connection Complete. */
  createConnection(initiation: Initiation): number {
    if (this.#initiation !== undefined) return ERROR.COMMAND_DISALLOWED;
    if (this.#connections.size >= this.connectionLimit) return ERROR.CONNECTION_LIMIT_EXCEEDED;
    for (const { peer } of this.#connections.values()) {
      if (peer.address === initiation.peer.address && peer.type === initiation.peer.type) {
        return ERROR.CONNECTION_ALREADY_EXISTS;
      }
    }
    this.#initiation = initiation;
    this.#air.initiatingChanged(this);
    return ERROR.SUCCESS;
  }

  cancelCreateConnection(): number {
    if (this.#initiation === undefined) return ERROR.COMMAND_DISALLOWED;
    this.#initiation = undefined;
    this.#air.initiatingChanged(this);
    return ERROR.SUCCESS;
  }

  /** Back to the state after power-up. The peers of its links notice by their supervision timeout. */
  reset(): void {
    for (const [handle, { link }] of this.#connections) {
      this.#connections.delete(handle);
      link.abandon();
    }
    this.#advertising = false;
    this.#advertisingParameters = defaultAdvertising();
    this.#advertisingData = new Uint8Array();
    this.#scanResponseData = new Uint8Array();
    this.#scan = undefined;
    this.#initiation = undefined;
    this.#randomAddress = undefined;
    this.eventMask = DEFAULT_EVENT_MASK;
    this.leEventMask = DEFAULT_LE_EVENT_MASK;
    this.#air.silence(this);
  }

  // ---- faults and the end

  /** Out of everybody's range, or back. */
  setAbsent(absent: boolean): void {
    this.#absent = absent;
    this.#air.presenceChanged(this);
  }

  /** The firmware crashed and came up again: links and settings are gone, the host gets one event. */
  hardwareError(code: number): void {
    this.reply(events.hardwareError(code));
    this.reset();
  }

  /** The host is gone or the adapter was pulled out. */
  detach(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.reset();
  }

  // ---- the air's side

  heard(advertisement: Advertisement, scanResponse: boolean): void {
    const scan = this.#scan;
    if (scan === undefined || !this.#leEventEnabled(2)) return;
    const { identity, type } = advertisement;
    if (scan.filterDuplicates) {
      // One report per device while the scan lasts: a lost scan response is not asked for again (Vol 6 Part B).
      const key = `${identity.type} ${identity.address}`;
      if (scan.seen.has(key)) return;
      scan.seen.add(key);
    }
    this.reply(events.advertisingReport(advertisement));
    const scannable = type === ADVERTISING_TYPE.ADV_IND || type === ADVERTISING_TYPE.ADV_SCAN_IND;
    if (this.#activeScan && scannable && scanResponse) this.reply(events.scanResponseReport(advertisement));
  }

  /** Handles are not taken again at once, so that a host's late packet does not reach the next link. */
  newHandle(): number {
    do {
      this.#lastHandle = this.#lastHandle >= LAST_HANDLE ? FIRST_HANDLE : this.#lastHandle + 1;
    } while (this.#connections.has(this.#lastHandle));
    return this.#lastHandle;
  }

  linkOpened(link: Link, opened: { role: LinkRole; handle: number; peer: Identity }): void {
    const { role, handle, peer } = opened;
    this.#connections.set(handle, { link, role, peer, outstanding: 0 });
    if (role === "central") {
      this.#initiation = undefined;
      this.#air.initiatingChanged(this);
    } else {
      this.#advertising = false;
      this.#air.advertisingChanged(this);
    }
    if (this.#leEventEnabled(1)) {
      this.reply(events.connectionComplete({ ...opened, parameters: link.parameters }));
    }
  }

  failsToEstablish(): boolean {
    if (this.failuresToEstablish === 0) return false;
    this.failuresToEstablish--;
    return true;
  }

  deliverAcl(handle: number, boundary: number, payload: Uint8Array): void {
    if (this.#connections.has(handle)) this.reply(events.aclData(handle, boundary, payload));
  }

  packetsCompleted(handle: number, count: number): void {
    const connection = this.#connections.get(handle);
    if (connection === undefined) return;
    connection.outstanding -= count;
    this.reply(events.numberOfCompletedPackets(handle, count));
  }

  linkUpdated(handle: number, parameters: ConnectionParameters): void {
    if (this.#connections.has(handle) && this.#leEventEnabled(3)) {
      this.reply(events.connectionUpdateComplete(handle, parameters));
    }
  }

  linkClosed(handle: number, reason: number | undefined): void {
    if (this.#connections.delete(handle) && reason !== undefined) {
      this.reply(events.disconnectionComplete(handle, reason));
    }
  }

  #leEventEnabled(subevent: number): boolean {
    return ((this.eventMask >> LE_META_MASK_BIT) & (this.leEventMask >> BigInt(subevent - 1)) & 1n) === 1n;
  }

  #aclFromHost(packet: Uint8Array): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const field = view.getUint16(1, true);
    const connection = this.#connections.get(field & 0xfff);
    if (connection === undefined) return;
    const outstanding = [...this.#connections.values()].reduce((sum, each) => sum + each.outstanding, 0);
    if (outstanding >= NUM_ACL_DATA_PACKETS || packet.length - 5 > ACL_DATA_PACKET_LENGTH) {
      this.reply(events.dataBufferOverflow());
      return;
    }
    connection.outstanding++;
    connection.link.send(connection.role, (field >> 12) & 0b11, packet.slice(5));
  }
}

const defaultAdvertising = (): AdvertisingParameters => ({
  type: ADVERTISING_TYPE.ADV_IND,
  intervalMs: 0x0800 * UNIT_MS.ADVERTISING_INTERVAL,
  own: "public",
});
