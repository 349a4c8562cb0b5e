import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Clock } from "@bluepower/protocol/clock";
import { seconds, withDeadline } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { createAdaptorServer } from "@hono/node-server";
import type { Logger } from "pino";
import { table } from "./api/table.ts";
import { createWeb } from "./api/web.ts";
import { auditBeside } from "./audit/audit.ts";
import { startAudits } from "./audit/nightly.ts";
import { bankCardsOf } from "./cashout/bankCards.ts";
import { useSecondLimit } from "./cashout/secondLimit.ts";
import type { Cloud } from "./cloud.ts";
import { type Config, readConfig } from "./config.ts";
import { openDatabase, transaction } from "./database/open.ts";
import { startGateways } from "./gateways/start.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { gatewayOrders } from "./orders/gatewayOrders.ts";
import { useDayZone } from "./orders/orderDay.ts";
import { startOrders } from "./orders/sweeper.ts";
import { payAccount } from "./payAccount.ts";
import { noWeChatPay } from "./payments/none.ts";
import type { PaymentProvider } from "./payments/payments.ts";
import { startPayments } from "./payments/start.ts";
import { accountProblem, notifyProblem, wechatPay } from "./payments/wechatPay.ts";
import { wechatBills } from "./reconciliation/bills.ts";
import { startReconciliation } from "./reconciliation/daily.ts";
import { weChat } from "./wechat/client.ts";

/** Calls that are under way at the end are waited for this long; a start over Bluetooth may take longer and is told by its event. */
const CLOSING = seconds(5);
/** Slow senders hold a connection no longer than this. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 10_000;

interface Outside {
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
}

/**
 * The serving program until SIGTERM or SIGINT. Ends with 2 when a variable is wrong, with 1 when something it needs cannot
 * be had, each with one line.
 */
export async function serve(outside: Outside): Promise<void> {
  const read = readConfig(outside.env, outside.random);
  if ("problem" in read) return end(2, read.problem);
  const log = createLog(read.config.logLevel);
  let running: RunningCloud;
  try {
    running = await startCloud({ ...outside, config: read.config, log });
  } catch (error) {
    log.debug({ err: error }, "the start failed");
    return end(1, said(error));
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      log.info({ event: "cloud.stopping" }, "stopping");
      void running.close().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, "stopping failed");
          process.exit(1);
        },
      );
    });
  }
}

function end(code: 1 | 2, line: string): never {
  process.stderr.write(`bluepower-cloud: ${line}\n`);
  process.exit(code);
}

/** The message of an error and of what caused it. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${said(error.cause)}`;
}

export interface RunningCloud {
  /** Where HTTP listens. */
  port: number;
  close(): Promise<void>;
}

