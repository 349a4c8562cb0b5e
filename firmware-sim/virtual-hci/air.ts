import { chance, type Random } from "@bluepower/protocol/random";
import type { DeviceAddress, Identity } from "./address.ts";
import { ADVERTISING_TYPE, ERROR } from "./constants.ts";
import { type ConnectionParameters, Link, type LinkHost, type LinkRole, type Timing } from "./link.ts";

/** What an advertiser sends in one advertising event. */
export interface Advertisement {
  identity: Identity;
  type: number;
  data: Uint8Array;
  scanResponse: Uint8Array;
  rssi: number;
  intervalMs: number;
}

/** The wish to connect to one advertiser. */
export interface Initiation {
  own: Identity;
  peer: Identity;
  parameters: ConnectionParameters;
}

/** A controller as the medium sees it. */
export interface Station extends LinkHost {
  readonly address: DeviceAddress;
  /** The local name it advertises or advertised last. */
  readonly name: string | undefined;
  /** Out of everybody's range. */
  readonly absent: boolean;
  readonly advertisement: Advertisement | undefined;
  readonly initiation: Initiation | undefined;
  /** An advertising event came through; `scanResponse` says whether an answer to a scan request would. */
  heard(advertisement: Advertisement, scanResponse: boolean): void;
  newHandle(): number;
  linkOpened(link: Link, opened: { role: LinkRole; handle: number; peer: Identity }): void;
  /** Takes one from the failures ordered for this controller; false when there is none. */
  failsToEstablish(): boolean;
}

/** advDelay, which keeps two advertisers from colliding for ever (Vol 6 Part B). */
const ADVERTISING_DELAY_MAX_MS = 10;

/** Advertising events nearer to each other than this share one timer. */
const TICK_MS = 2;

/** The medium that all controllers share: advertising, scanning, initiating, range, loss. Idle without listeners. */
export class Air {
  readonly timing: Timing;
  /** Probability that one listener misses one advertising packet or one scan response. */
  advertisingLoss = 0;
  readonly counters = { advertisingEvents: 0, links: 0 };
  readonly #links = new Map<Link, { central: Station; peripheral: Station }>();
  readonly #advertisers = new Map<Station, { nextAt: number }>();
  readonly #scanners = new Set<Station>();
  readonly #initiators = new Set<Station>();
  /** Who cannot hear whom, noted at both. */
  readonly #unreachable = new WeakMap<Station, WeakSet<Station>>();
  readonly #delay: Random;
  readonly #loss: Random;
  #wake: { at: number; cancel(): void } | undefined;

  constructor(options: { timing: Timing; random: Random }) {
    this.timing = options.timing;
    this.#delay = options.random.fork("advertising delay");
    this.#loss = options.random.fork("advertising loss");
  }

  get links(): readonly { link: Link; central: Station; peripheral: Station }[] {
    return [...this.#links].map(([link, ends]) => ({ link, ...ends }));
  }

  /** Takes notice that the station's advertisement begins, changes its interval or ends. */
  advertisingChanged(station: Station): void {
    this.#advertisers.delete(station);
    const advertisement = station.advertisement;
    if (advertisement !== undefined) this.#advertisers.set(station, { nextAt: this.#firstAt(advertisement) });
    this.#schedule();
  }

  /** Takes notice that the station begins or ends scanning. */
  scanningChanged(station: Station, scanning: boolean): void {
    if (scanning) this.#scanners.add(station);
    else this.#scanners.delete(station);
    if (scanning) this.#hurry([...this.#advertisers.keys()]);
    this.#schedule();
  }

  /** Takes notice that the station begins or ends initiating. */
  initiatingChanged(station: Station): void {
    if (station.initiation === undefined) this.#initiators.delete(station);
    else this.#initiators.add(station);
    if (station.initiation !== undefined) {
      this.#hurry([...this.#advertisers.keys()].filter((advertiser) => wants(station, advertiser)));
    }
    this.#schedule();
  }

  /** Takes notice that the station went out of range or came back. */
  presenceChanged(station: Station): void {
    for (const [link, ends] of this.#links) {
      if (ends.central === station || ends.peripheral === station) this.#judge(link);
    }
    this.#schedule();
  }

  /** Puts two controllers out of each other's range, or back into it. */
  setReachable(pair: { a: Station; b: Station }, reachable: boolean): void {
    const { a, b } = pair;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const deafTo = this.#unreachable.get(one) ?? new WeakSet();
      if (reachable) deafTo.delete(other);
      else deafTo.add(other);
      this.#unreachable.set(one, deafTo);
    }
    for (const link of this.#links.keys()) this.#judge(link);
    this.#schedule();
  }

  /** The station neither advertises nor listens any more. */
  silence(station: Station): void {
    this.#advertisers.delete(station);
    this.#scanners.delete(station);
    this.#initiators.delete(station);
    this.#schedule();
  }

  /** Ends all links without a word and stops its timer. */
  close(): void {
    for (const link of this.#links.keys()) link.close({});
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#advertisers.clear();
  }

  #judge(link: Link): void {
    const ends = this.#links.get(link);
    if (ends !== undefined) link.setReachable(this.#inRange(ends.central, ends.peripheral));
  }

  #inRange(a: Station, b: Station): boolean {
    return !a.absent && !b.absent && this.#unreachable.get(a)?.has(b) !== true;
  }

  #firstAt(advertisement: Advertisement): number {
    const phase = this.timing === "instant" ? 0 : (this.#delay.u32() / 2 ** 32) * advertisement.intervalMs;
    return performance.now() + phase;
  }

  /** A new listener: with instant timing it need not wait out the interval, and nobody advertised unheard. */
  #hurry(advertisers: Station[]): void {
    const now = performance.now();
    for (const advertiser of advertisers) {
      const event = this.#advertisers.get(advertiser);
      const advertisement = advertiser.advertisement;
      if (event === undefined || advertisement === undefined) continue;
      if (this.timing === "instant" || event.nextAt < now) event.nextAt = this.#firstAt(advertisement);
    }
  }

