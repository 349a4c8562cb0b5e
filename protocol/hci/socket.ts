/**
 * A stand-in for the class of `@abandonware/bluetooth-hci-socket`, over any byte stream that speaks H4
 * instead of the kernel's HCI socket. noble and bleno run on it unchanged. Everything of the
 * platform is passed in: this file knows neither Buffer nor sockets nor timers.
 */
import { createH4Reader, H4 } from "./h4.ts";

/** What a stream tells its user. `closed` comes once, also when it never opened. */
export interface HciStreamEvents {
  opened(): void;
  data(bytes: Uint8Array): void;
  closed(error?: Error): void;
}

export interface HciStream {
  /** Called only after `opened`. */
  write(bytes: Uint8Array): void;
  /** Bytes taken by `write` that have not left the process yet. */
  buffered(): number;
  close(): void;
}

export type OpenHciStream = (events: HciStreamEvents) => HciStream;

/** The part of Node's EventEmitter that is used here. */
export interface HciSocketEmitter {
  emit(event: string, ...values: unknown[]): boolean;
  listenerCount(event: string): number;
}

export interface HciSocketPlatform {
  /** Node's EventEmitter. */
  EventEmitter: new () => HciSocketEmitter;
  /** The bytes as what the hosts expect: a Buffer. */
  toBuffer(bytes: Uint8Array): Uint8Array;
  /** Runs after the present task and its microtasks: `setImmediate`. */
  macrotask(run: () => void): unknown;
  /** Called for each socket that is bound to a device. */
  open: OpenHciStream;
  /**
   * The stream of a bound socket is gone (never after `stop`). noble and bleno only write it to their debug
   * log, so the program around them ends itself here.
   */
  lost(error: Error): void;
  /** Packets written before the host's first, for instance a vendor's command that sets the address. */
  preamble?: readonly Uint8Array[];
}

/** What noble and bleno call. */
export interface HciSocket extends HciSocketEmitter {
  bindRaw(deviceId?: number): number;
  bindUser(deviceId?: number): number;
  bindControl(): number;
  start(): void;
  stop(): void;
  reset(): void;
  cleanup(): void;
  isDevUp(): boolean;
  getDeviceList(): { devId: number; devUp: boolean }[];
  setFilter(filter: Uint8Array): void;
  write(packet: Uint8Array): void;
}

/**
 * Bytes that may wait, before the stream is open and in it afterwards. The hosts have a few commands and ACL
 * packets in flight, some KiB; more than this means that nobody reads, and the stream counts as lost.
 */
export const HCI_WRITE_QUEUE_MAX = 256 * 1024;

