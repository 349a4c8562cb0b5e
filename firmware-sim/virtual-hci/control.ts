import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { UNIT_MS } from "./constants.ts";
import { applyFault } from "./faults.ts";
import type { VirtualRadio } from "./virtualRadio.ts";

/** A fault is a line of text. */
const BODY_MAX = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The control channel for tests, on the loopback interface only: `POST /fault` (see `faults.ts`) answers 200, 400
 * with what is allowed, or 404 when nobody is called so; `GET /state` lists controllers and links.
 * Port 0 takes a free one.
 */
export async function serveControl(
  radio: VirtualRadio,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const answer = ({ status, body }: Answer): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    };
    respond(radio, request).then(answer, () => answer({ status: 400, body: { error: "body: JSON" } }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  status: number;
  body: unknown;
}

async function respond(radio: VirtualRadio, request: IncomingMessage): Promise<Answer> {
  const route = `${request.method} ${request.url}`;
  if (route === "GET /state") return { status: 200, body: state(radio) };
  if (route !== "POST /fault") return { status: 404, body: { error: "POST /fault or GET /state" } };
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > BODY_MAX)
      return { status: 413, body: { error: `body: at most ${BODY_MAX} characters` } };
  }
  const outcome = applyFault(radio, JSON.parse(text));
  switch (outcome.kind) {
    case "applied":
      return { status: 200, body: { applied: true } };
    case "invalid":
      return { status: 400, body: { error: outcome.message } };
    case "unknown_controller":
      return { status: 404, body: { error: outcome.message } };
  }
}

/** What is in the air: JSON, addresses as text, intervals in milliseconds. */
function state(radio: VirtualRadio): unknown {
  return {
    timing: radio.air.timing,
    advertisingLoss: radio.air.advertisingLoss,
    counters: radio.air.counters,
    controllers: radio.controllers().map((controller) => ({
      address: controller.address,
      name: controller.name ?? null,
      advertising: controller.advertisement !== undefined,
      scanning: controller.scanning,
      initiating: controller.initiation?.peer.address ?? null,
      absent: controller.absent,
      hung: controller.hung,
      connectionLimit: controller.connectionLimit,
      links: controller.connections.length,
    })),
    links: radio.air.links.map(({ link, central, peripheral }) => ({
      central: central.address,
      peripheral: peripheral.address,
      name: peripheral.name ?? null,
      intervalMs: link.parameters.interval * UNIT_MS.CONNECTION_INTERVAL,
      supervisionTimeoutMs: link.parameters.supervisionTimeout * UNIT_MS.SUPERVISION_TIMEOUT,
      reachable: link.reachable,
    })),
  };
}
