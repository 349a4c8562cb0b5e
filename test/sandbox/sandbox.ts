import { webcrypto } from "node:crypto";
import type { Server } from "node:http";
import { join } from "node:path";
import type { Clock } from "@bluepower/protocol/clock";
import { type Random, secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { bills } from "./bills.ts";
import { control } from "./control.ts";
import { type Credentials, type Identity, identity } from "./credentials.ts";
import { faults } from "./faults.ts";
import { h5Page } from "./h5Page.ts";
import { messages } from "./messages.ts";
import { miniProgramWire } from "./miniProgramWire.ts";
import { Notifier } from "./notifier.ts";
import { payCalls } from "./payCalls.ts";
import { paySignature } from "./paySignature.ts";
import { payWire } from "./payWire.ts";
import { people } from "./people.ts";
import { platformCertificates } from "./platformCertificates.ts";
import { settlement } from "./settlement.ts";
import { smsWire } from "./smsWire.ts";
import { stall } from "./stall.ts";
import { openStore } from "./store.ts";
import { transactions } from "./transactions.ts";

export interface SandboxOptions {
  /** 0 is any free port. */
  wirePort: number;
  controlPort: number;
  /** Everything is kept in `dataDir/sandbox`; without it nothing outlives the sandbox. */
  dataDir?: string;
  /** Keys that were made before, for tests that start many: making them takes most of a second. Not with dataDir. */
  identity?: Identity;
  clock?: Clock;
  random?: Random;
  /** Multiplies every delay of notifications and refunds; 1 is WeChat's own pace. */
  notifyScale?: number;
  /** One line for each event that a person cares about. */
  log?: (line: string) => void;
}

export interface Sandbox {
  /** In place of `api.weixin.qq.com`, `api.mch.weixin.qq.com` and `dysmsapi.aliyuncs.com`. */
  wireUrl: string;
  controlUrl: string;
  credentials: Credentials;
  close(): Promise<void>;
}

/** A request's body is refused above this size. */
const BODY_MAX = 64 * 1024;

/** Only this machine reaches the sandbox. */
const HOST = "127.0.0.1";

/**
 * Starts WeChat, WeChat Pay and SMS as the other side of the wire.
 * Throws with a clear line when a port is taken or the kept files are damaged.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock = systemClock, notifyScale: scale = 1, log = () => {} } = options;
  const random = options.random ?? secureRandom((bytes) => webcrypto.getRandomValues(bytes));
  const folder = options.dataDir === undefined ? undefined : join(options.dataDir, "sandbox");
  const made =
    options.identity ??
    (await identity({ ...(folder !== undefined && { folder }), random, now: clock.now() }));

  let wire = new Hono<{ Bindings: HttpBindings }>();
  let controls = new Hono();
  const wireServer = await listen((request, env) => wire.fetch(request, env as HttpBindings), {
    port: options.wirePort,
    variable: "SANDBOX_PORT",
  });
  const controlServer = await listen((request) => controls.fetch(request), {
    port: options.controlPort,
    variable: "SANDBOX_CONTROL_PORT",
  }).catch(async (error: unknown) => {
    await stop(wireServer);
    throw error;
  });
  // The ports are ours, so no second sandbox writes the same files; no request is read before this is done.
  try {
    const parts = assemble({ made, folder, clock, random, scale, log, wireUrl: urlOf(wireServer) });
    wire = parts.wire;
    controls = parts.controls;
    return {
      wireUrl: urlOf(wireServer),
      controlUrl: urlOf(controlServer),
      credentials: made.credentials,
      async close() {
        parts.close();
        await Promise.all([stop(wireServer), stop(controlServer)]);
        parts.closeStore();
      },
    };
  } catch (error) {
    await Promise.all([stop(wireServer), stop(controlServer)]);
    throw error;
  }
}

function assemble(of: {
  made: Identity;
  folder: string | undefined;
  clock: Clock;
  random: Random;
  scale: number;
  log: (line: string) => void;
  wireUrl: string;
}) {
  const { clock, random, scale, log } = of;
  const { credentials } = of.made;
  const store = openStore(of.folder === undefined ? undefined : join(of.folder, "state.jsonl"));
  const certificates = platformCertificates({
    first: of.made.platform.certificate,
    store,
    clock,
    random,
  });
  const signature = paySignature({ identity: of.made, certificates, clock, random });
  const persons = people({ credentials, store, clock, random });
  const box = messages(clock);
  const faulty = faults();
  const stalled = stall(clock);
  const paid = transactions({ store, clock, random });
  const { apiV3Key, mchid } = credentials.merchant;
  const notifier = new Notifier({ store, clock, random, signature, apiV3Key, scale, log });
  const settling = settlement({ credentials, store, transactions: paid, notifier, clock, scale, log });
  const billed = bills({ transactions: paid, store, clock, random, mchid });
  const calls = payCalls({
    identity: of.made,
    certificates,
    transactions: paid,
    people: persons,
    clock,
    random,
    wireUrl: of.wireUrl,
    refundAccepted: settling.refundAccepted,
    bills: billed,
  });

  const wire = new Hono<{ Bindings: HttpBindings }>();
  wire.use(bodyLimit({ maxSize: BODY_MAX }));
  wire.route(
    "/",
    payWire({ identity: of.made, certificates, signature, calls, faults: faulty, stall: stalled }),
  );
  wire.route(
    "/",
    miniProgramWire({
      credentials,
      people: persons,
      messages: box,
      transactions: paid,
      faults: faulty,
      stall: stalled,
      clock,
      random,
      tradeManaged: settling.tradeManaged,
    }),
  );
  wire.route("/", smsWire({ credentials, messages: box, faults: faulty, stall: stalled, clock, random }));
  wire.route("/", h5Page({ transactions: paid, paid: (order) => settling.notifyPaid(order, "once") }));

  const controls = new Hono();
  controls.use(bodyLimit({ maxSize: BODY_MAX }));
  controls.route(
    "/",
    control({
      credentials,
      people: persons,
      messages: box,
      faults: faulty,
      transactions: paid,
      signature,
      notifier,
      settlement: settling,
      certificates,
      bills: billed,
      clock,
    }),
  );
  return {
    wire,
    controls,
    close() {
      stalled.close();
      settling.close();
      notifier.close();
    },
    closeStore: store.close,
  };
}

async function listen(
  fetch: (request: Request, env: unknown) => Response | Promise<Response>,
  at: { port: number; variable: string },
): Promise<Server> {
  const server = createAdaptorServer({ fetch }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === "EADDRINUSE" ? "is taken" : `cannot be used (${cause.code ?? cause.message})`;
      reject(new Error(`port ${at.port} ${why}: set ${at.variable} to a free one`, { cause }));
    });
    server.listen(at.port, HOST, resolve);
  });
  return server;
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("the server does not listen on a port");
  return `http://${HOST}:${address.port}`;
}

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
