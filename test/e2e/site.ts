import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { httpSignature } from "@bluepower/protocol/http/signature";
import { openDatabase } from "../../cloud/database/open.ts";
import { expectBooks } from "../books.ts";
import { type Cable, cable } from "./cable.ts";
import { freePorts } from "./ports.ts";
import { until } from "./until.ts";

/** One charger of the test's site; by default behind the gateway, managed, 1.50 yuan a unit. */
export interface SiteCharger {
  code: string;
  chip: string;
  gateway?: boolean;
  price?: string;
  /** How much faster it counts than the clock; by default as the site says. */
  speed?: number;
  /** The jam code on the record, where it is to differ from the charger's own. */
  recordedJamCode?: string;
  /** The record exists, the charger does not. */
  absent?: boolean;
}

export interface Answer {
  code: number;
  message: string;
  reason?: string;
  data: never[] | Record<string, unknown>[] | Record<string, unknown>;
}

export const MANAGER = "13900000001";
const GATEWAY = "gateway-1";
const dist = resolve(import.meta.dirname, "../../dist");
const execute = promisify(execFile);

/** A program is there within a second; a machine on which everything runs at once takes longer. */
const READY_MS = 60_000;

type Side = "user" | "manager";
type Apps = Record<Side, { appId: string; appKey: string; jamCode: string }>;
type Name = "air" | "sandbox" | "cloud" | "gateway" | (string & {});

/**
 * The whole system as real processes in a temporary folder, on free ports: programs of dist/, the virtual radio, a
 * cable between gateway and broker that can be pulled. `stop` ends and removes everything.
 */
