import { createServer, type Socket } from "node:net";
import { createH4Reader, H4 } from "@bluepower/protocol/hci/h4";
import { type Random, seededRandom } from "@bluepower/protocol/random";
import type { VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import { MUTATIONS, type Mutation, spoilt } from "./mutations.ts";

export interface HostileController {
  /** Whether it tells its host what is not so. */
  hostile: boolean;
  /** Packets told to the host, and how many of them had gone bad. */
  readonly told: number;
  readonly spoilt: number;
  close(): Promise<void>;
}

/** One of so many packets goes bad. */
const ONE_OF = 12;
/** Where the payload begins: what stands before it frames the packet on the stream. */
const HEADER: Readonly<Record<number, number>> = { [H4.EVENT]: 3, [H4.ACL_DATA]: 5 };
/** A packet without its frame ends every conversation at once: it comes more seldom. */
const UNFRAMED_ONE_OF = 50;

/**
 * Controllers of a good air that tell their host a good conversation gone bad while `hostile`: bits flipped, lengths
 * and handles altered, packets cut, doubled, exchanged and lost, events of nobody. What goes bad follows from the seed.
 */
export async function serveHostile(
  air: VirtualRadio,
  of: { socket: string; seed: number },
): Promise<HostileController> {
  const random = seededRandom(of.seed);
  const open = new Set<Socket>();
  const counts = { told: 0, spoilt: 0 };
  const server = createServer((socket) => {
    open.add(socket);
    let held: Uint8Array | undefined;
    const write = (packet: Uint8Array): void => {
      if (!socket.destroyed) socket.write(packet);
    };
    const controller = air.attach({
      toHost(packet) {
        counts.told += 1;
        const mutation = self.hostile ? drawn(random, packet) : undefined;
        if (mutation === undefined) write(packet);
        else {
          counts.spoilt += 1;
          if (mutation.kind === "swap" && held === undefined) held = packet;
          else {
            for (const bad of spoilt(packet, mutation)) {
              write(mutation.kind === "cut" || mutation.kind === "insert" ? framed(bad) : bad);
            }
          }
          if (mutation.kind === "double" && mutation.value < 64) write(invented(random));
        }
        if (held === undefined || held === packet) return;
        write(held);
        held = undefined;
      },
      unplugged: () => socket.destroy(),
    });
    const reader = createH4Reader();
    socket.on("data", (bytes: Buffer) => {
      for (const packet of reader.push(bytes).packets) controller.fromHost(packet);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      air.detach(controller);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(of.socket, resolve);
  });
  const self = {
    hostile: false,
    get told() {
      return counts.told;
    },
    get spoilt() {
      return counts.spoilt;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
  return self;
}

function drawn(random: Random, packet: Uint8Array): Mutation | undefined {
  if (random.u32() % ONE_OF !== 0) return undefined;
  const kind = MUTATIONS[random.u32() % MUTATIONS.length] ?? "flip";
  const header = HEADER[packet[0] ?? 0] ?? 0;
  const within = header + (random.u32() % Math.max(1, packet.length - header));
  const value = random.u32() & 0xff;
  if (random.u32() % UNFRAMED_ONE_OF === 0) return { kind, packet: 0, at: random.u32(), value };
  return { kind: kind === "length" ? "overwrite" : kind, packet: 0, at: within, value };
}

/** The packet with the length that it has come to have. */
function framed(packet: Uint8Array): Uint8Array {
  const header = HEADER[packet[0] ?? 0] ?? 0;
  const length = packet.length - header;
  if (length < 0) return packet;
  if (packet[0] === H4.EVENT) packet[2] = length;
  else if (packet[0] === H4.ACL_DATA) new DataView(packet.buffer).setUint16(3, length, true);
  return packet;
}

/** An event that nothing has caused, in form. */
function invented(random: Random): Uint8Array {
  const length = random.u32() % 40;
  const payload = Array.from({ length }, () => random.u32() & 0xff);
  const code = [0x05, 0x0e, 0x0f, 0x13, 0x3e, random.u32() & 0xff][random.u32() % 6] ?? 0x3e;
  return Uint8Array.from([0x04, code, length, ...payload]);
}
