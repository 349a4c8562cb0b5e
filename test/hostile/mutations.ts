import fc from "fast-check";

/** What becomes of one packet or frame of a good conversation. */
export const MUTATIONS = [
  "cut",
  "flip",
  "insert",
  "overwrite",
  "length",
  "handle",
  "double",
  "swap",
  "lose",
] as const;
export interface Mutation {
  kind: (typeof MUTATIONS)[number];
  /** Which packet, and where in it; both are taken modulo what there is. */
  packet: number;
  at: number;
  value: number;
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom(...MUTATIONS),
  packet: fc.nat(0xffff),
  at: fc.nat(0xffff),
  value: fc.nat(255),
});

/** Where lengths and handles stand in H4 packets: events, asynchronous data, LE Meta events. */
const LENGTHS = [2, 3, 4];
const HANDLES = [1, 4, 5];

/** The conversation with all mutations, one after the other. */
export function mutated(good: readonly Uint8Array[], mutations: readonly Mutation[]): Uint8Array[] {
  const packets: Uint8Array[] = good.map((p) => p.slice());
  for (const m of mutations) {
    const i = m.packet % Math.max(1, packets.length);
    const packet = packets[i];
    if (packet === undefined) continue;
    if (m.kind === "swap") packets.splice(i, 2, ...packets.slice(i, i + 2).reverse());
    else packets.splice(i, 1, ...spoilt(packet, m));
  }
  return packets;
}

/** One packet, gone bad. A swap needs a second one and leaves it as it is. */
export function spoilt(packet: Uint8Array, { kind, at, value }: Mutation): Uint8Array[] {
  const i = at % Math.max(1, packet.length);
  const bad = packet.slice();
  const put = (where: number, byte: number): void => {
    if (where < bad.length) bad[where] = byte & 0xff;
  };
  switch (kind) {
    case "cut":
      return [packet.slice(0, i)];
    case "flip":
      put(i, (bad[i] ?? 0) ^ (1 << (value & 7)));
      return [bad];
    case "insert":
      return [Uint8Array.from([...packet.slice(0, i), value, ...packet.slice(i)])];
    case "overwrite":
      put(i, value);
      return [bad];
    case "length":
      put(LENGTHS[at % LENGTHS.length] ?? 2, value);
      return [bad];
    case "handle": {
      const where = HANDLES[at % HANDLES.length] ?? 1;
      put(where, value);
      put(where + 1, at & 0x0f);
      return [bad];
    }
    case "double":
      return [packet, bad];
    case "lose":
      return [];
    case "swap":
      return [packet];
  }
}

/** A stream of bytes in pieces of any size. */
export function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    found.push(bytes.subarray(at, at + cut));
    at += cut;
  }
  return found;
}
