import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { createHciSocketClass, HCI_WRITE_QUEUE_MAX, type HciSocket, type HciStreamEvents } from "./socket.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const COMMAND_COMPLETE = "040e0401030c00";
const DISCONNECTION = "04050400400013";
const INQUIRY_COMPLETE = "040100";
const ACL = "0240200100aa";

/** A platform whose macrotasks run when the test says so and whose stream is written down. */
function platform() {
  const tasks: (() => void)[] = [];
  const seen = { written: [] as string[], lost: [] as string[], opened: 0, closed: 0, buffered: 0 };
  let events: HciStreamEvents | undefined;
  return {
    seen,
    stream: (): HciStreamEvents => {
      if (events === undefined) throw new Error("no stream was opened");
      return events;
    },
    /** Runs one macrotask; false when there was none. */
    step(): boolean {
      const task = tasks.shift();
      task?.();
      return task !== undefined;
    },
    parts: {
      EventEmitter,
      toBuffer: (packet: Uint8Array) => Buffer.from(packet),
      macrotask: (run: () => void) => tasks.push(run),
      lost: (error: Error) => seen.lost.push(error.message),
      open(opened: HciStreamEvents) {
        events = opened;
        seen.opened++;
        return {
          write: (packet: Uint8Array) => seen.written.push(Buffer.from(packet).toString("hex")),
          buffered: () => seen.buffered,
          close: () => {
            seen.closed++;
          },
        };
      },
    },
  };
}

describe("the HCI socket over a stream", () => {
  let world: ReturnType<typeof platform>;
  let socket: HciSocket & EventEmitter;
  let got: string[];
  const settle = (): void => {
    while (world.step());
  };
  const create = (extra: { preamble?: Uint8Array[] } = {}): void => {
    const Socket = createHciSocketClass({ ...world.parts, ...extra });
    socket = new Socket() as HciSocket & EventEmitter;
    got = [];
    socket.on("data", (data: Buffer) => got.push(data.toString("hex")));
    for (const event of ["error", "state"]) {
      socket.on(event, (value: unknown) =>
        got.push(`${event} ${value instanceof Error ? value.message : value}`),
      );
    }
  };
  beforeEach(() => {
    world = platform();
    create();
  });

  it.each(["bindRaw", "bindUser"] as const)(
    "%s opens the stream once and names the device asked for",
    (bind) => {
      expect(socket[bind](3)).toBe(3);
      expect(socket[bind]()).toBe(0);
      expect(world.seen.opened).toBe(1);
    },
  );

  it("keeps what is written before the stream is open, and sends it in order behind the preamble", () => {
    create({ preamble: [bytes("0101fc00")] });
    socket.bindRaw();
    const packet = bytes("01030c00");
    socket.write(packet);
    packet.fill(0);
    socket.write(bytes("01091000"));
    expect(world.seen.written).toEqual([]);
    expect(socket.isDevUp()).toBe(true);
    world.stream().opened();
    settle();
    socket.write(bytes("01021000"));
    expect(world.seen.written).toEqual(["0101fc00", "01030c00", "01091000", "01021000"]);
    expect(got).toEqual(["state up"]);
  });

  it("gives one packet per macrotask, however they came, as a Buffer", () => {
    socket.bindUser();
    socket.start();
    world.stream().data(bytes(COMMAND_COMPLETE + ACL + DISCONNECTION.slice(0, 6)));
    world.stream().data(bytes(DISCONNECTION.slice(6)));
    expect(got).toEqual([]);
    world.step();
    expect(got).toEqual([COMMAND_COMPLETE]);
    world.step();
    expect(got).toEqual([COMMAND_COMPLETE, ACL]);
    world.step();
    expect(got).toEqual([COMMAND_COMPLETE, ACL, DISCONNECTION]);
  });

  it("gives nothing before start and after stop", () => {
    socket.bindRaw();
    world.stream().data(bytes(COMMAND_COMPLETE));
    settle();
    socket.start();
    world.stream().data(bytes(COMMAND_COMPLETE));
    socket.stop();
    settle();
    socket.write(bytes("01030c00"));
    expect(got).toEqual([]);
    expect(world.seen).toMatchObject({ closed: 1, written: [], lost: [] });
    world.stream().closed();
    expect(world.seen.lost).toEqual([]);
  });

  it("lets through what the filter of the host lets through", () => {
    socket.bindRaw();
    socket.start();
    const filter = Buffer.alloc(14);
    filter.writeUInt32LE((1 << 4) | (1 << 2), 0);
    filter.writeUInt32LE(1 << 0x0e, 4);
    filter.writeUInt32LE(1 << (0x3e - 32), 8);
    socket.setFilter(filter);
    const meta = "043e020100";
    const packets = [COMMAND_COMPLETE, INQUIRY_COMPLETE, DISCONNECTION, meta, ACL, "01030c00"];
    world.stream().data(bytes(packets.join("")));
    settle();
    expect(got).toEqual([COMMAND_COMPLETE, meta, ACL]);
  });

  it("has nothing behind its control socket", () => {
    expect(socket.bindControl()).toBe(0);
    socket.start();
    socket.write(bytes("130000000200"));
    expect(socket.getDeviceList()).toEqual([{ devId: 0, devUp: true }]);
    expect(world.seen).toMatchObject({ opened: 0, written: [] });
  });

  const losses: { name: string; lose: () => void; message: string }[] = [
    { name: "closes", lose: () => world.stream().closed(), message: "the controller closed the connection" },
    { name: "fails", lose: () => world.stream().closed(new Error("ECONNRESET")), message: "ECONNRESET" },
    {
      name: "speaks no H4",
      lose: () => world.stream().data(bytes("47")),
      message: "H4 framing lost: indicator 0x47",
    },
    {
      name: "is read by nobody",
      lose: () => {
        world.seen.buffered = HCI_WRITE_QUEUE_MAX + 1;
        socket.write(bytes("01030c00"));
      },
      message: "the controller reads no more",
    },
  ];
  it.each(losses)(
    "a stream that $name is told once, and the device is down for good",
    ({ lose, message }) => {
      socket.bindRaw();
      world.stream().opened();
      settle();
      lose();
      world.stream().closed();
      expect(got).toEqual(["state up", `error ${message}`, "state down"]);
      expect(world.seen.lost).toEqual([message]);
      expect(socket.isDevUp()).toBe(false);
      const written = world.seen.written.length;
      socket.write(bytes("01030c00"));
      expect(world.seen.written).toHaveLength(written);
    },
  );

  it("a stream that never opens does not gather writes without a bound", () => {
    socket.bindRaw();
    const packet = new Uint8Array(60_000).fill(1);
    for (let i = 0; i < 4; i++) socket.write(packet);
    expect(world.seen.lost).toEqual([]);
    socket.write(packet);
    expect(world.seen.lost).toEqual(["the controller does not answer"]);
  });

  it("does not throw when nobody listens for its error", () => {
    socket.removeAllListeners();
    socket.bindRaw();
    expect(() => world.stream().closed()).not.toThrow();
    expect(world.seen.lost).toHaveLength(1);
  });
});