  #hasListener(advertiser: Station): boolean {
    for (const scanner of this.#scanners) if (scanner !== advertiser) return true;
    for (const initiator of this.#initiators) if (wants(initiator, advertiser)) return true;
    return false;
  }

  #schedule(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    let at = Number.POSITIVE_INFINITY;
    for (const [advertiser, { nextAt }] of this.#advertisers) {
      if (nextAt < at && this.#hasListener(advertiser)) at = nextAt;
    }
    if (at === Number.POSITIVE_INFINITY) return;
    const wait = at - performance.now();
    const run = (): void => {
      this.#wake = undefined;
      this.#advertisingEvents();
      this.#schedule();
    };
    if (wait <= 0) {
      const immediate = setImmediate(run);
      this.#wake = { at, cancel: () => clearImmediate(immediate) };
    } else {
      const timeout = setTimeout(run, Math.max(TICK_MS, Math.ceil(wait)));
      this.#wake = { at, cancel: () => clearTimeout(timeout) };
    }
  }

  #advertisingEvents(): void {
    const now = performance.now();
    for (const [advertiser, event] of [...this.#advertisers]) {
      const advertisement = advertiser.advertisement;
      if (event.nextAt > now || advertisement === undefined || !this.#hasListener(advertiser)) continue;
      const delay = (this.#delay.u32() / 2 ** 32) * ADVERTISING_DELAY_MAX_MS;
      event.nextAt = now + advertisement.intervalMs + delay;
      this.counters.advertisingEvents++;
      this.#advertise(advertiser, advertisement);
    }
  }

  #advertise(advertiser: Station, advertisement: Advertisement): void {
    for (const scanner of [...this.#scanners]) {
      if (scanner === advertiser || !this.#inRange(scanner, advertiser)) continue;
      if (chance(this.#loss, this.advertisingLoss)) continue;
      scanner.heard(advertisement, !chance(this.#loss, this.advertisingLoss));
    }
    for (const initiator of this.#initiators) {
      if (!wants(initiator, advertiser) || !this.#inRange(initiator, advertiser)) continue;
      if (chance(this.#loss, this.advertisingLoss)) continue;
      this.#connect(initiator, advertiser);
      return;
    }
  }

  #connect(central: Station, peripheral: Station): void {
    const { initiation } = central;
    if (initiation === undefined) return;
    const ends = {
      central: { host: central, handle: central.newHandle() },
      peripheral: { host: peripheral, handle: peripheral.newHandle() },
    };
    const link = new Link({
      timing: this.timing,
      parameters: initiation.parameters,
      ...ends,
      closed: (closed) => this.#links.delete(closed),
    });
    this.#links.set(link, { central, peripheral });
    this.counters.links++;
    const { handle } = ends.peripheral;
    peripheral.linkOpened(link, { role: "peripheral", handle, peer: initiation.own });
    central.linkOpened(link, { role: "central", handle: ends.central.handle, peer: initiation.peer });
    // Both told their hosts that a connection was made; that the first packets never came they learn afterwards.
    const fails = [peripheral.failsToEstablish(), central.failsToEstablish()].includes(true);
    const reason = ERROR.CONNECTION_FAILED_TO_BE_ESTABLISHED;
    if (fails) link.close({ central: reason, peripheral: reason });
  }
}

function wants(initiator: Station, advertiser: Station): boolean {
  const peer = initiator.initiation?.peer;
  const advertisement = advertiser.advertisement;
  return (
    advertisement?.type === ADVERTISING_TYPE.ADV_IND &&
    advertisement.identity.address === peer?.address &&
    advertisement.identity.type === peer.type
  );
}
