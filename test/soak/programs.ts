import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Clock, instant } from "@bluepower/protocol/clock";
import type { Random } from "@bluepower/protocol/random";
import { chipId, deviceCode, fen, gatewayId, phone } from "@bluepower/protocol/units";
import { openDatabase, transaction } from "../../cloud/database/open.ts";
import { assignGateway, assignManager, registerDevice, setDevice } from "../../cloud/devices/register.ts";
import { touchDesired } from "../../cloud/gateways/desired.ts";
import { addGateway } from "../../cloud/gateways/identity.ts";
import { approveManager, registerManager } from "../../cloud/people/managers.ts";
import { addSite } from "../../cloud/sites/sites.ts";
import { cable } from "../e2e/cable.ts";
import { freePorts } from "../e2e/ports.ts";
import { Site } from "../e2e/site.ts";
import type { App, Side } from "./caller.ts";
import type { Journal } from "./journal.ts";

const dist = resolve(import.meta.dirname, "../../dist");
/** WeChat's pauses, shortened: a late notification comes after a second, an unanswered one again after three. */
const NOTIFY_SCALE = 0.2;
const PRICE = fen(150);

export interface Programs {
  site: Site;
  apps: Record<Side, App>;
  mqttUrl: string;
  gateways: { id: ReturnType<typeof gatewayId>; token: string; chargers: string[] }[];
}

/**
 * Cloud and sandbox as real processes in a temporary folder, without a radio. What an operator enters at first is in the
 * database before the cloud begins. `site.stop` ends and removes everything.
 */
export async function startPrograms(of: {
  clock: Clock;
  random: Random;
  journal: Journal;
  managers: readonly string[];
  gateways: number;
  chargersEach: number;
  /** Where the cloud's bundle lies, when it is not dist/cloud. */
  cloudBundle: string | undefined;
}): Promise<Programs> {
  const dir = await mkdtemp(join(tmpdir(), "bluepower-soak-"));
  const dataDir = join(dir, "cloud");
  await mkdir(dataDir);
  const [port = 0, mqtt = 0, wire = 0, control = 0] = await freePorts(4);
  const broker = await cable({ port: mqtt });
  const site = new Site({
    ...{ dir, dataDir, port, control, broker, local: 0, air: 0 },
    ...{ chargers: [], controls: [] },
  });
  const wechat = `http://127.0.0.1:${wire}`;
  site.define("sandbox", {
    args: [join(dist, "sandbox/main.js"), "--notify-scale", String(NOTIFY_SCALE)],
    env: { DATA_DIR: dataDir, SANDBOX_PORT: String(wire), SANDBOX_CONTROL_PORT: String(control) },
    ready: () => answers(`http://127.0.0.1:${control}/healthz`),
  });
  site.define("cloud", {
    args: [join(of.cloudBundle ?? join(dist, "cloud"), "main.js"), "serve"],
    env: {
      HOST: "127.0.0.1",
      DATA_DIR: dataDir,
      PORT: String(port),
      MQTT_PORT: String(mqtt),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      CREDENTIALS_FILE: join(dataDir, "sandbox/credentials.json"),
      ...{ WECHAT_API_URL: wechat, WECHAT_PAY_URL: wechat, SMS_URL: wechat },
      // Every phone has an address, and so rates, of its own.
      TRUST_PROXY: "1",
      LOG_LEVEL: "warn",
    },
    ready: () => answers(`http://127.0.0.1:${port}/healthz`),
  });
  try {
    const gateways = await furnish(join(dataDir, "cloud.db"), of);
    await site.start("sandbox");
    await site.start("cloud");
    const apps = JSON.parse(await readFile(join(dataDir, "apps.json"), "utf8")) as Record<Side, App>;
    return { site, apps, gateways, mqttUrl: `mqtt://127.0.0.1:${broker.port}` };
  } catch (error) {
    const said = site.log();
    await site.stop().catch(() => {});
    throw new Error(`the programs did not start\n${said}`, { cause: error });
  }
}

const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;

async function furnish(
  file: string,
  of: {
    clock: Clock;
    random: Random;
    journal: Journal;
    managers: readonly string[];
    gateways: number;
    chargersEach: number;
  },
): Promise<Programs["gateways"]> {
  const by = { who: "soak", at: instant(of.clock.now()) };
  const { db, close } = await openDatabase({ url: `sqlite:${file}` });
  try {
    return await transaction(db, async (tx) => {
      await addSite(tx, { name: "yard", zone: "Asia/Shanghai" }, by);
      for (const manager of of.managers) {
        await registerManager(tx, { phone: phone(manager) }, by);
        await approveManager(tx, { phone: phone(manager) }, by);
      }
      const gateways: Programs["gateways"] = [];
      let n = 0;
      for (let g = 1; g <= of.gateways; g++) {
        const id = gatewayId(`gw-${g}`);
        const random = of.random.fork(`token ${g}`);
        const added = await addGateway(tx, { gatewayId: id, site: "yard", random }, by);
        if (added.kind !== "added") throw new Error(`gateway ${id}: ${added.kind}`);
        const chargers: string[] = [];
        for (let c = 0; c < of.chargersEach; c++, n++) {
          const code = deviceCode(`SOAK${String(n).padStart(4, "0")}`);
          const owner = of.managers[n % of.managers.length] ?? "";
          const chip = chipId(`50A${String(n).padStart(9, "0")}`);
          await registerDevice(tx, { deviceCode: code, chip, version: 1 }, by);
          await assignManager(tx, { deviceCode: code, manager: phone(owner), touchDesired }, by);
          const values = { chargeFlag: 1 as const, unitPrice: PRICE, deviceName: code };
          await setDevice(tx, { deviceCode: code, touchDesired, ...values }, by);
          await assignGateway(tx, { deviceCode: code, gatewayId: id, touchDesired }, by);
          of.journal.devices.set(code, { owner, price: PRICE, name: code });
          chargers.push(code);
        }
        gateways.push({ id, token: added.token, chargers });
      }
      return gateways;
    });
  } finally {
    await close();
  }
}
