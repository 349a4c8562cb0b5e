import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Fault, readFault } from "./faults.ts";

/** A fault is a few words. */
const BODY_MAX = 4096;
/** A client that says nothing more is cut off. */
const REQUEST_MS = 5000;

/** What the control port is to reach. */
export interface Controlled {
  ports: number;
  /** Anything that JSON can hold. */
  state: () => unknown;
  apply: (fault: Fault) => void;
}

/**
 * The control port of spec 6, on the loopback address only: `GET /state`, `POST /fault`. Answers what it
 * listens on; rejects when the port is taken.
 */
export function serveControl(
  controlled: Controlled,
  port: number,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      answer(controlled, request).then(
        (a) => send(response, a),
        () => response.destroy(),
      );
    },
  );
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      resolve({
        port: address !== null && typeof address === "object" ? address.port : port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

interface Answer {
  status: number;
  body: unknown;
  allow?: string;
}

async function answer(controlled: Controlled, request: IncomingMessage): Promise<Answer> {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/state") {
    if (request.method === "GET") return { status: 200, body: controlled.state() };
    return { status: 405, allow: "GET", body: { error: "ask with GET" } };
  }
  if (path !== "/fault") return { status: 404, body: { error: "there are GET /state and POST /fault" } };
  if (request.method !== "POST") return { status: 405, allow: "POST", body: { error: "ask with POST" } };

  const text = await bodyOf(request);
  if (text === undefined) return { status: 413, body: { error: `a body has at most ${BODY_MAX} bytes` } };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { status: 400, body: { error: "the body is no JSON", field: "body" } };
  }
  const fault = readFault(body, controlled.ports);
  if ("problem" in fault) return { status: 400, body: { error: fault.problem, field: fault.field } };
  controlled.apply(fault);
  return { status: 200, body: controlled.state() };
}

/** Undefined when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= BODY_MAX) parts.push(part);
  }
  return length > BODY_MAX ? undefined : Buffer.concat(parts).toString("utf8");
}

function send(response: ServerResponse, { status, body, allow }: Answer): void {
  if (allow !== undefined) response.setHeader("allow", allow);
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(`${JSON.stringify(body)}\n`);
}
