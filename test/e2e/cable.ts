import { connect, createServer, type Socket } from "node:net";

/** A TCP connection between two programs that can be pulled and plugged in again. */
export interface Cable {
  port: number;
  /** `silent`: both ends go on believing in the connection, nothing arrives; `reset`: both notice. */
  pull(how: "silent" | "reset"): void;
  plug(): void;
  close(): Promise<void>;
}

export function cable(to: { port: number }): Promise<Cable> {
  const pairs = new Set<[Socket, Socket]>();
  let pulled: "silent" | "reset" | undefined;
  const server = createServer((near) => {
    if (pulled === "reset") {
      near.destroy();
      return;
    }
    const far = connect(to.port, "127.0.0.1");
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => {
        if (pulled === undefined) into.write(bytes);
      });
      from.on("close", end);
      from.on("error", end);
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const drop = (): void => {
        for (const [near, far] of pairs) {
          near.destroy();
          far.destroy();
        }
        pairs.clear();
      };
      resolve({
        port: address.port,
        pull(how) {
          pulled = how;
          if (how === "reset") drop();
        },
        plug() {
          pulled = undefined;
          // What was swallowed is missing from the streams: they cannot go on.
          drop();
        },
        close: () =>
          new Promise((done) => {
            drop();
            server.close(() => done());
          }),
      });
    });
  });
}