export async function startSite(options: {
  chargers: SiteCharger[];
  speed?: number;
  timing?: "instant" | "interval";
  /** The socket of a radio that is there already: the site has no air of its own then. */
  radio?: string;
  /** Where the gateway's bundle lies, when it is not dist/gateway. */
  gatewayBundle?: string;
  env?: Record<string, string>;
}): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), "bluepower-e2e-"));
  const controls = await freePorts(options.chargers.length);
  const [port = 0, mqtt = 0, wire = 0, control = 0, local = 0, air = 0] = await freePorts(6);
  const broker = await cable({ port: mqtt });
  const socket = options.radio ?? join(dir, "air");
  const dataDir = join(dir, "cloud");
  await mkdir(dataDir, { recursive: true });
  const site = new Site({
    dir,
    dataDir,
    port,
    control,
    local,
    air,
    broker,
    chargers: options.chargers,
    controls,
  });

  const cloudEnv = {
    HOST: "127.0.0.1",
    DATA_DIR: dataDir,
    PORT: String(port),
    MQTT_PORT: String(mqtt),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    CREDENTIALS_FILE: join(dataDir, "sandbox/credentials.json"),
    WECHAT_API_URL: `http://127.0.0.1:${wire}`,
    WECHAT_PAY_URL: `http://127.0.0.1:${wire}`,
    SMS_URL: `http://127.0.0.1:${wire}`,
    ...options.env,
  };
  if (options.radio === undefined) {
    site.define("air", {
      args: [
        join(dist, "demo/virtual-air.js"),
        ...["--socket", socket, "--control", String(air), "--timing", options.timing ?? "instant"],
      ],
      env: {},
      ready: async () => (await stat(socket)).isSocket(),
    });
  }
  site.define("sandbox", {
    args: [join(dist, "sandbox/main.js")],
    env: { DATA_DIR: dataDir, SANDBOX_PORT: String(wire), SANDBOX_CONTROL_PORT: String(control) },
    ready: () => ok(`http://127.0.0.1:${control}/messages`),
  });
  site.define("cloud", {
    args: [join(dist, "cloud/main.js"), "serve"],
    env: cloudEnv,
    ready: () => ok(`http://127.0.0.1:${port}/healthz`),
  });
  const tokenFile = join(dir, "token");
  site.define("gateway", {
    args: [join(options.gatewayBundle ?? join(dist, "gateway"), "main.js"), "run"],
    env: {
      GATEWAY_ID: GATEWAY,
      GATEWAY_TOKEN_FILE: tokenFile,
      GATEWAY_PORT: String(local),
      BROKER_URL: `mqtt://127.0.0.1:${broker.port}`,
      DATA_DIR: join(dir, "gateway"),
      RADIO: `virtual:${socket}`,
      ...options.env,
    },
    ready: () => ok(`http://127.0.0.1:${local}/healthz`),
  });
  options.chargers.forEach((c, i) => {
    if (c.absent) return;
    site.define(c.code, {
      args: [
        join(dist, "firmware-sim/main.js"),
        ...["--chip", c.chip, "--radio", `virtual:${socket}`],
        ...["--speed", String(c.speed ?? options.speed ?? 1), "--control", String(controls[i])],
        ...["--state", join(dir, `${c.code}.json`)],
      ],
      env: {},
      ready: () => ok(`http://127.0.0.1:${controls[i]}/state`),
    });
  });

  try {
    if (options.radio === undefined) await site.start("air");
    await site.start("sandbox");
    await site.start("cloud");
    const cloud = (...args: string[]) => site.cloud(...args);
    await cloud("site", "add", "test-site", "--zone", "Asia/Shanghai");
    await cloud("gateway", "add", GATEWAY, "--site", "test-site", "--token-file", tokenFile);
    await cloud("manager", "add", MANAGER, "--name", "管理员");
    await cloud("manager", "approve", MANAGER);
    for (const c of options.chargers) {
      const jamFile = join(dir, `${c.code}.jam`);
      if (c.recordedJamCode !== undefined) await writeFile(jamFile, c.recordedJamCode);
      const jam = c.recordedJamCode === undefined ? [] : ["--jam-code-file", jamFile];
      const gateway = c.gateway === false ? [] : ["--gateway", GATEWAY];
      await cloud("device", "add", c.code, "--chip", c.chip, "--version", "1", ...jam, ...gateway);
      await cloud("device", "assign", c.code, "--manager", MANAGER);
      await cloud("device", "set", c.code, "--name", c.code, "--charge", "1", "--price", c.price ?? "1.50");
    }
    for (const c of options.chargers) if (!c.absent) await site.start(c.code);
    await site.start("gateway");
    return site;
  } catch (error) {
    const said = site.log();
    await site.stop();
    throw new Error(`the site did not start\n${said}`, { cause: error });
  }
}

const ok = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;

interface Definition {
  args: string[];
  env: Record<string, string>;
  ready: () => Promise<boolean>;
}

export class Site {
  readonly dir: string;
  readonly dataDir: string;
  readonly origin: string;
  readonly controlUrl: string;
  readonly airUrl: string;
  readonly gatewayUrl: string;
  readonly broker: Cable;
  readonly #chargers: readonly SiteCharger[];
  readonly #controls: readonly number[];
  readonly #definitions = new Map<Name, Definition>();
  readonly #running = new Map<Name, ChildProcess>();
  readonly #lines: string[] = [];
  #apps: Apps | undefined;
  /** Timestamp of the last of each change. */
  readonly #lastCalls = new Map<string, number>();

  constructor(of: {
    dir: string;
    dataDir: string;
    port: number;
    control: number;
    local: number;
    air: number;
    broker: Cable;
    chargers: readonly SiteCharger[];
    controls: readonly number[];
  }) {
    this.dir = of.dir;
    this.dataDir = of.dataDir;
    this.origin = `http://127.0.0.1:${of.port}`;
    this.controlUrl = `http://127.0.0.1:${of.control}`;
    this.gatewayUrl = `http://127.0.0.1:${of.local}`;
    this.airUrl = `http://127.0.0.1:${of.air}`;
    this.broker = of.broker;
    this.#chargers = of.chargers;
    this.#controls = of.controls;
  }

  define(name: Name, definition: Definition): void {
    this.#definitions.set(name, definition);
  }

