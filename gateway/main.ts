import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { secureRandom } from "@bluepower/protocol/random";
import { systemClock } from "@bluepower/protocol/systemClock";
import pino, { type Logger } from "pino";
import pretty from "pino-pretty";
import { HELP, type RunConfig, readConfig } from "./config.ts";
import { serveLocal } from "./local.ts";
import packageJson from "./package.json" with { type: "json" };
import { forkWorker } from "./radio/workerProcess.ts";
import { WorkerRadio } from "./radio/workerRadio.ts";
import { startGateway } from "./run.ts";
import { type Status, statusLines } from "./status.ts";
import { Store } from "./store/store.ts";
import { MqttUplink } from "./uplink/mqtt.ts";
import { subscriptions, will } from "./uplink/sync.ts";

/** systemd-timesyncd makes this file when it has set the clock. */
const TIME_IS_SYNCED = "/run/systemd/timesync/synchronized";

const config = readConfig(process.argv.slice(2), process.env);
switch (config.kind) {
  case "help":
    console.log(HELP);
    break;
  case "problem":
    console.error(config.problem);
    process.exitCode = 2;
    break;
  case "status":
    await showStatus(config);
    break;
  case "run":
    await run(config);
    break;
}

function logger(level: string): Logger {
  const destination = process.stdout.isTTY
    ? pretty({ colorize: true, sync: true, ignore: "pid,hostname,event", translateTime: "SYS:HH:MM:ss" })
    : pino.destination({ fd: 1, sync: true });
  return pino({ level, base: null }, destination);
}

async function run(config: RunConfig): Promise<void> {
  const log = logger(config.logLevel);
  const fail = (what: string, error: unknown): never => {
    console.error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  };
  const token = async (): Promise<string> => (await readFile(config.tokenFile, "utf8")).trim();
  await token().catch((error) => fail(`--token-file ${config.tokenFile} cannot be read`, error));
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 }).catch((error) =>
    fail(`--data ${config.dataDir} cannot be made`, error),
  );
  const clock = systemClock;
  const random = secureRandom((bytes) => crypto.getRandomValues(bytes));
  const store = openStore(join(config.dataDir, "gateway.db"));
  const radio = new WorkerRadio({
    clock,
    log: log.child({ part: "radio" }),
    start: () => {
      const bundle = join(dirname(fileURLToPath(import.meta.url)), "ble-worker.js");
      return forkWorker({ bundle, radio: config.radio });
    },
  });
  const uplink = new MqttUplink({
    clock,
    random,
    log: log.child({ part: "uplink" }),
    url: config.broker,
    id: config.id,
    token,
    will: will(config.id, store.stream),
    subscriptions: subscriptions(config.id),
  });
  const gateway = startGateway({
    ...{
      id: config.id,
      program: `bluepower-gateway ${packageJson.version}`,
      clock,
      random,
      radio,
      uplink,
      store,
    },
    ...{ log, zone: config.zone, wallIsSynced: () => existsSync(TIME_IS_SYNCED) },
    ...(config.links === undefined ? {} : { links: config.links }),
  });
  const local = await serveLocal(config.port, () => gateway.status()).catch((error) =>
    fail(`the local port ${config.port} cannot be used, set GATEWAY_PORT to a free one`, error),
  );
  log.info(
    { event: "gateway.started", port: local.port, boot: store.boots.number },
    `gateway ${config.id} runs`,
  );

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, "stopping; charges go on, and are taken up again at the next start");
    await local.close();
    await gateway.close();
    await radio.close();
    store.keep();
    store.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(signal));
  // What nobody expected: the store is whole at any moment, so a new start is the cure.
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "an error of the program; it ends and is started anew");
    process.exit(1);
  });

  function openStore(file: string): Store {
    try {
      return new Store({ file, clock, random });
    } catch (error) {
      return fail(`the store ${file} cannot be opened`, error);
    }
  }
}

async function showStatus(of: { port: number; json: boolean; zone: string }): Promise<void> {
  const url = `http://127.0.0.1:${of.port}/status`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    // Of this very program, so it is taken at its word.
    const status = (await answer.json()) as Status;
    console.log(of.json ? JSON.stringify(status, null, 2) : statusLines(status, of.zone).join("\n"));
  } catch {
    console.error(`no gateway answers on port ${of.port} of this machine: is it running? (GATEWAY_PORT)`);
    process.exitCode = 1;
  }
}
