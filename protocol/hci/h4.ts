/**
 * H4, the UART transport of HCI (Bluetooth Core, Vol 4 Part A): one indicator byte, then the HCI packet.
 * The same framing is spoken on a unix socket by virtual controllers.
 */

/** HCI packet indicators. */
export const H4 = { COMMAND: 0x01, ACL_DATA: 0x02, SCO_DATA: 0x03, EVENT: 0x04, ISO_DATA: 0x05 } as const;

/** Indicator, handle and a 16-bit length with everything it can announce: no packet is longer. */
export const H4_PACKET_MAX = 5 + 0xffff;

/** H4 has no start mark to look for: after an unknown indicator the stream cannot be read any more. */
export type H4Problem = { kind: "unknown_indicator"; indicator: number };

export interface H4Reader {
  /**
   * Takes the next bytes of the stream, cut anywhere. Answers the packets that became whole, each with its
   * indicator byte and in memory of its own. After a problem every later push answers that problem and no packet.
   */
  push(chunk: Uint8Array): { packets: Uint8Array[]; problem?: H4Problem };
}

/** A reader that holds at most one incomplete packet. */
export function createH4Reader(): H4Reader {
  let held = new Uint8Array(512);
  let length = 0;
  let problem: H4Problem | undefined;

  const append = (bytes: Uint8Array): void => {
    if (length + bytes.length > held.length) {
      const larger = new Uint8Array(Math.max(held.length * 2, length + bytes.length));
      larger.set(held.subarray(0, length));
      held = larger;
    }
    held.set(bytes, length);
    length += bytes.length;
  };

  return {
    push(chunk) {
      const packets: Uint8Array[] = [];
      let at = 0;
      while (problem === undefined && at < chunk.length) {
        const next = at + Math.max(1, wanted(held, length) - length);
        append(chunk.subarray(at, next));
        at = next;
        if (length === 1 && headerLength(held[0]) === undefined) {
          problem = { kind: "unknown_indicator", indicator: held[0] ?? 0 };
        } else if (length === wanted(held, length) && length >= (headerLength(held[0]) ?? 0)) {
          packets.push(held.slice(0, length));
          length = 0;
        }
      }
      return problem === undefined ? { packets } : { packets, problem };
    },
  };
}

/** Length of indicator and header; undefined for an indicator that does not exist. */
function headerLength(indicator: number | undefined): number | undefined {
  switch (indicator) {
    case H4.EVENT:
      return 3;
    case H4.COMMAND:
    case H4.SCO_DATA:
      return 4;
    case H4.ACL_DATA:
    case H4.ISO_DATA:
      return 5;
    default:
      return undefined;
  }
}

/** How long the bytes held must become before more can be said: the indicator, the header, the whole packet. */
function wanted(held: Uint8Array, length: number): number {
  if (length === 0) return 1;
  const header = headerLength(held[0]) ?? 1;
  if (length < header) return header;
  const view = new DataView(held.buffer, held.byteOffset, length);
  switch (held[0]) {
    case H4.EVENT:
      return header + view.getUint8(2);
    case H4.ACL_DATA:
      return header + view.getUint16(3, true);
    case H4.ISO_DATA:
      return header + (view.getUint16(3, true) & 0x3fff);
    default:
      return header + view.getUint8(3);
  }
}
