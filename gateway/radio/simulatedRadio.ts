import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import { type Clock, type Millis, millis, seconds, type Timer } from "@bluepower/protocol/clock";
import type { ChipId } from "@bluepower/protocol/units";
import type { ConnectOutcome, Link, Radio, Sighting } from "./radio.ts";

/** The other end of a simulated link: a charger in software, or a script. */
export interface SimulatedPeer {
  /** A central connects; false when it cannot have one now. */
  connected(): boolean;
  disconnected(): void;
  /** Bytes written by the central; each answer is one notification. */
  receive(bytes: Uint8Array): Uint8Array[];
  /** The peer ends the connection by itself. */
  onDrop?(listener: (reason: string) => void): void;
}

/** Faults of the air between the gateway and one peer. Counters are used up one by one. */
export interface AirFaults {
  /** Out of reach: not heard, not connected; an open link drops. */
  absent: boolean;
  /** Attempts that fail in that step. */
  failConnect: number;
  failDiscover: number;
  failSubscribe: number;
  /** Writes that never arrive, though the link stays. */
  loseRequests: number;
  /** Writes that arrive and whose answers do not. */
  loseReplies: number;
  /** Writes in which the link drops: before the peer has the bytes, or before its answer is back. */
  dropBeforeRequest: number;
  dropBeforeReply: number;
  /** Answers are this late. */
  replyDelay: Millis;
}

/** What spec 4 gives a connection. */
const CONNECT_DEADLINE = seconds(10);

interface Device {
  peer: SimulatedPeer;
  rssi: number;
  faults: AirFaults;
  link: { end: (reason: string) => void } | undefined;
}

/**
 * The radio in memory: links to peers in the same process, on the clock given. It checks what a real adapter suffers from – two
 * attempts at once are an error – and keeps count of what was tried.
 */
export class SimulatedRadio implements Radio {
  /** Chips of all attempts, in order. */
  readonly attempts: ChipId[] = [];
  /** Links the adapter holds; one more is refused. */
  linksMax: number;
  readonly #clock: Clock;
  readonly #advertiseEvery: Millis;
  readonly #connectTime: Millis;
  readonly #trip: Millis;
  readonly #devices = new Map<ChipId, Device>();
  readonly #states: ((state: "up" | "down", reason: string) => void)[] = [];
  readonly #sightings: ((sighting: Sighting) => void)[] = [];
  #state: "up" | "down" = "up";
  #attempt: ((outcome: ConnectOutcome) => void) | undefined;
  #timer: Timer | undefined;

  constructor(of: {
    clock: Clock;
    linksMax?: number;
    /** Between two sightings of a peer, to which nobody is linked. */
    advertiseEvery?: Millis;
    /** From the call to the link. */
    connectTime?: Millis;
    /** From a write to the peer, and back. */
    trip?: Millis;
  }) {
    this.#clock = of.clock;
    this.linksMax = of.linksMax ?? 7;
    this.#advertiseEvery = of.advertiseEvery ?? seconds(3);
    this.#connectTime = of.connectTime ?? millis(400);
    this.#trip = of.trip ?? millis(20);
    this.#advertise();
  }

  get state(): "up" | "down" {
    return this.#state;
  }

