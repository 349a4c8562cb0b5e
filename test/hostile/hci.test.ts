import { EventEmitter } from "node:events";
import { createH4Reader, H4_PACKET_MAX } from "@bluepower/protocol/hci/h4";
import { createHciSocketClass, type HciSocket, type HciStreamEvents } from "@bluepower/protocol/hci/socket";
import { seededRandom } from "@bluepower/protocol/random";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { command, nameData, receivedAtt, scriptedHost } from "../../firmware-sim/virtual-hci/scriptedHost.ts";
import { createVirtualRadio, type VirtualRadio } from "../../firmware-sim/virtual-hci/virtualRadio.ts";
import { mutated, mutation, pieces } from "./mutations.ts";

/** H4, the socket that noble and bleno run on, and the virtual controller, against packets gone bad. */

const RUNS = 1500;
let packets = 0;
/** Fewer would be thousands no more. */
const PACKETS_AT_LEAST = 8000;
afterAll(() => {
  console.log(`hostile HCI: ${packets} random or mutated packets, nothing thrown`);
  expect(packets).toBeGreaterThan(PACKETS_AT_LEAST);
});

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));
const bad = fc.array(mutation, { maxLength: 4 });
const cuts = fc.array(fc.nat(60), { maxLength: 20 });

/** What a controller says while a link is made, used and lost. */
const EVENTS = [
  "040e0401030c00",
  "040e0a01091000010000000002",
  "040e0701022000fb0008",
  "043e1c02010000020000000002100f09425543 5f413142324333443445354636c9",
  "040f0400010d20",
  "043e13010040000000020000000002001800000090010 0",
  "0240200900050004001300000000",
  "04130501400001 00",
  "04050400400013",
].map(bytes);

describe("the host's side", () => {
  const good = fc.array(fc.constantFrom(...EVENTS), { minLength: 1, maxLength: 12 });
  const stream = fc.oneof(
    fc.tuple(good, bad).map(([conversation, mutations]) => joined(mutated(conversation, mutations))),
    fc.uint8Array({ maxLength: 2000 }),
  );

  test("the reader gives what has the announced length; after an unknown indicator nothing more", () => {
    fc.assert(
      fc.property(stream, cuts, (all, cut) => {
        const reader = createH4Reader();
        let lost = false;
        let given = 0;
        for (const piece of pieces(all, cut)) {
          const { packets: whole, problem } = reader.push(piece);
          expect(lost && whole.length > 0).toBe(false);
          lost ||= problem !== undefined;
          for (const p of whole) given += p.length;
          packets += whole.length;
          expect(whole.every((p) => p.length <= H4_PACKET_MAX)).toBe(true);
        }
        // Cut anywhere, the packets are the same.
        const once = createH4Reader().push(all);
        expect(once.packets.reduce((sum, p) => sum + p.length, 0)).toBe(given);
        expect(once.problem !== undefined).toBe(lost);
        expect(given).toBeLessThanOrEqual(all.length);
      }),
      { numRuns: RUNS },
    );
  });

  test("the socket hands on what is whole or tells once that the stream is lost, and then no more", () => {
    fc.assert(
      fc.property(stream, cuts, (all, cut) => {
        const tasks: (() => void)[] = [];
        const lost: string[] = [];
        let events: HciStreamEvents | undefined;
        let closed = 0;
        const Socket = createHciSocketClass({
          EventEmitter,
          toBuffer: (packet) => Buffer.from(packet),
          macrotask: (run) => tasks.push(run),
          lost: (error) => lost.push(error.message),
          open(opened) {
            events = opened;
            return { write: () => {}, buffered: () => 0, close: () => void closed++ };
          },
        });
        const socket = new Socket() as HciSocket & EventEmitter;
        const after: boolean[] = [];
        socket.on("data", () => after.push(lost.length > 0));
        socket.on("error", () => {});
        socket.bindRaw();
        socket.start();
        events?.opened();
        for (const piece of pieces(all, cut)) {
          events?.data(piece);
          for (const task of tasks.splice(0)) task();
        }
        events?.closed();
        for (const task of tasks.splice(0)) task();
        packets += after.length;
        expect(after).not.toContain(true);
        expect(lost).toHaveLength(1);
        expect(socket.isDevUp()).toBe(false);
        expect(closed).toBe(1);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("the virtual controller", () => {
  const [HOSTILE, CENTRAL, CHARGER] = [
    "02:00:00:00:00:01",
    "02:00:00:00:00:02",
    "02:00:00:00:00:03",
  ] as const;
  /** What a host says that advertises, scans, connects, talks and ends it. */
  const COMMANDS = [
    command.reset,
    command.eventMask,
    command.leEventMask,
    command.advertisingParameters(100),
    command.advertisingData(nameData("BUC_A1B2C3D4E5F6")),
    command.scanResponseData(""),
    command.advertise(true),
    command.advertise(false),
    command.scanParameters(true),
    command.scan(true),
    command.scan(false),
    command.connect(CHARGER),
    command.cancelConnect,
    command.att(0x40, "0302 00"),
    command.att(0x40, "5210 00 40 53 54 41 26"),
    command.disconnect(0x40),
  ].map(bytes);
  let radio: VirtualRadio;

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("throws nothing at a host whatever it says, and leaves the others on the air alone", () => {
    const said = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.tuple(fc.array(fc.constantFrom(...COMMANDS), { minLength: 1, maxLength: 16 }), bad),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 16 }), fc.constant([])),
      },
    );
    fc.assert(
      fc.property(
        said,
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 4 }),
        ([good, mutations], waits) => {
          radio = createVirtualRadio({ timing: "instant", random: seededRandom("hostile") });
          const hostile = scriptedHost(radio, HOSTILE);
          hostile.write(command.eventMask, command.leEventMask);
          const charger = scriptedHost(radio, CHARGER);
          charger.write(command.eventMask, command.leEventMask);
          charger.write(command.advertisingParameters(100), command.advertise(true));
          const list = mutated(good, mutations);
          list.forEach((packet, i) => {
            packets += 1;
            hostile.controller.fromHost(packet);
            if (i % 4 === 0) vi.advanceTimersByTime(waits[(i / 4) % waits.length] ?? 0);
          });
          vi.advanceTimersByTime(waits[0] ?? 0);
          // A packet that the host is told has the length that it announces.
          for (const told of hostile.take()) {
            const { packets: whole, problem } = createH4Reader().push(bytes(told));
            if (problem !== undefined || whole.length !== 1) throw new Error(`no packet: ${told}`);
          }
          // It still does what it is for, as soon as its host is sane or gone.
          radio.detach(hostile.controller);
          // A link without its other end ends with its supervision timeout, which is 32 s at most.
          vi.advanceTimersByTime(33_000);
          charger.write(command.advertise(true));
          const central = scriptedHost(radio, CENTRAL);
          central.write(command.eventMask, command.leEventMask, command.connect(CHARGER));
          vi.advanceTimersByTime(1000);
          expect(radio.air.links).toHaveLength(1);
          charger.take();
          central.write(command.att(0x40, "520100"));
          vi.advanceTimersByTime(1000);
          const got = charger.take().filter((p) => p.startsWith("02"));
          expect(got.map((p) => p.slice(10))).toEqual([receivedAtt(0x40, "520100").slice(10)]);
          radio.close();
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
