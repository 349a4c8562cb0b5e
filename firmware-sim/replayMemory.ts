/** How many accepted signatures the charger remembers (spec 1). */
export const REPLAY_MEMORY = 256;

/** Signatures accepted since power-up; at the bound the oldest is forgotten. */
export class ReplayMemory {
  readonly #signatures = new Set<string>();

  /** Hex in either case is the same signature. */
  has(signature: string): boolean {
    return this.#signatures.has(signature.toLowerCase());
  }

  add(signature: string): void {
    this.#signatures.add(signature.toLowerCase());
    const [oldest] = this.#signatures;
    if (this.#signatures.size > REPLAY_MEMORY && oldest !== undefined) this.#signatures.delete(oldest);
  }

  clear(): void {
    this.#signatures.clear();
  }
}
