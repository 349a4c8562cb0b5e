/**
 * `npm start`: the whole system on one machine, each part a process of its own as in production (spec 6). The
 * air is simulated and WeChat is the sandbox; everything else is the program that runs on a site.
 */
import { access, constants, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chargers, GATEWAY } from "./chargers.ts";
import { eventLine } from "./lines.ts";
import { firstTaken } from "./ports.ts";
import { type Running, run } from "./processes.ts";
import { provision } from "./provision.ts";
import { settings } from "./settings.ts";
import { table } from "./table.ts";

const dist = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const config = settings(process.env);
if ("problem" in config) {
  console.error(config.problem);
  process.exit(2);
}

const taken = await firstTaken(config.ports);
if (taken !== undefined) {
  console.error(`port ${taken.port} is taken: set ${taken.variable} to a free one`);
  process.exit(1);
}

try {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await access(config.dataDir, constants.W_OK);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(`DATA_DIR is a folder that can be written to, not "${config.dataDir}": ${reason}`);
  process.exit(1);
}
// The path of a unix socket has at most 107 characters, so it does not lie in DATA_DIR.
const air = await mkdtemp(join(tmpdir(), "bluepower-"));
const socket = join(air, "air");

const running: Running[] = [];
const given = new AbortController();
let stopping: Promise<void> | undefined;
function stop(code: number): Promise<void> {
  stopping ??= (async () => {
    given.abort();
    // The gateway goes before the chargers and the cloud, so that it can hand over what it has.
    for (const program of running.toReversed()) await program.stop();
    await rm(air, { recursive: true, force: true });
    process.exit(code);
  })();
  return stopping;
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    console.log("stopping …");
    void stop(0);
  });
}

const on = {
  line: (name: string, line: string) => {
    const shown = eventLine(name, line);
    if (shown !== undefined) console.log(shown);
  },
  failed: (name: string, reason: string) => {
    if (stopping !== undefined) return;
    console.error(`${name} ${reason}`);
    void stop(1);
  },
};
const start = async (program: Parameters<typeof run>[0]): Promise<void> => {
  if (stopping !== undefined) return;
  const started = run(program, on);
  // Before it is ready: who stops meanwhile stops this one, too.
  running.push(started);
  await started.ready;
};
const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;

/** Whoever reads the table can order a charge at once. */
const isOnline = async (url: string): Promise<boolean> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1000) });
  return ((await answer.json()) as { cloud: { state: string } }).cloud.state === "online";
};

const origin = `http://${config.reach}:${config.port}`;
await start({
  name: "air",
  args: [join(dist, "demo/virtual-air.js"), "--socket", socket],
  env: {},
  ready: async () => (await stat(socket)).isSocket(),
});
await start({
  name: "sandbox",
  args: [join(dist, "sandbox/main.js")],
  env: {
    DATA_DIR: config.dataDir,
    SANDBOX_PORT: String(config.sandboxPort),
    SANDBOX_CONTROL_PORT: String(config.sandboxControlPort),
  },
  ready: () => answers(`http://127.0.0.1:${config.sandboxControlPort}/messages`),
});
const sandbox = `http://127.0.0.1:${config.sandboxPort}`;
const cloudEnv = {
  HOST: config.host,
  DATA_DIR: config.dataDir,
  PORT: String(config.port),
  MQTT_PORT: String(config.mqttPort),
  PUBLIC_URL: process.env.PUBLIC_URL ?? origin,
  CREDENTIALS_FILE: join(config.dataDir, "sandbox/credentials.json"),
  WECHAT_API_URL: process.env.WECHAT_API_URL ?? sandbox,
  WECHAT_PAY_URL: process.env.WECHAT_PAY_URL ?? sandbox,
  SMS_URL: process.env.SMS_URL ?? sandbox,
  SITE_TIME_ZONE: config.zone,
};
await start({
  name: "cloud",
  args: [join(dist, "cloud/main.js"), "serve"],
  env: cloudEnv,
  ready: () => answers(`${origin}/healthz`),
});
const tokenFile = join(config.dataDir, "gateway/token");
const operator: { password: string | null } = { password: null };
if (stopping === undefined) {
  await provision({
    cloud: join(dist, "cloud/main.js"),
    env: cloudEnv,
    origin,
    control: `http://127.0.0.1:${config.sandboxControlPort}`,
    dataDir: config.dataDir,
    tokenFile,
    zone: config.zone,
    signal: given.signal,
  }).then(
    ({ password }) => {
      operator.password = password;
    },
    (error: unknown) => {
      if (stopping !== undefined) return;
      console.error(`the demo data: ${error instanceof Error ? error.message : String(error)}`);
      void stop(1);
    },
  );
}
for (const [i, charger] of chargers.entries()) {
  const control = config.chargerControlPort + i;
  await start({
    name: charger.code,
    args: [
      join(dist, "firmware-sim/main.js"),
      ...["--chip", charger.chip],
      ...["--radio", `virtual:${socket}`],
      ...["--speed", String(config.speed)],
      ...["--state", join(config.dataDir, "chargers", `${charger.code}.json`)],
      ...["--control", String(control)],
      ...["--zone", config.zone],
    ],
    env: {},
    ready: () => answers(`http://127.0.0.1:${control}/state`),
  });
}
await start({
  name: "gateway",
  args: [join(dist, "gateway/main.js"), "run"],
  env: {
    GATEWAY_ID: GATEWAY,
    GATEWAY_TOKEN_FILE: tokenFile,
    GATEWAY_PORT: String(config.gatewayPort),
    BROKER_URL: config.broker,
    DATA_DIR: join(config.dataDir, "gateway"),
    RADIO: `virtual:${socket}`,
    SITE_TIME_ZONE: config.zone,
  },
  ready: () => isOnline(`http://127.0.0.1:${config.gatewayPort}/status`),
});
if (stopping === undefined) console.log(table(config, operator));
