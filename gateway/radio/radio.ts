import type { ChargerProfile } from "@bluepower/protocol/charger/profiles";
import type { ChipId } from "@bluepower/protocol/units";

/**
 * The Bluetooth adapter as the gateway sees it: it hands out links, and a link is a byte pipe. Implemented by
 * the ble-worker process (noble) and, in simulations, by chargers in memory. Every promise settles: each step
 * has its own deadline inside (connect 10 s, discover 5 s, subscribe 3 s, disconnect 3 s; spec 4, "Radio").
 */
export interface Radio {
  /** `down`: no adapter, or its process is being started anew; links are gone and connect answers `radio_down`. */
  readonly state: "up" | "down";
  onState(listener: (state: "up" | "down", reason: string) => void): void;
  /** An advertisement of a charger was heard. */
  onSighting(listener: (sighting: Sighting) => void): void;
  /**
   * Connects, discovers and subscribes. The caller asks for one connection at a time. `cancelled` ends an attempt
   * that has not found the charger yet; one that has goes on to its end.
   */
  connect(chip: ChipId, profile: ChargerProfile, cancelled?: AbortSignal): Promise<ConnectOutcome>;
  close(): Promise<void>;
}

export interface Sighting {
  chip: ChipId;
  /** dBm. */
  rssi: number;
}

export type ConnectOutcome =
  | { kind: "connected"; link: Link }
  /** No advertisement, or nobody answered, within the deadline. */
  | { kind: "absent" }
  /** The caller's signal ended the attempt. */
  | { kind: "cancelled" }
  /** The adapter has no link left: the budget is smaller than believed. */
  | { kind: "limit" }
  | { kind: "failed"; step: "connect" | "discover" | "subscribe"; detail: string }
  | { kind: "radio_down"; detail: string };

/** One open connection. After `closed` has resolved nothing is delivered any more. */
export interface Link {
  readonly open: boolean;
  /** Writes bytes in chunks that fit the link; `closed` also when the link drops while a write is in flight. */
  write(bytes: Uint8Array): Promise<"written" | "closed">;
  onBytes(listener: (bytes: Uint8Array) => void): void;
  /** Resolves with the reason when the link has gone, whoever ended it. */
  readonly closed: Promise<string>;
  /** Always settles; a link that cannot be closed in order is given up. */
  close(): Promise<void>;
}