  /** Starts a program and waits until it is ready. */
  async start(name: Name): Promise<void> {
    const definition = this.#definitions.get(name);
    if (definition === undefined) throw new Error(`no program ${name}`);
    const child = spawn(process.execPath, definition.args, {
      env: { PATH: process.env.PATH, LOG_LEVEL: "debug", ...definition.env },
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.dir,
    });
    this.#running.set(name, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => {
        this.#lines.push(
          ...String(bytes)
            .trimEnd()
            .split("\n")
            .map((l) => `${name}: ${l}`),
        );
      });
    }
    await until(`${name} is ready`, definition.ready, (ready) => ready, READY_MS);
  }

  /** Sends a signal to a program and, where it ends it, waits for the end. */
  async kill(name: Name, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal === "SIGSTOP" || signal === "SIGCONT") return;
    this.#running.delete(name);
    await new Promise<void>((done) => {
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      child.once("exit", () => {
        clearTimeout(late);
        done();
      });
    });
  }

  async stop(): Promise<void> {
    const order = ["gateway", ...this.#chargers.map((c) => c.code), "cloud", "sandbox", "air"];
    for (const name of order) await this.kill(name, "SIGTERM");
    await this.broker.close();
    try {
      await this.#books();
    } finally {
      await rm(this.dir, { recursive: true, force: true });
    }
  }

  /** Whatever a scenario has done, the cloud's books are in order when it is over. */
  async #books(): Promise<void> {
    if (!existsSync(join(this.dataDir, "cloud.db"))) return;
    const { db, close } = await openDatabase({ url: `sqlite:${this.databaseFile()}` });
    try {
      await expectBooks(db);
    } finally {
      await close();
    }
  }

  /** What the programs have written, for the message of a failed test. */
  log(last = 150): string {
    return this.#lines.slice(-last).join("\n");
  }

  lines(of: Name, pattern: RegExp): string[] {
    return this.#lines.filter((l) => l.startsWith(`${of}: `) && pattern.test(l));
  }

  /** A command of the operator's, beside the cloud that serves. Returns what it prints. */
  async cloud(...args: string[]): Promise<string> {
    const { stdout } = await execute(process.execPath, [join(dist, "cloud/main.js"), ...args], {
      env: { PATH: process.env.PATH, ...this.#definitions.get("cloud")?.env },
      timeout: 30_000,
    });
    return stdout;
  }

  /** A signed call of the user interface. A change is no repeat of an equal one before it, unless `exact` says so. */
  async call(
    method: string,
    own: Record<string, string | number>,
    exact?: { timestamp: number },
  ): Promise<Answer> {
    return await this.#call("user", method, own, exact);
  }

  /** A signed call of the manager interface. */
  async managerCall(method: string, own: Record<string, string | number>): Promise<Answer> {
    return await this.#call("manager", method, own);
  }

  async #call(
    side: Side,
    method: string,
    own: Record<string, string | number>,
    exact?: { timestamp: number },
  ): Promise<Answer> {
    this.#apps ??= JSON.parse(await readFile(join(this.dataDir, "apps.json"), "utf8")) as Apps;
    const app = this.#apps[side];
    const now = Math.floor(Date.now() / 1000);
    const what = JSON.stringify([method, own]);
    const timestamp = exact?.timestamp ?? Math.max(now, (this.#lastCalls.get(what) ?? 0) + 1);
    if (!/^(get|query)/.test(method)) this.#lastCalls.set(what, timestamp);
    const parameters = new Map<string, string>(
      Object.entries({ appId: app.appId, appKey: app.appKey, timestamp, ...own }).map(([k, v]) => [
        k,
        String(v),
      ]),
    );
    const body = { ...Object.fromEntries(parameters), signature: httpSignature(parameters, app.jamCode) };
    return (await this.post(
      `${this.origin}/oapi/bluepower_${side}/1_0/${method}`,
      body,
    )) as unknown as Answer;
  }

  async post(url: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      // No call waits longer than ten seconds for a charger; the rest is for a loaded machine.
      signal: AbortSignal.timeout(15_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  /** A user who has logged in and has a name. */
  async user(phone: string): Promise<{ user: string; session: string }> {
    const openid = `openid-${phone}`;
    const { jsCode } = await this.post(`${this.controlUrl}/login-code`, { app: "user", openid });
    const session = String(one(await this.call("userLogin", { jsCode: String(jsCode) })).session);
    const { code } = await this.post(`${this.controlUrl}/phone`, { app: "user", openid, phone });
    one(await this.call("getUserPhone", { session, code: String(code) }));
    one(await this.call("reportUserName", { user: phone, session, userName: "用户" }));
    return { user: phone, session };
  }

  /** The manager of all chargers, logged in. */
  async manager(): Promise<{ manager: string; session: string }> {
    const openid = `openid-${MANAGER}`;
    const { jsCode } = await this.post(`${this.controlUrl}/login-code`, { app: "manager", openid });
    const session = String(one(await this.managerCall("managerLogin", { jsCode: String(jsCode) })).session);
    const phone = { app: "manager", openid, phone: MANAGER };
    const { code } = await this.post(`${this.controlUrl}/phone`, phone);
    one(await this.managerCall("getManagerPhone", { session, code: String(code) }));
    return { manager: MANAGER, session };
  }

  #index(code: string): number {
    const i = this.#chargers.findIndex((c) => c.code === code);
    if (i < 0) throw new Error(`no charger ${code}`);
    return i;
  }

  /** The state on the control port of a charger. */
  async charger(code: string): Promise<ChargerState> {
    const answer = await fetch(`http://127.0.0.1:${this.#controls[this.#index(code)]}/state`, {
      signal: AbortSignal.timeout(5000),
    });
    return (await answer.json()) as ChargerState;
  }

  async chargerFault(code: string, fault: Record<string, unknown>): Promise<void> {
    await this.post(`http://127.0.0.1:${this.#controls[this.#index(code)]}/fault`, fault);
  }

  async airFault(fault: Record<string, unknown>): Promise<void> {
    await this.post(`${this.airUrl}/fault`, fault);
  }

  bluetoothName(code: string): string {
    return `BUC_${this.#chargers[this.#index(code)]?.chip}`;
  }

  /** Waits until the cloud says that the charger is online and reports its ports. */
  async reachable(code: string): Promise<void> {
    await until(
      `${code} is reachable`,
      async () => one(await this.call("getDeviceInfo", { deviceCode: code })),
      (device) => device.gateway === 1 && device.portState !== "",
      30_000,
    );
  }

  async order(who: { user: string; session: string }, orderId: string): Promise<Record<string, unknown>> {
    return one(await this.call("getPowerOrder", { ...who, orderId }));
  }

  /** Pays a bill in cash at WeChat, which tells the cloud of it; returns when the order is paid. */
  async pay(who: { user: string; session: string }, orderId: string, money: string): Promise<void> {
    const { package: wxPackage } = one(
      await this.call("payPowerOrder", { ...who, orderId, money, pmoney: 0, cash: money }),
    );
    await this.post(`${this.controlUrl}/pay`, {
      ...JSON.parse(String(wxPackage)),
      outcome: "success",
      notify: "once",
    });
    await until(
      "the order is paid",
      () => this.order(who, orderId),
      (o) => o.payState === "paid",
    );
  }

  databaseFile(): string {
    const file = join(this.dataDir, "cloud.db");
    if (!existsSync(file)) throw new Error(`no ${file}`);
    return file;
  }
}

export interface ChargerState {
  ports: { port: number; state: "free" | "running" | "damaged"; minutesLeft: number }[];
  [more: string]: unknown;
}

/** The one object of a list answer; throws with the answer when the call was refused. */
export function one(answer: Answer): Record<string, unknown> {
  const first = Array.isArray(answer.data) ? answer.data[0] : answer.data;
  if (answer.code !== 0 || first === undefined) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return first;
}