/** The class to be put in place of `@abandonware/bluetooth-hci-socket`. */
export function createHciSocketClass(platform: HciSocketPlatform): new () => HciSocket {
  return class StreamHciSocket extends platform.EventEmitter implements HciSocket {
    #state: "unbound" | "control" | "opening" | "open" | "lost" | "stopped" = "unbound";
    #stream: HciStream | undefined;
    #waiting: Uint8Array[] = [];
    #waitingBytes = 0;
    #filter: DataView | undefined;
    #started = false;

    bindRaw(deviceId = 0): number {
      this.#bind();
      return deviceId;
    }

    bindUser(deviceId = 0): number {
      this.#bind();
      return deviceId;
    }

    /** bleno opens a second socket for the kernel's key management: nothing stands behind it here. */
    bindControl(): number {
      this.#state = "control";
      return 0;
    }

    start(): void {
      this.#started = true;
    }

    stop(): void {
      this.#started = false;
      this.#state = "stopped";
      this.#waiting = [];
      this.#stream?.close();
    }

    reset(): void {}

    cleanup(): void {}

    /** Up until the stream is lost: what is written before it opens waits. */
    isDevUp(): boolean {
      return this.#state !== "lost" && this.#state !== "stopped";
    }

    getDeviceList(): { devId: number; devUp: boolean }[] {
      return [{ devId: 0, devUp: this.isDevUp() }];
    }

    /** The kernel's `hci_filter`: a mask of packet types, two of event codes, an opcode (ignored). */
    setFilter(filter: Uint8Array): void {
      const copy = filter.slice();
      this.#filter = copy.length >= 12 ? new DataView(copy.buffer, copy.byteOffset, copy.length) : undefined;
    }

    write(packet: Uint8Array): void {
      if (this.#state === "open" && this.#stream !== undefined) {
        this.#stream.write(packet);
        if (this.#stream.buffered() > HCI_WRITE_QUEUE_MAX)
          this.#lose(new Error("the controller reads no more"));
      } else if (this.#state === "opening") {
        this.#waiting.push(packet.slice());
        this.#waitingBytes += packet.length;
        if (this.#waitingBytes > HCI_WRITE_QUEUE_MAX) this.#lose(new Error("the controller does not answer"));
      }
    }

    #bind(): void {
      if (this.#state !== "unbound") return;
      this.#state = "opening";
      const reader = createH4Reader();
      this.#stream = platform.open({
        // A stream may open within `open`, before it is known here: the writes that waited go out after it.
        opened: () => platform.macrotask(() => this.#opened()),
        data: (bytes) => {
          const { packets, problem } = reader.push(bytes);
          for (const packet of packets) this.#receive(packet);
          if (problem !== undefined) {
            this.#lose(new Error(`H4 framing lost: indicator 0x${problem.indicator.toString(16)}`));
          }
        },
        closed: (error) => this.#lose(error ?? new Error("the controller closed the connection")),
      });
    }

    #opened(): void {
      if (this.#state !== "opening") return;
      this.#state = "open";
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      for (const packet of [...(platform.preamble ?? []), ...waiting]) this.write(packet);
      this.emit("state", "up");
    }

    /**
     * One packet per macrotask: noble's ACL queue counts on its microtasks having run between two packets,
     * as they do between two polls of the native socket.
     */
    #receive(packet: Uint8Array): void {
      if (!passes(this.#filter, packet)) return;
      platform.macrotask(() => {
        if (this.#started && this.#state !== "lost") this.emit("data", platform.toBuffer(packet));
      });
    }

    #lose(error: Error): void {
      if (this.#state !== "opening" && this.#state !== "open") return;
      this.#state = "lost";
      this.#waiting = [];
      this.#stream?.close();
      // An emitter without a listener for `error` throws.
      if (this.listenerCount("error") > 0) this.emit("error", error);
      this.emit("state", "down");
      platform.lost(error);
    }
  };
}

/** The mask words of `hci_filter` by their offset. */
const FILTER = { PACKET_TYPES: 0, EVENTS_LOW: 4, EVENTS_HIGH: 8 } as const;

function passes(filter: DataView | undefined, packet: Uint8Array): boolean {
  const [type, event] = packet;
  if (filter === undefined || type === undefined) return true;
  const bit = (offset: number, n: number): boolean =>
    ((filter.getUint32(offset, true) >>> (n & 31)) & 1) === 1;
  if (!bit(FILTER.PACKET_TYPES, type)) return false;
  if (type !== H4.EVENT || event === undefined) return true;
  return event < 32 ? bit(FILTER.EVENTS_LOW, event) : bit(FILTER.EVENTS_HIGH, event);
}

/** The part of Node's `net.Socket` that is used here. */
export interface NodeSocket {
  readonly writableLength: number;
  on(event: "connect" | "close", listener: () => void): unknown;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  write(bytes: Uint8Array): unknown;
  destroy(): unknown;
}

/** A stream over a socket of Node: `overNodeSocket(() => connect(path))` with `connect` of `node:net`. */
export function overNodeSocket(connect: () => NodeSocket): OpenHciStream {
  return (events) => {
    const socket = connect();
    let failure: Error | undefined;
    socket.on("connect", () => events.opened());
    socket.on("data", (bytes) => events.data(bytes));
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => events.closed(failure));
    return {
      write: (bytes) => socket.write(bytes),
      buffered: () => socket.writableLength,
      close: () => socket.destroy(),
    };
  };
}
