import { EventEmitter } from "node:events";
import type { NobleAdapter, NobleCallback, NobleCharacteristic, NoblePeripheral } from "./noble.ts";

/** How a step of noble ends: it calls back, it fails, or – as it does when a link drops – it never says anything. */
export type Ending = "done" | "hang" | Error;

/** A peripheral whose every step ends as the test wants; calls are kept in the order they came. */
export class ScriptedPeripheral implements NoblePeripheral {
  readonly calls: string[];
  readonly id: string;
  readonly rssi = -50;
  readonly advertisement: { localName: string };
  readonly written: string[] = [];
  state: NoblePeripheral["state"] = "disconnected";
  mtu: number | null = null;
  /** What the exchange after the connection gives. */
  mtuGranted: number | null = null;
  endings = {
    connect: "done" as Ending,
    /** The adapter's word after a cancel; `done`: it had connected just before. */
    cancel: new Error("Unknown Connection Identifier (0x2)") as Ending,
    discover: "done" as Ending,
    subscribe: "done" as Ending,
    write: "done" as Ending,
    disconnect: "done" as Ending,
  };
  properties: readonly string[] = ["write", "writeWithoutResponse"];
  characteristics = ["ffe1", "ffe2"];
  /** Called with the step before it ends. */
  during: (step: string) => void = () => {};
  readonly #events = new EventEmitter();
  notify: (bytes: Uint8Array) => void = () => {};

  constructor(name: string, calls: string[]) {
    this.id = name.toLowerCase();
    this.advertisement = { localName: name };
    this.calls = calls;
  }

  connect(): void {
    this.calls.push("connect");
    this.state = "connecting";
    this.during("connect");
    if (this.endings.connect !== "hang") this.connectEvent(this.endings.connect);
  }

  /** The adapter's answer to a connection. */
  connectEvent(ending: Ending): void {
    queueMicrotask(() => {
      if (ending === "hang") return;
      this.state = ending === "done" ? "connected" : "error";
      this.#events.emit("connect", ending === "done" ? null : ending);
      // Without an answer to the exchange the value of the link before stays.
      if (ending === "done" && this.mtuGranted !== null) this.mtu = this.mtuGranted;
    });
  }

  cancelConnect(): void {
    this.calls.push("cancel");
    if (this.state !== "connecting") return;
    // noble calls back at once, whatever becomes of it.
    this.#events.emit("connect", new Error("connection canceled!"));
    this.connectEvent(this.endings.cancel);
  }

  disconnect(): void {
    this.calls.push("disconnect");
    this.state = "disconnecting";
    if (this.endings.disconnect === "done") queueMicrotask(() => this.drop(0x16));
  }

  drop(reason: number): void {
    this.state = "disconnected";
    this.#events.emit("disconnect", reason);
  }

  discoverSomeServicesAndCharacteristics(
    services: string[],
    _characteristics: string[],
    done: (
      error: Error | string | null | undefined,
      services: unknown,
      found: NobleCharacteristic[] | null,
    ) => void,
  ): void {
    this.calls.push(`discover ${services.join()}`);
    this.#end("discover", (error) =>
      done(error, [], error === null ? this.characteristics.map((uuid) => this.#characteristic(uuid)) : null),
    );
  }

  on(event: string, listener: (...values: never[]) => void): this {
    this.#events.on(event, listener as (...values: unknown[]) => void);
    return this;
  }

  removeAllListeners(): this {
    this.#events.removeAllListeners();
    return this;
  }

  #characteristic(uuid: string): NobleCharacteristic {
    return {
      uuid,
      properties: this.properties,
      write: (bytes, withoutResponse, done) => {
        this.calls.push(withoutResponse ? "write command" : "write request");
        this.written.push(Buffer.from(bytes).toString("latin1"));
        this.#end("write", (error) => done(error));
      },
      subscribe: (done: NobleCallback) => {
        this.calls.push(`subscribe ${uuid}`);
        this.#end("subscribe", (error) => done(error));
      },
      on: (_event, listener) => {
        this.notify = listener;
      },
      removeAllListeners: () => {},
    };
  }

  #end(step: "discover" | "subscribe" | "write", done: (error: Error | null) => void): void {
    this.during(step);
    const ending = this.endings[step];
    if (ending !== "hang") queueMicrotask(() => done(ending === "done" ? null : ending));
  }
}

/** An adapter that obeys, unless told otherwise. */
export class ScriptedAdapter implements NobleAdapter {
  readonly calls: string[] = [];
  obeys = { start: true, stop: true, address: true };
  scanning = false;
  keep: (id: string) => boolean = () => true;
  readonly #events = new EventEmitter();

  startScanning(): void {
    this.calls.push("scan");
    if (this.obeys.start) queueMicrotask(() => this.scanEvent(true));
  }

  stopScanning(): void {
    this.calls.push("stop scan");
    if (this.obeys.stop) queueMicrotask(() => this.scanEvent(false));
  }

  scanEvent(running: boolean): void {
    this.scanning = running;
    this.#events.emit("scan", running);
  }

  hear(peripheral: NoblePeripheral): void {
    this.#events.emit("discover", peripheral);
  }

  state(state: string): void {
    this.#events.emit("state", state);
  }

  address(address: string): void {
    this.#events.emit("address", address);
  }

  readAddress(): void {
    this.calls.push("read address");
    if (this.obeys.address) queueMicrotask(() => this.address("02:b0:c0:00:00:01"));
  }

  onScan(listener: (running: boolean) => void): void {
    this.#events.on("scan", listener);
  }

  onDiscover(listener: (peripheral: NoblePeripheral) => void): void {
    this.#events.on("discover", listener);
  }

  onAddress(listener: (address: string) => void): void {
    this.#events.on("address", listener);
  }

  onState(listener: (state: string) => void): void {
    this.#events.on("state", listener);
  }

  forget(keep: (id: string) => boolean): void {
    this.keep = keep;
  }
}