  /** Links that are open now. */
  get open(): number {
    return [...this.#devices.values()].filter((d) => d.link !== undefined).length;
  }

  /** Puts a peer in reach; the faults returned may be changed at any time. */
  add(chip: ChipId, peer: SimulatedPeer, rssi = -60): AirFaults {
    const faults: AirFaults = {
      absent: false,
      failConnect: 0,
      failDiscover: 0,
      failSubscribe: 0,
      loseRequests: 0,
      loseReplies: 0,
      dropBeforeRequest: 0,
      dropBeforeReply: 0,
      replyDelay: millis(0),
    };
    const device: Device = { peer, rssi, faults, link: undefined };
    peer.onDrop?.((reason) => device.link?.end(reason));
    this.#devices.set(chip, device);
    return faults;
  }

  /** An advertisement of that peer comes in now. */
  hear(chip: ChipId): void {
    const rssi = this.#devices.get(chip)?.rssi ?? -60;
    for (const listener of this.#sightings) listener({ chip, rssi });
  }

  /** Ends the link to a peer, as when somebody walks between. */
  drop(chip: ChipId, reason = "supervision timeout"): void {
    this.#devices.get(chip)?.link?.end(reason);
  }

  /** The adapter or its process is gone, until `recover`. */
  fail(reason: string): void {
    this.#state = "down";
    this.#attempt?.({ kind: "radio_down", detail: reason });
    for (const device of this.#devices.values()) device.link?.end(reason);
    for (const listener of this.#states) listener("down", reason);
  }

  recover(): void {
    this.#state = "up";
    for (const listener of this.#states) listener("up", "recovered");
  }

  onState(listener: (state: "up" | "down", reason: string) => void): void {
    this.#states.push(listener);
  }

  onSighting(listener: (sighting: Sighting) => void): void {
    this.#sightings.push(listener);
  }

  async connect(chip: ChipId, _profile: ChargerProfile, cancelled?: AbortSignal): Promise<ConnectOutcome> {
    if (this.#state === "down") return { kind: "radio_down", detail: "it is down" };
    if (this.#attempt !== undefined) throw new Error("two attempts at once");
    this.attempts.push(chip);
    const device = this.#devices.get(chip);
    const timers: Timer[] = [];
    const outcome = await new Promise<ConnectOutcome>((resolve) => {
      this.#attempt = resolve;
      if (cancelled?.aborted === true) resolve({ kind: "cancelled" });
      cancelled?.addEventListener("abort", () => resolve({ kind: "cancelled" }));
      timers.push(
        this.#clock.after(CONNECT_DEADLINE, "simulated connect", () => resolve({ kind: "absent" })),
        this.#clock.after(this.#connectTime, "simulated link", () => {
          const answer = device === undefined ? undefined : this.#answer(chip, device);
          if (answer !== undefined) resolve(answer);
        }),
      );
    });
    for (const timer of timers) timer.cancel();
    this.#attempt = undefined;
    return outcome;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.fail("closed");
  }

  #advertise(): void {
    this.#timer = this.#clock.after(this.#advertiseEvery, "advertisements", () => {
      // Nobody scans while a connection is being made.
      if (this.#state === "up" && this.#attempt === undefined) {
        for (const [chip, device] of this.#devices) {
          if (device.faults.absent || device.link !== undefined) continue;
          this.hear(chip);
        }
      }
      this.#advertise();
    });
  }

  /** Undefined: nobody answers, and the attempt goes on. */
  #answer(chip: ChipId, device: Device): ConnectOutcome | undefined {
    const { faults } = device;
    if (this.open >= this.linksMax) return { kind: "limit" };
    if (faults.absent || device.link !== undefined) return undefined;
    const failing = (["connect", "discover", "subscribe"] as const).find((step) =>
      takes(faults, failure[step]),
    );
    if (failing !== undefined) return { kind: "failed", step: failing, detail: "the link was lost" };
    return device.peer.connected() ? { kind: "connected", link: this.#link(chip, device) } : undefined;
  }

  #link(chip: ChipId, device: Device): Link {
    const { faults, peer } = device;
    const listeners: ((bytes: Uint8Array) => void)[] = [];
    let open = true;
    let settle: (reason: string) => void = () => {};
    const closed = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const end = (reason: string): void => {
      if (!open) return;
      open = false;
      device.link = undefined;
      peer.disconnected();
      settle(reason);
    };
    device.link = { end };
    const later = (delay: Millis, run: () => void): void => {
      this.#clock.after(delay, `air of ${chip}`, () => {
        if (open && faults.absent) end("supervision timeout");
        else if (open) run();
      });
    };
    return {
      get open() {
        return open;
      },
      closed,
      onBytes: (listener) => void listeners.push(listener),
      write: (bytes) => {
        if (!open) return Promise.resolve("closed");
        const written = new Promise<"written">((resolve) => {
          later(this.#trip, () => {
            if (takes(faults, "dropBeforeRequest")) {
              end("dropped before the request");
              return;
            }
            resolve("written");
            if (takes(faults, "loseRequests")) return;
            const answers = peer.receive(bytes);
            if (takes(faults, "loseReplies")) return;
            later(millis(this.#trip + faults.replyDelay), () => {
              if (takes(faults, "dropBeforeReply")) end("dropped before the reply");
              else for (const answer of answers) for (const listener of listeners) listener(answer);
            });
          });
        });
        return Promise.race([written, closed.then(() => "closed" as const)]);
      },
      close: async () => end("closed by the gateway"),
    };
  }
}

const failure = { connect: "failConnect", discover: "failDiscover", subscribe: "failSubscribe" } as const;

type Counted = Exclude<keyof AirFaults, "absent" | "replyDelay">;

/** Uses up one of a counted fault. */
function takes(faults: AirFaults, name: Counted): boolean {
  if (faults[name] <= 0) return false;
  faults[name] -= 1;
  return true;
}
