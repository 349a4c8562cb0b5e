import type { Logger } from "pino";

/** Messages of one gateway that wait their turn; each may hold a full batch. What is dropped the gateway sends again. */
const PER_GATEWAY_MAX = 16;
/** Messages of all gateways together: at 100 KiB each, the memory that a storm may take. */
const TOTAL_MAX = 2_000;

/** Work of one gateway runs one after another, of different gateways side by side. */
export class Chains {
  readonly #queues = new Map<string, (() => Promise<void>)[]>();
  readonly #log: Logger;
  #total = 0;
  #dropped = 0;
  #idle: (() => void)[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get waiting(): number {
    return this.#total;
  }

  /** False: dropped, because too much waits already. A failure of `work` is logged and ends nothing else. */
  add(gatewayId: string, work: () => Promise<void>): boolean {
    const queue = this.#queues.get(gatewayId);
    if (this.#total >= TOTAL_MAX || (queue !== undefined && queue.length >= PER_GATEWAY_MAX)) {
      this.#dropped += 1;
      return false;
    }
    this.#total += 1;
    if (queue !== undefined) {
      queue.push(work);
      return true;
    }
    const started = [work];
    this.#queues.set(gatewayId, started);
    void this.#run(gatewayId, started);
    return true;
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    if (this.#queues.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #run(gatewayId: string, queue: (() => Promise<void>)[]): Promise<void> {
    for (let work = queue[0]; work !== undefined; work = queue[0]) {
      try {
        await work();
      } catch (error) {
        this.#log.error({ err: error, gateway: gatewayId }, "a message of a gateway was not taken");
      }
      queue.shift();
      this.#total -= 1;
    }
    this.#queues.delete(gatewayId);
    if (this.#queues.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
