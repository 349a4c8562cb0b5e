import { createServer } from "node:net";

/** The first port that cannot be listened on, or that two variables name; undefined when all are free. */
export async function firstTaken<P extends { port: number }>(ports: readonly P[]): Promise<P | undefined> {
  const seen = new Set<number>();
  for (const wanted of ports) {
    if (seen.has(wanted.port) || !(await isFree(wanted.port))) return wanted;
    seen.add(wanted.port);
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
