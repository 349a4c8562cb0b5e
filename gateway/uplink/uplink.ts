/**
 * The pipe to the cloud: MQTT, or a simulated one. It may lose, double and reorder; correctness is the outbox's and
 * the inbox's (spec 4, "Sync").
 */
export interface Uplink {
  /** The broker has taken the connection and every subscription. */
  readonly connected: boolean;
  onConnected(listener: (connected: boolean) => void): void;
  onMessage(listener: (topic: string, payload: string) => void): void;
  /** Hands a message to the broker; nothing is promised. `dropped`: not connected, or too much is in flight. */
  publish(topic: string, payload: string): "sent" | "dropped";
  /** Gives the connection up and makes a new one: the broker answers, the cloud behind it does not. */
  reconnect(reason: string): void;
  close(): Promise<void>;
}
