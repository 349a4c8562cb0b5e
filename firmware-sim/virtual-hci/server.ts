import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createH4Reader } from "@bluepower/protocol/hci/h4";
import type { VirtualRadio } from "./virtualRadio.ts";

/** A host that leaves this much unread is gone. */
const UNREAD_MAX = 1024 * 1024;

/** What fits into `sun_path`, without its final zero. */
const SOCKET_PATH_MAX = 107;

/**
 * Serves H4 on a unix socket: every connection is one controller, which leaves the air with its connection. A
 * socket file that nobody serves any more is replaced. Throws when the path is too long or in use.
 */
export async function serveH4(radio: VirtualRadio, path: string): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    throw new Error(`the path of a unix socket has at most ${SOCKET_PATH_MAX} bytes: ${path}`);
  }
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    serveHost(radio, socket, () => open.delete(socket));
  });
  try {
    await listen(server, path);
  } catch (cause) {
    if (!isAddressInUse(cause)) throw new Error(`cannot listen on ${path}`, { cause });
    if (!(await lstat(path)).isSocket()) throw new Error(`${path} exists and is no socket`, { cause });
    if (await isServed(path)) throw new Error(`${path} is served by another program`, { cause });
    await rm(path);
    await listen(server, path);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function serveHost(radio: VirtualRadio, socket: Socket, closed: () => void): void {
  const controller = radio.attach({
    toHost(packet) {
      if (socket.writableLength > UNREAD_MAX) socket.destroy();
      else if (!socket.destroyed) socket.write(packet);
    },
    unplugged: () => socket.destroy(),
  });
  const reader = createH4Reader();
  socket.on("data", (bytes: Buffer) => {
    const { packets, problem } = reader.push(bytes);
    for (const packet of packets) controller.fromHost(packet);
    if (problem !== undefined) socket.destroy();
  });
  // What went wrong with one host's connection is that host's affair; `close` follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    radio.detach(controller);
    closed();
  });
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });

const isAddressInUse = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EADDRINUSE";

const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
