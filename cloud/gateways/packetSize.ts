/**
 * Watches the lengths in the fixed headers of an MQTT stream, because the broker's parser collects a packet of any
 * length before anybody is asked. The function returned is given every chunk; false means that a packet is longer
 * than `limit` bytes, or that a header is malformed, and holds from then on.
 */
export function packetSizeGuard(limit: number): (chunk: Uint8Array) => boolean {
  /** Bytes of the present packet that are still to come; 0 while its header is read. */
  let remaining = 0;
  let inLength = false;
  let length = 0;
  let shift = 0;
  let broken = false;

  const step = (byte: number): void => {
    if (!inLength) {
      inLength = true;
      length = 0;
      shift = 0;
      return;
    }
    length += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte >= 0x80) {
      // The length of a packet has at most four bytes.
      broken = shift > 21;
      return;
    }
    inLength = false;
    remaining = length;
    broken = length > limit;
  };

  return (chunk) => {
    let at = 0;
    while (at < chunk.length && !broken) {
      if (remaining > 0) {
        const skipped = Math.min(remaining, chunk.length - at);
        remaining -= skipped;
        at += skipped;
      } else {
        step(chunk[at] ?? 0);
        at += 1;
      }
    }
    return !broken;
  };
}
