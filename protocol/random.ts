/** The only source of randomness. Draws made for a purpose come from a fork named after it. */
export interface Random {
  /** A whole number from 0 to 2^32 − 1. */
  u32(): number;
  /** An independent stream: a draw added here shifts no draw elsewhere. */
  fork(label: string): Random;
}

/** A whole number from 0 to n − 1, without modulo bias. */
export function below(random: Random, n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) throw new RangeError(`below: n is 1 to 2^32, not ${n}`);
  const limit = Math.floor(2 ** 32 / n) * n;
  let draw = random.u32();
  while (draw >= limit) draw = random.u32();
  return draw % n;
}

/** True with the probability given (0 to 1). */
export function chance(random: Random, probability: number): boolean {
  return random.u32() < probability * 2 ** 32;
}

/** `length` characters of the alphabet given. */
export function text(random: Random, length: number, alphabet: string): string {
  let out = "";
  for (let i = 0; i < length; i++) out += alphabet[below(random, alphabet.length)];
  return out;
}

export const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Cryptographic randomness from a filler of bytes (`crypto.getRandomValues` has its shape); forks need
 * no separation because no draw can be foretold.
 */
export function secureRandom(fill: (bytes: Uint8Array) => unknown): Random {
  const random: Random = {
    u32() {
      const b = new Uint8Array(4);
      fill(b);
      return new DataView(b.buffer).getUint32(0);
    },
    fork: () => random,
  };
  return random;
}

/** Repeatable randomness (sfc32): the same seed gives the same draws. For simulations and tests, never for secrets. */
export function seededRandom(seed: number | string): Random {
  let [a, b, c, d] = seedWords(String(seed));
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return { u32: next, fork: (label) => seededRandom(`${seed}/${label}`) };
}

/** Four words from a text by FNV-1a with four offsets. */
function seedWords(text: string): [number, number, number, number] {
  const word = (offset: number): number => {
    let h = 0x811c9dc5 ^ offset;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    return h | 0;
  };
  return [word(0x1), word(0x9e3779b9), word(0x7f4a7c15), word(0x94d049bb)];
}