/** Starts everything in the order in which one needs the other; closes what was started when something fails. */
export async function startCloud(
  of: Omit<Outside, "env"> & { config: Config; log: Logger },
): Promise<RunningCloud> {
  const { clock, random, config, log } = of;
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).toReversed()) await step();
  };
  try {
    for (const warning of config.warnings) log.warn({ event: "config.warning" }, warning);
    const { db, migrated, close: closeDatabase } = await openDatabase({ url: config.databaseUrl });
    closing.push(closeDatabase);
    if (migrated.length > 0)
      log.info({ event: "database.migrated", migrated }, "the tables were brought up to date");

    if ((await transaction(db, (tx) => useDayZone(tx, config.zone))) === "summed_anew") {
      log.info(
        { event: "orders.summed", zone: config.zone },
        "the days' sums of orders were made anew for this zone",
      );
    }
    const limit = await transaction(db, (tx) =>
      useSecondLimit(tx, config.cashoutSecondFen, { who: "cloud", at: clock.now() }),
    );
    if (limit.kind === "changed") {
      log.warn(
        { event: "cashout.limit", from: limit.from, to: config.cashoutSecondFen },
        `a cash-out needs two people above ${config.cashoutSecondFen} fen now`,
      );
    }
    const gateways = await startGateways({ db, clock, random, log, config, orders: gatewayOrders(clock) });
    closing.push(() => gateways.close());
    const provider = paymentProvider(config, { clock, random, log });
    const wechat = weChat({ apiUrl: config.wechat.apiUrl, apps: config.wechat.apps, clock });
    const payments = await startPayments({
      ...{ db, clock, random, log, provider, coinFen: config.coinFen },
      ...(provider !== noWeChatPay && { shipper: wechat }),
    });
    closing.push(() => payments.stop());
    const orders = startOrders({ db, clock, gateways, log });
    closing.push(() => orders.stop());

    const cards = await bankCardsOf(db, config.bankKeyFile);
    const cloud: Cloud = { clock, random, log, config, db, gateways, payments, wechat, cards };
    const metrics = createMetrics();
    for (const name of Object.keys(gateways.metrics())) {
      metrics.gauge(`bluepower_${name}`, () => gateways.metrics()[name] ?? 0);
    }
    const server = httpServer(config, createWeb(cloud, { table, metrics }).fetch);
    const port = await listen(server, config);
    closing.push(() => closeServer(server, clock));
    log.info({ event: "cloud.ready", port }, `serving on ${config.publicUrl}`);
    const audits = startAudits({
      ...{ clock, log, zone: config.zone },
      audit: () => auditBeside({ db, url: config.databaseUrl }),
    });
    closing.push(() => audits.stop());
    metrics.gauge("bluepower_audit_violations", () => audits.broken() ?? -1);
    metrics.gauge("bluepower_audit_time_seconds", () => Math.floor((audits.time() ?? 0) / 1000));
    const account = payAccount(config);
    if (account !== null) {
      const bills = wechatBills({ account, clock, random });
      const reconciliations = startReconciliation({ db, clock, log, bills });
      closing.push(() => reconciliations.stop());
      metrics.gauge("bluepower_bill_differences_open", () => reconciliations.open() ?? -1);
      metrics.gauge("bluepower_bill_time_seconds", () => Math.floor((reconciliations.time() ?? 0) / 1000));
    }
    return { port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The merchant's client; without a merchant charges go on and nothing is paid in cash. */
function paymentProvider(config: Config, of: { clock: Clock; random: Random; log: Logger }): PaymentProvider {
  const account = payAccount(config);
  if (account === null) {
    of.log.warn(
      { event: "config.warning" },
      "no merchant of WeChat Pay is configured: nothing can be paid in cash",
    );
    return noWeChatPay;
  }
  const problem = accountProblem(account, config.production) ?? notifyProblem(account, config.production);
  if (problem !== undefined) throw new Error(problem);
  return wechatPay({ account, clock: of.clock, random: of.random });
}

function httpServer(
  config: Config,
  fetch: (request: Request, env: object) => Response | Promise<Response>,
): Server {
  const options = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS };
  const server =
    config.tls === null
      ? createAdaptorServer({ fetch, createServer, serverOptions: options })
      : createAdaptorServer({
          fetch,
          createServer: createTlsServer,
          serverOptions: {
            ...options,
            cert: readFileSync(config.tls.certFile),
            key: readFileSync(config.tls.keyFile),
          },
        });
  const made = server as Server;
  made.maxConnections = CONNECTIONS_MAX;
  return made;
}

async function listen(server: Server, config: Config): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const taken =
        cause.code === "EADDRINUSE" ? `port ${config.port} is taken: set PORT to a free one` : undefined;
      reject(
        taken === undefined
          ? new Error(`PORT ${config.port}, HOST ${config.host}`, { cause })
          : new Error(taken),
      );
    });
    server.listen(config.port, config.host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : config.port);
    });
  });
}

/** Takes no more calls, lets those under way end, then cuts what is left. */
async function closeServer(server: Server, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const ended = await withDeadline(clock, CLOSING, "closing HTTP", closed);
  if (ended.kind === "timeout") server.closeAllConnections();
}
