import { createServer } from "node:http";
import { metricsText, problemsOf, type Status } from "./status.ts";

/** The local port as it is listened on. */
export interface LocalServer {
  port: number;
  close(): Promise<void>;
}

/**
 * `GET /healthz`, `/metrics` and `/status` on loopback: for the supervisor of processes, for Prometheus, and for
 * `bluepower-gateway status`. `/healthz` is 503 while the gateway cannot do its work, and says why. Rejects when the port cannot be had.
 */
export function serveLocal(port: number, status: () => Status): Promise<LocalServer> {
  const server = createServer((request, response) => {
    const send = (code: number, type: string, body: string): void => {
      response.writeHead(code, { "content-type": type, "cache-control": "no-store" }).end(body);
    };
    const json = (code: number, body: unknown): void =>
      send(code, "application/json", `${JSON.stringify(body)}\n`);
    const path = (request.url ?? "").split("?")[0];
    if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      json(405, { error: "only GET" });
    } else if (path === "/healthz") {
      const { radio, cloud, store } = status();
      const problems = problemsOf({ radio, store });
      json(problems.length === 0 ? 200 : 503, {
        ...{ status: problems.length === 0 ? "ok" : "failing", problems },
        ...{ radio: radio.state, cloud: cloud.state, storeRefusals: store.refusals },
      });
    } else if (path === "/metrics")
      send(200, "text/plain; version=0.0.4; charset=utf-8", metricsText(status()));
    else if (path === "/status") json(200, status());
    else json(404, { error: "GET /healthz, /metrics or /status" });
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 50;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
