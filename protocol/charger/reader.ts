/** A longer frame is none: STIME, the longest, has 66 bytes. */
export const FRAME_MAX = 128;

const BEGIN = 0x40; // @
const END = 0x26; // &

/**
 * Puts frames together again from the chunks of a byte pipe (spec 1, "Chunks"). Garbage before `@` is dropped; a
 * frame over 128 bytes is dropped and the next `@` waited for; an `@` inside a frame begins a new one.
 */
export class FrameReader {
  #frame: number[] | undefined;
  /** Bytes that became part of no frame, for diagnosis. */
  dropped = 0;

  /** Whole frames, `@` and `&` included, one character a byte. */
  push(chunk: Uint8Array): string[] {
    const frames: string[] = [];
    for (const byte of chunk) {
      if (byte === BEGIN) {
        this.dropped += this.#frame?.length ?? 0;
        this.#frame = [byte];
      } else if (this.#frame === undefined) {
        this.dropped += 1;
      } else {
        this.#frame.push(byte);
        if (this.#frame.length > FRAME_MAX) {
          this.dropped += this.#frame.length;
          this.#frame = undefined;
        } else if (byte === END) {
          frames.push(String.fromCharCode(...this.#frame));
          this.#frame = undefined;
        }
      }
    }
    return frames;
  }

  /** On a disconnect half-received bytes are thrown away. */
  reset(): void {
    this.dropped += this.#frame?.length ?? 0;
    this.#frame = undefined;
  }
}

/** The bytes of a frame; frames are ASCII. */
export function frameBytes(frame: string): Uint8Array {
  return Uint8Array.from(frame, (c) => c.charCodeAt(0));
}

/** Cuts a frame at `size` bytes (the link's MTU − 3). Throws RangeError for a size under 1. */
export function chunks(bytes: Uint8Array, size: number): Uint8Array[] {
  if (!(size >= 1)) throw new RangeError(`a chunk has at least 1 byte, not ${size}`);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(bytes.subarray(at, at + size));
  return out;
}
