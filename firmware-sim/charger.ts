import {
  decodeRequest,
  encodePorts,
  encodeReply,
  type PortReading,
  type Reply,
  type Request,
  type ResultCode,
  type SetName,
} from "@bluepower/protocol/charger/frames";
import { type ChargerProfile, chargerProfile } from "@bluepower/protocol/charger/profiles";
import { FrameReader, frameBytes } from "@bluepower/protocol/charger/reader";
import { chargerSignature } from "@bluepower/protocol/charger/signature";
import { type Clock, seconds, type Timer } from "@bluepower/protocol/clock";
import { type ChipId, derivedJamCode, isChargeMinutes, type JamCode } from "@bluepower/protocol/units";
import { ChargerClock, near, readWall } from "./chargerClock.ts";
import { type PortCause, Ports } from "./ports.ts";
import { ReplayMemory } from "./replayMemory.ts";
import type { SavedCharger } from "./saved.ts";

/** A central without a valid frame for this long is dropped: a camping phone must not block the charger (spec 1). */
export const CAMPING_LIMIT = seconds(60);
/** Long enough for somebody in a dormitory to find the charger that blinks. */
export const BLINK_TIME = seconds(10);
/** What a picture shows of the traffic; older frames are forgotten. */
const FRAMES_KEPT = 10;

export type DropReason = "power cut" | "camping";

export type Led = "on" | "off" | "blinking";

/** The charger as one sees it standing before it, and a little more. */
export interface ChargerView {
  powered: boolean;
  /** The LED of the 36 V supply. */
  supplyLed: "on" | "off";
  ports: { port: number; state: PortReading["state"]; minutesLeft: number; led: Led }[];
  /** `YYMMDDHHMMSS`, or `unset` since the last power-up. */
  clock: string;
  connected: boolean;
  /** The last frames, the oldest first. */
  frames: { direction: "in" | "out"; text: string }[];
}

/** What happened, for log lines, the state file and the picture. */
export type ChargerEvent =
  | { kind: "port"; port: number; cause: PortCause; minutesLeft: number }
  | { kind: "clock"; time: string }
  | { kind: "power"; powered: boolean }
  | { kind: "link"; connected: boolean }
  /** A set command was answered, or its reply is on the way. */
  | { kind: "command"; name: SetName; parameters: readonly string[]; result: ResultCode }
  | { kind: "blink" }
  | { kind: "frame"; direction: "in" | "out"; text: string };

/**
 * The charger of spec 1 as bytes in, bytes out: everything under "What the firmware does", no radio and no
 * I/O. Made powered; timers wait on the clock given while it has power.
 */
export class SimulatedCharger {
  readonly chip: ChipId;
  readonly profile: ChargerProfile;
  readonly speed: number;
  readonly #clock: Clock;
  readonly #jamCode: string;
  readonly #time: ChargerClock;
  readonly #ports: Ports;
  readonly #reader = new FrameReader();
  readonly #accepted = new ReplayMemory();
  readonly #dropListeners: ((reason: DropReason) => void)[] = [];
  readonly #eventListeners: ((event: ChargerEvent) => void)[] = [];
  #frames: ChargerView["frames"] = [];
  #powered = true;
  #connected = false;
  #camping: Timer | undefined;
  #blinking: Timer | undefined;

