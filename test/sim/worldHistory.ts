import { createHash } from "node:crypto";
import type { Clock } from "@bluepower/protocol/clock";

/** What happened in a world, line by line, as one hash; and how often each fault was made. */
export class History {
  readonly #clock: Clock;
  readonly #hash = createHash("sha256");
  readonly #trace: ((line: string) => void) | undefined;
  #ended = false;
  readonly faults: Record<string, number> = {};
  readonly violations: string[] = [];

  /** `trace` is given every line, for people who look for a cause. */
  constructor(of: { clock: Clock; trace?: ((line: string) => void) | undefined }) {
    this.#clock = of.clock;
    this.#trace = of.trace;
  }

  add(line: string): void {
    if (this.#ended) return;
    const whole = `${Math.round(this.#clock.uptime())} ${line}`;
    this.#hash.update(`${whole}\n`);
    this.#trace?.(whole);
  }

  fault(kind: string, detail = ""): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    this.add(`fault ${kind} ${detail}`);
  }

  violation(text: string): void {
    this.violations.push(`at ${Math.round(this.#clock.uptime() / 1000)} s: ${text}`);
    this.add(`violation ${text}`);
  }

  /** Of all lines; what comes afterwards is not part of it. */
  digest(): string {
    this.#ended = true;
    return this.#hash.digest("hex");
  }
}
