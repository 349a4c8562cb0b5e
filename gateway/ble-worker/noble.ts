/**
 * The part of noble that is used, in our own words: its typings lack half of it, and what it does not do
 * (answer) is more important than what it does.
 */

/** Errors that a callback gets are `Error`s, whatever noble's typings say. */
export type NobleCallback<T = unknown> = (error: Error | string | null | undefined, value?: T) => void;

export interface NobleCharacteristic {
  readonly uuid: string;
  readonly properties: readonly string[];
  /** The callback comes when the chunk is queued (without response) or acknowledged; never after a drop or an ATT error. */
  write(bytes: Uint8Array, withoutResponse: boolean, done: NobleCallback): void;
  subscribe(done: NobleCallback): void;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  removeAllListeners(): unknown;
}

export interface NoblePeripheral {
  readonly id: string;
  readonly rssi: number;
  readonly state: "disconnected" | "connecting" | "connected" | "disconnecting" | "error";
  readonly advertisement: { readonly localName?: string | undefined };
  /** Known once the exchange after a connect is done; of the link before until then. */
  mtu: number | null;
  connect(options: { minInterval: number; maxInterval: number; latency: number; timeout: number }): void;
  /** Emits `connect` with an error at once, and `connect` again when the adapter has answered. */
  cancelConnect(): void;
  disconnect(): void;
  discoverSomeServicesAndCharacteristics(
    services: string[],
    characteristics: string[],
    done: (
      error: Error | string | null | undefined,
      services: unknown,
      found: NobleCharacteristic[] | null,
    ) => void,
  ): void;
  on(event: "connect", listener: (error?: Error | string | null) => void): unknown;
  on(event: "disconnect", listener: (reason?: unknown) => void): unknown;
  removeAllListeners(): unknown;
}

/** The adapter as noble shows it; made by `openNoble`, or by a script in tests. */
export interface NobleAdapter {
  /** With duplicates: with a lost scan response noble tells nothing otherwise. */
  startScanning(): void;
  stopScanning(): void;
  onScan(listener: (running: boolean) => void): void;
  onDiscover(listener: (peripheral: NoblePeripheral) => void): void;
  /** Asks the controller for its address; `onAddress` is the answer. There is no other sign of life in the user channel. */
  readAddress(): void;
  onAddress(listener: (address: string) => void): void;
  onState(listener: (state: string) => void): void;
  /** Makes noble forget every device for which `keep` is false: it remembers each address ever heard otherwise. */
  forget(keep: (id: string) => boolean): void;
}