  /**
   * `speed` makes the countdown run that many times faster; the charger's clock and every deadline stay at real time.
   * `saved` is a `snapshot` of before. Throws RangeError for a `speed` that is not above 0 or a zone that does not exist.
   */
  constructor(of: {
    chip: ChipId;
    jamCode?: JamCode | undefined;
    profile?: ChargerProfile | undefined;
    clock: Clock;
    /** IANA name of the site's zone, for profiles whose timestamps are UNIX seconds. */
    zone: string;
    saved?: SavedCharger | undefined;
    speed?: number | undefined;
  }) {
    this.chip = of.chip;
    this.profile = of.profile ?? defaultProfile();
    this.speed = of.speed ?? 1;
    if (!(this.speed > 0 && Number.isFinite(this.speed))) throw new RangeError("speed is a number above 0");
    this.#clock = of.clock;
    this.#jamCode = of.jamCode ?? derivedJamCode(of.chip);
    this.#time = new ChargerClock({ clock: of.clock, zone: of.zone, form: this.profile.timestamp });
    this.#ports = new Ports({
      count: this.profile.ports,
      clock: of.clock,
      speed: this.speed,
      saved: of.saved?.ports ?? [],
      changed: (port, cause) => this.#portChanged(port, cause),
    });
  }

  /** The charger ends the connection by itself; `disconnected` need not be called for it. */
  onDrop(listener: (reason: DropReason) => void): void {
    this.#dropListeners.push(listener);
  }

  onEvent(listener: (event: ChargerEvent) => void): void {
    this.#eventListeners.push(listener);
  }

  /** A central connects. False when there is one already, or no power. */
  connected(): boolean {
    if (!this.#powered || this.#connected) return false;
    this.#connected = true;
    this.#awaitFrame();
    this.#emit({ kind: "link", connected: true });
    return true;
  }

  /** The central has gone: half-received bytes are thrown away. */
  disconnected(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#camping?.cancel();
    this.#reader.reset();
    this.#emit({ kind: "link", connected: false });
  }

  /** Bytes written by the central, cut anywhere. Answers one reply for each whole frame. */
  receive(bytes: Uint8Array): Uint8Array[] {
    if (!this.#connected) return [];
    return this.#reader.push(bytes).map((frame) => {
      this.#record("in", frame);
      const reply = encodeReply(this.#answer(frame));
      this.#record("out", reply);
      return frameBytes(reply);
    });
  }

  /** The 36 V are gone: the link drops, nothing counts, nothing is remembered but ports. */
  powerCut(): void {
    if (!this.#powered) return;
    this.#ports.setPowered(false);
    this.#powered = false;
    this.#blinking?.cancel();
    this.#blinking = undefined;
    this.#drop("power cut");
    this.#emit({ kind: "power", powered: false });
  }

  /** The 36 V are back: what was left on a port goes on, the clock is unset. */
  powerUp(): void {
    if (this.#powered) return;
    this.#powered = true;
    this.#time.reset();
    this.#accepted.clear();
    this.#ports.setPowered(true);
    this.#emit({ kind: "power", powered: true });
  }

  /** Ports outside the profile are ignored. */
  setDamaged(port: number, damaged: boolean): void {
    this.#ports.setDamaged(port, damaged);
  }

  /** What would outlive a power cut at this moment. */
  snapshot(): SavedCharger {
    return { v: 1, chip: this.chip, ports: this.#ports.saved() };
  }

  view(): ChargerView {
    return {
      powered: this.#powered,
      supplyLed: this.#powered ? "on" : "off",
      ports: this.#ports.readings().map((p) => ({
        port: p.port,
        state: p.state,
        minutesLeft: p.state === "running" ? p.minutesLeft : 0,
        led: this.#led(p.state),
      })),
      clock: this.#powered && this.#time.isSet ? this.#time.text() : "unset",
      connected: this.#connected,
      frames: this.#frames.map((f) => ({ ...f })),
    };
  }

  #led(state: PortReading["state"]): Led {
    if (!this.#powered) return "off";
    if (this.#blinking !== undefined) return "blinking";
    return state === "running" ? "on" : "off";
  }

  #answer(frame: string): Reply {
    const request = decodeRequest(frame);
    if ("problem" in request) return { result: 1, payload: [] };
    this.#awaitFrame();
    switch (request.kind) {
      case "query":
        return { result: 0, payload: this.#query(request.name) };
      case "set": {
        const result = this.#set(request);
        this.#emit({ kind: "command", name: request.name, parameters: request.parameters, result });
        return { result, payload: [] };
      }
    }
  }

  #query(name: "QTIME" | "STA" | "LEDBLINK"): string[] {
    switch (name) {
      case "QTIME":
        return [this.#time.text()];
      case "STA":
        return encodePorts(this.#ports.readings());
      case "LEDBLINK":
        this.#blink();
        return [];
    }
  }

  /** Checks in the order of spec 1: signature, timestamp, parameters and state. */
  #set(request: Extract<Request, { kind: "set" }>): ResultCode {
    if (request.signature.toLowerCase() !== chargerSignature(request, this.#jamCode)) return 3;
    const timestamp = this.#time.readTimestamp(request.timestamp);
    if (timestamp === undefined || this.#accepted.has(request.signature)) return 2;
    if (request.name === "STIME") {
      // The clock takes no part in this: a wrong STIME must never lock the charger.
      const time = readWall(request.parameters[0] ?? "");
      if (time !== undefined && !near(time, timestamp)) return 2;
      this.#accepted.add(request.signature);
      if (time === undefined) return 1;
      this.#time.set(time);
      this.#emit({ kind: "clock", time: this.#time.text() });
      return 0;
    }
    if (!this.#time.accepts(timestamp)) return 2;
    // Remembered even when the port refuses: the same bytes must not switch on a port that is free by then.
    this.#accepted.add(request.signature);
    return this.#switch(request.name, request.parameters) ? 0 : 1;
  }

  #switch(name: Exclude<SetName, "STIME">, parameters: readonly string[]): boolean {
    const [port, minutes] = parameters.map(wholeNumber);
    switch (name) {
      case "POWERON":
        return port !== undefined && isChargeMinutes(minutes) && this.#ports.start(port, minutes);
      case "POWEROFF":
        return port !== undefined && this.#ports.stop(port);
      case "POWEROFFALL":
        // A damaged port is off whatever is asked of it.
        for (let p = 1; p <= this.#ports.count; p++) this.#ports.stop(p);
        return true;
    }
  }

  #blink(): void {
    this.#blinking?.cancel();
    this.#blinking = this.#clock.after(BLINK_TIME, "end of blinking", () => {
      this.#blinking = undefined;
    });
    this.#emit({ kind: "blink" });
  }

  #awaitFrame(): void {
    this.#camping?.cancel();
    this.#camping = this.#clock.after(CAMPING_LIMIT, "camping central", () => this.#drop("camping"));
  }

  #drop(reason: DropReason): void {
    if (!this.#connected) return;
    this.disconnected();
    for (const listener of this.#dropListeners) listener(reason);
  }

  #portChanged(port: number, cause: PortCause): void {
    const reading = this.#ports.readings()[port - 1];
    const minutesLeft = reading?.state === "running" ? reading.minutesLeft : 0;
    this.#emit({ kind: "port", port, cause, minutesLeft });
  }

  #record(direction: "in" | "out", text: string): void {
    this.#frames = [...this.#frames, { direction, text }].slice(-FRAMES_KEPT);
    this.#emit({ kind: "frame", direction, text });
  }

  #emit(event: ChargerEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }
}

/** A parameter of one to three digits. */
const wholeNumber = (text: string): number | undefined =>
  /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;

function defaultProfile(): ChargerProfile {
  const profile = chargerProfile(1);
  if (profile === undefined) throw new Error("profile 1 is missing");
  return profile;
}
