/**
 * The cloud's end of the broker: embedded, external, or simulated. It may lose, double and reorder; correctness
 * is the cursor's and the commands' (spec 4, "Sync").
 */
export interface Pipe {
  /**
   * True: connections of gateways are reported as they come and go. An external broker does not tell; there a
   * gateway counts as connected from its first word until its will.
   */
  readonly reportsConnections: boolean;
  /** Hands a message to the broker, never retained; nothing is promised. */
  publish(topic: string, payload: string, qos: 0 | 1): void;
  /** Closes the live connection of a gateway, where the broker is ours. */
  disconnect(gatewayId: string): void;
  counts(): PipeCounts;
  close(): Promise<void>;
}

/** Since the start, but for `connections`. */
export interface PipeCounts {
  connections: number;
  /** Connects, publishes, subscribes and wills that the access lists refused. */
  denied: number;
  /** Messages that were not handed over because too much was in flight, or nobody was connected. */
  dropped: number;
}

export interface PipeListener {
  /** `sender` is the gateway whose token opened the connection; null where an external broker does not tell. */
  message(topic: string, payload: string, sender: string | null): void;
  connection(gatewayId: string, connected: boolean): void;
}

/** Largest message a gateway may send: a full batch of events is under 100 KiB. */
export const MESSAGE_MAX = 256 * 1024;
